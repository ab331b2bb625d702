'use strict';
// Between KeyObjects and the platform's CryptoKeys. What is not to be exported
// stays so: its KeyObject signs and computes, but gives no bytes away.
const { core } = require('internal/selvedge/host');
const { kHandle, kKeyObject } = require('internal/crypto/util');
const { kKeyEncodingPKCS8, kKeyEncodingSPKI, kKeyFormatDER, kKeyTypePrivate, kKeyTypePublic, kKeyTypeSecret } =
  require('internal/selvedge/crypto/names');
const { ObjectDefineProperty, ObjectGetPrototypeOf, ReflectApply, ReflectGetOwnPropertyDescriptor, SafeWeakMap } = primordials;

const { CryptoKey, importNow, materialOf } = core.loadExtScript('ext:selvedge/crypto.js');
const getExtractable = ReflectGetOwnPropertyDescriptor(CryptoKey.prototype, 'extractable').get;
const getType = ReflectGetOwnPropertyDescriptor(CryptoKey.prototype, 'type').get;

function isCryptoKey(value) {
  try {
    ReflectApply(getType, value, []);
    return true;
  } catch {
    return false;
  }
}

/** Gives the classes of KeyObjects the way to CryptoKeys and back. */
function connect(KeyObjectHandle, { 0: KeyObject, 1: SecretKeyObject, 2: PublicKeyObject, 3: PrivateKeyObject }) {
  const made = new SafeWeakMap();

  /** The KeyObject of a CryptoKey: the same one each time. */
  function keyObjectOf(key) {
    const before = made.get(key);
    if (before !== undefined) return before;
    const { data } = materialOf(key);
    const type = ReflectApply(getType, key, []);
    const handle = new KeyObjectHandle();
    let object;
    if (type === 'secret') {
      handle.init(kKeyTypeSecret, data);
      object = new SecretKeyObject(handle);
    } else if (type === 'public') {
      handle.init(kKeyTypePublic, data, kKeyFormatDER, kKeyEncodingSPKI);
      object = new PublicKeyObject(handle);
    } else {
      handle.init(kKeyTypePrivate, data, kKeyFormatDER, kKeyEncodingPKCS8);
      object = new PrivateKeyObject(handle);
    }
    if (!ReflectApply(getExtractable, key, [])) handle.seal();
    made.set(key, object);
    return object;
  }

  function from(key) {
    if (!isCryptoKey(key)) {
      const { ERR_INVALID_ARG_TYPE } = require('internal/errors').codes;
      throw new ERR_INVALID_ARG_TYPE('key', 'CryptoKey', key);
    }
    return keyObjectOf(key);
  }

  function toCryptoKey(algorithm, extractable, keyUsages) {
    const handle = this[kHandle];
    switch (this.type) {
      case 'secret':
        return importNow('raw', handle.export(), algorithm, extractable, keyUsages);
      case 'public':
        return importNow('spki', handle.export(kKeyFormatDER, kKeyEncodingSPKI), algorithm, extractable, keyUsages);
      default:
        return importNow('pkcs8', handle.export(kKeyFormatDER, kKeyEncodingPKCS8), algorithm, extractable, keyUsages);
    }
  }

  const define = (object, name, value) =>
    ObjectDefineProperty(object, name, { __proto__: null, value, writable: true, configurable: true });
  define(KeyObject, 'from', from);
  define(SecretKeyObject.prototype, 'toCryptoKey', toCryptoKey);
  define(ObjectGetPrototypeOf(PublicKeyObject.prototype), 'toCryptoKey', toCryptoKey);
  // Where functions of node:crypto take a CryptoKey, they look for this.
  ObjectDefineProperty(CryptoKey.prototype, kKeyObject, {
    __proto__: null,
    get() {
      return isCryptoKey(this) ? keyObjectOf(this) : undefined;
    },
    configurable: true,
  });
}

module.exports = { connect };
