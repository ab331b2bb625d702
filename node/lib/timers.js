'use strict';
// `node:timers`.
const { internals } = require('internal/selvedge/host');
const { ObjectDefineProperty, SymbolFor, SymbolToPrimitive } = primordials;
const base = internals.selvedge.timers;
const { Immediate, Timeout } = require('internal/timers');
const promisified = SymbolFor('nodejs.util.promisify.custom');

/** (Each Worker that sets a timer comes by here: more loads for mistakes only.) */
function checkCallback(callback) {
  if (typeof callback !== 'function') require('internal/validators').validateFunction(callback, 'callback');
}

function setTimeout(callback, delay = undefined, ...args) {
  checkCallback(callback);
  return new Timeout(callback, delay, args, false);
}

function setInterval(callback, delay = undefined, ...args) {
  checkCallback(callback);
  return new Timeout(callback, delay, args, true);
}

function setImmediate(callback, ...args) {
  checkCallback(callback);
  return new Immediate(callback, args);
}

function clearTimeout(timer) {
  if (timer instanceof Timeout) timer.close();
  else if (timer instanceof Immediate || typeof timer === 'number' || typeof timer === 'string') base.clearTimeout(+timer);
}

function clearInterval(timer) {
  clearTimeout(timer);
}

function clearImmediate(timer) {
  if (timer instanceof Immediate) base.clearImmediate(timer[SymbolToPrimitive]());
}

const promised = (target, name) =>
  ObjectDefineProperty(target, promisified, {
    __proto__: null,
    enumerable: true,
    get: () => require('timers/promises')[name],
  });
promised(setTimeout, 'setTimeout');
promised(setImmediate, 'setImmediate');

module.exports = {
  setTimeout,
  clearTimeout,
  setImmediate,
  clearImmediate,
  setInterval,
  clearInterval,
  active(timer) {
    timer?.refresh?.();
  },
  _unrefActive(timer) {
    timer?.refresh?.();
  },
  enroll() {},
  unenroll: clearTimeout,
};
ObjectDefineProperty(module.exports, 'promises', {
  __proto__: null,
  configurable: true,
  enumerable: true,
  get: () => require('timers/promises'),
});
