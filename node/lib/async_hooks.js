'use strict';
// `node:async_hooks`. What a store holds is part of the frame that V8 carries from
// code to all that it starts: promises, timers, streams, `waitUntil`.
const { core, isOff } = require('internal/selvedge/host');
const { Error, ObjectDefineProperties, ObjectFreeze, ReflectApply, ReflectOwnKeys, Symbol } = primordials;
const { getAsyncContext, setAsyncContext } = core;
const { validateFunction, validateString } = require('internal/validators');
const { ERR_ASYNC_TYPE } = require('internal/errors').codes;
const { newAsyncId } = require('internal/async_hooks');

/** The present frame with another value under a key; `remove` takes it out. */
function frameWith(key, value, remove = false) {
  const before = getAsyncContext();
  const frame = { __proto__: null, io: before?.io, section: before?.section };
  // A request's context is a frame, too, but what it has besides is its own.
  if (before !== undefined && before !== null && before !== before.io) {
    const keys = ReflectOwnKeys(before);
    for (let i = 0; i < keys.length; i++) frame[keys[i]] = before[keys[i]];
  }
  if (remove) delete frame[key];
  else frame[key] = value;
  return frame;
}

/** Calls a function in a frame. Its request stays the present one. */
function runInFrame(frame, callback, receiver, args) {
  const before = getAsyncContext();
  setAsyncContext(frame);
  try {
    return ReflectApply(callback, receiver, args);
  } finally {
    setAsyncContext(before);
  }
}

const OTHER_REQUEST =
  'Cannot call this AsyncLocalStorage bound function outside of the request in which it was created.';

/** Throws where a frame is that of another request, if that matters to the Worker. */
function checkRequest(frame) {
  const io = getAsyncContext()?.io;
  if (io !== frame?.io && frame?.io !== undefined && !isOff('bind_asynclocalstorage_snapshot_to_request')) {
    throw new Error(OTHER_REQUEST);
  }
}

class AsyncLocalStorage {
  #key = Symbol('AsyncLocalStorage');
  #defaultValue;
  #name;

  constructor(options = undefined) {
    this.#defaultValue = options?.defaultValue;
    this.#name = options?.name === undefined ? '' : `${options.name}`;
  }

  static bind(callback) {
    return AsyncResource.bind(callback);
  }

  static snapshot() {
    const frame = getAsyncContext();
    return (callback, ...args) => {
      checkRequest(frame);
      return runInFrame(frame, callback, undefined, args);
    };
  }

  get name() {
    return this.#name;
  }

  run(store, callback, ...args) {
    validateFunction(callback, 'callback');
    return runInFrame(frameWith(this.#key, store), callback, null, args);
  }

  exit(callback, ...args) {
    validateFunction(callback, 'callback');
    return runInFrame(frameWith(this.#key, undefined, true), callback, null, args);
  }

  getStore() {
    const frame = getAsyncContext();
    if (frame === undefined || frame === null || !(this.#key in frame)) return this.#defaultValue;
    return frame[this.#key];
  }

  enterWith(store) {
    setAsyncContext(frameWith(this.#key, store));
  }

  disable() {
    setAsyncContext(frameWith(this.#key, undefined, true));
  }
}

class AsyncResource {
  #frame = getAsyncContext();
  #id = newAsyncId();

  constructor(type, _options = undefined) {
    validateString(type, 'type');
    if (type.length === 0) throw new ERR_ASYNC_TYPE(type);
  }

  static bind(callback, type = undefined, receiver = undefined) {
    type = type || callback?.name;
    return new AsyncResource(type || 'bound-anonymous-fn').bind(callback, receiver);
  }

  runInAsyncScope(callback, receiver = undefined, ...args) {
    validateFunction(callback, 'fn');
    return runInFrame(this.#frame, callback, receiver, args);
  }

  bind(callback, receiver = undefined) {
    validateFunction(callback, 'fn');
    const resource = this;
    const bound = function(...args) {
      checkRequest(resource.#frame);
      return runInFrame(resource.#frame, callback, receiver === undefined ? this : receiver, args);
    };
    ObjectDefineProperties(bound, {
      'length': { __proto__: null, configurable: true, enumerable: false, value: callback.length, writable: false },
      'asyncResource': { __proto__: null, configurable: true, enumerable: true, value: this, writable: true },
    });
    return bound;
  }

  asyncId() {
    return this.#id;
  }

  triggerAsyncId() {
    return 0;
  }

  emitDestroy() {
    return this;
  }
}

class AsyncHook {
  enable() {
    return this;
  }

  disable() {
    return this;
  }
}

module.exports = {
  AsyncLocalStorage,
  AsyncResource,
  asyncWrapProviders: ObjectFreeze({ __proto__: null }),
  createHook: () => new AsyncHook(),
  executionAsyncId: () => 0,
  executionAsyncResource: () => ({ __proto__: null }),
  triggerAsyncId: () => 0,
};
