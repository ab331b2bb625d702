'use strict';
// What modules of Node's have, or lose, by compatibility flags.
const { isOff } = require('internal/selvedge/host');
const { Error, ObjectDefineProperty, ObjectKeys } = primordials;
const { notImplemented } = require('internal/selvedge/unsupported');

function method(name, makeError) {
  // Not an arrow function: these are there to be called, with `new` or without.
  const own = function() {
    throw makeError();
  };
  ObjectDefineProperty(own, 'name', { __proto__: null, value: name, configurable: true });
  return own;
}

/** What Node.js 22 has no more is there by name until its end of life is over. */
function crypto(exports) {
  const ended = !isOff('remove_nodejs_compat_eol_v22');
  for (const name of ['createCipher', 'createDecipher', 'Cipher', 'Decipher']) {
    exports[name] = ended ? undefined : method(name, () => notImplemented(name));
  }
}

/** What Node.js 23 has no more. */
function util(exports) {
  const names = [
    'isBoolean', 'isBuffer', 'isDate', 'isError', 'isFunction', 'isNull', 'isNullOrUndefined', 'isNumber',
    'isObject', 'isPrimitive', 'isRegExp', 'isString', 'isSymbol', 'isUndefined',
  ];
  for (const name of names) exports[name] = undefined;
}

/** Before it came, `node:zlib` had names and constants only, and `crc32()`. */
function zlib(exports) {
  const own = {};
  for (const name of ObjectKeys(exports)) {
    own[name] = typeof exports[name] !== 'function' || name === 'crc32'
      ? exports[name]
      : method('notImplemented', () => new Error('Compatibility flag "nodejs_zlib" is not enabled'));
  }
  return own;
}

module.exports = { crypto, util, zlib };
