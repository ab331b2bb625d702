'use strict';
// `node:timers/promises`.
const { Promise, PromiseReject, SafePromisePrototypeFinally: always } = primordials;
const timers = require('timers');
const { AbortError } = require('internal/errors');
const { validateAbortSignal, validateBoolean, validateNumber, validateObject } = require('internal/validators');

function check(options) {
  validateObject(options, 'options');
  const { signal, ref = true } = options;
  validateAbortSignal(signal, 'options.signal');
  validateBoolean(ref, 'options.ref');
  return signal;
}

function later(set, clear, value, options) {
  let signal;
  try {
    signal = check(options);
  } catch (error) {
    return PromiseReject(error);
  }
  if (signal?.aborted) return PromiseReject(new AbortError(undefined, { cause: signal.reason }));
  let onAbort;
  const promise = new Promise((resolve, reject) => {
    const timer = set(() => resolve(value));
    if (signal !== undefined) {
      onAbort = () => {
        clear(timer);
        reject(new AbortError(undefined, { cause: signal.reason }));
      };
      signal.addEventListener('abort', onAbort, { once: true });
    }
  });
  return onAbort === undefined ? promise : always(promise, () => signal.removeEventListener('abort', onAbort));
}

function setTimeout(delay = undefined, value = undefined, options = {}) {
  try {
    if (delay !== undefined) validateNumber(delay, 'delay');
  } catch (error) {
    return PromiseReject(error);
  }
  return later((done) => timers.setTimeout(done, delay), timers.clearTimeout, value, options);
}

function setImmediate(value = undefined, options = {}) {
  return later((done) => timers.setImmediate(done), timers.clearImmediate, value, options);
}

async function* setInterval(delay = undefined, value = undefined, options = {}) {
  const signal = check(options);
  if (delay !== undefined) validateNumber(delay, 'delay');
  const aborted = () => new AbortError(undefined, { cause: signal.reason });
  if (signal?.aborted) throw aborted();
  let due = 0;
  let wake = null;
  const ring = () => {
    wake?.();
    wake = null;
  };
  const timer = timers.setInterval(() => {
    due++;
    ring();
  }, delay);
  signal?.addEventListener('abort', ring, { once: true });
  try {
    for (;;) {
      if (signal?.aborted) throw aborted();
      if (due === 0) await new Promise((resolve) => wake = resolve);
      for (; due > 0; due--) yield value;
    }
  } finally {
    timers.clearTimeout(timer);
    signal?.removeEventListener('abort', ring);
  }
}

const scheduler = {
  wait: (delay, options = undefined) => setTimeout(delay, undefined, options ?? {}),
  yield: () => setImmediate(),
};

module.exports = { setTimeout, setImmediate, setInterval, scheduler };
