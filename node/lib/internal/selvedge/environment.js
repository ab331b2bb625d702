'use strict';
// `process.env`: what of the Worker's `env` is text or JSON, as text. Nothing of
// the host's environment.
const { internals, isOff } = require('internal/selvedge/host');
const {
  JSONStringify, ObjectGetPrototypeOf, ObjectKeys, ObjectPrototype, ArrayIsArray, Proxy, ReflectDefineProperty, ReflectSet, String, TypeError,
} = primordials;

function isPlain(value) {
  if (typeof value !== 'object' || value === null) return value === null;
  return ArrayIsArray(value) || ObjectGetPrototypeOf(value) === ObjectPrototype;
}

function textOf(value) {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'boolean':
      return String(value);
    default:
      return isPlain(value) ? JSONStringify(value) : undefined;
  }
}

module.exports = () => {
  const values = {};
  if (!isOff('nodejs_compat_populate_process_env')) {
    const env = internals.env() ?? {};
    const keys = ObjectKeys(env);
    for (let i = 0; i < keys.length; i++) {
      const text = textOf(env[keys[i]]);
      if (text !== undefined) values[keys[i]] = text;
    }
  }
  return new Proxy(values, {
    __proto__: null,
    set(target, key, value, receiver) {
      if (typeof key === 'symbol' || typeof value === 'symbol') throw new TypeError('Cannot convert a Symbol value to a string');
      return ReflectSet(target, key, `${value}`, receiver);
    },
    defineProperty(target, key, descriptor) {
      if ('value' in descriptor) descriptor = { __proto__: null, ...descriptor, value: `${descriptor.value}` };
      return ReflectDefineProperty(target, key, descriptor);
    },
  });
};
