'use strict';
// Keys: what KeyObjects hold, and making new ones.
const { genericNodeError } = require('internal/errors');
const { ops } = require('internal/selvedge/host');
const { bytesOf, jobOf, opensslError } = require('internal/selvedge/crypto/job');
const names = require('internal/selvedge/crypto/names');
const { notImplemented } = require('internal/selvedge/unsupported');
const { Buffer } = require('buffer');
const { ObjectAssign, RegExpPrototypeExec, StringPrototypeReplaceAll, StringPrototypeStartsWith, StringPrototypeToUpperCase, TypeError } =
  primordials;
const { kKeyEncodingPKCS1, kKeyEncodingPKCS8, kKeyEncodingSEC1, kKeyEncodingSPKI, kKeyFormatDER, kKeyFormatPEM, kKeyFormatJWK } = names;
const { kKeyTypePrivate, kKeyTypePublic, kKeyTypeSecret } = names;

const OPENSSL = /^error:[0-9A-F]+:(.*) routines::(.*)$/;
const LIBRARIES = { '__proto__': null, 'rsa': 'RSA_', 'digital envelope': 'EVP_' };

/** Calls an op, and gives what it throws Node's codes. */
function call(op, ...args) {
  try {
    return op(...args);
  } catch (error) {
    const match = RegExpPrototypeExec(OPENSSL, error.message);
    if (match !== null) {
      const reason = StringPrototypeReplaceAll(StringPrototypeToUpperCase(match[2]), ' ', '_');
      const made = opensslError(`ERR_OSSL_${LIBRARIES[match[1]] ?? ''}${reason}`, error.message);
      made.library = `${match[1]} routines`;
      made.reason = match[2];
      throw made;
    }
    if (StringPrototypeStartsWith(error.message, 'Passphrase required')) {
      throw opensslError('ERR_MISSING_PASSPHRASE', error.message, TypeError);
    }
    if (error.message === 'Invalid EC curve name') throw opensslError('ERR_CRYPTO_INVALID_CURVE', error.message, TypeError);
    if (error.message === 'Invalid digest') throw opensslError('ERR_CRYPTO_INVALID_DIGEST', error.message, TypeError);
    if (StringPrototypeStartsWith(error.message, 'operation not supported')) {
      throw opensslError('ERR_OSSL_EVP_OPERATION_NOT_SUPPORTED_FOR_THIS_KEYTYPE', error.message);
    }
    throw error;
  }
}

const LABELS = [];
LABELS[kKeyEncodingPKCS1] = ['RSA PUBLIC KEY', 'RSA PRIVATE KEY'];
LABELS[kKeyEncodingPKCS8] = ['', 'PRIVATE KEY'];
LABELS[kKeyEncodingSPKI] = ['PUBLIC KEY', ''];
LABELS[kKeyEncodingSEC1] = ['', 'EC PRIVATE KEY'];

function pem(label, der) {
  const text = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64');
  let lines = '';
  for (let i = 0; i < text.length; i += 64) lines += `${text.slice(i, i + 64)}\n`;
  return `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`;
}

class KeyObjectHandle {
  #type = kKeyTypeSecret;
  #secret = null;
  /** Of a pair: its kind, and both halves in DER. */
  #pair = null;
  /** Whether it is of a CryptoKey that is not to be exported. */
  #isSealed = false;

  seal() {
    this.#isSealed = true;
  }

  #checkExport() {
    if (this.#isSealed) throw new TypeError('Unable to export non-extractable key');
  }

  init(type, data, format, encoding, passphrase) {
    this.#type = type;
    if (type === kKeyTypeSecret) {
      this.#secret = bytesOf(data).slice();
      return;
    }
    if (data instanceof KeyObjectHandle) {
      // The public half of a private key.
      this.#pair = { ...data.#pair, private: null };
      return;
    }
    this.#pair = call(
      ops.op_node_key_parse,
      type === kKeyTypePrivate,
      bytesOf(data),
      format === kKeyFormatPEM || format === undefined,
      encoding ?? -1,
      passphrase === undefined || passphrase === null ? null : bytesOf(passphrase),
    );
  }

  initPair(type, pair) {
    this.#type = type;
    this.#pair = type === kKeyTypePublic ? { ...pair, private: null } : pair;
    return this;
  }

  initJwk(jwk) {
    if (jwk.kty === 'oct') {
      this.#secret = Buffer.from(jwk.k, 'base64url');
      return kKeyTypeSecret;
    }
    try {
      this.#pair = ops.op_node_key_from_jwk(jwk);
    } catch {
      return undefined;
    }
    this.#type = this.#pair.private ? kKeyTypePrivate : kKeyTypePublic;
    return this.#type;
  }

  initEDRaw(crv, data, type) {
    const text = Buffer.from(data).toString('base64url');
    const jwk = { kty: 'OKP', crv };
    jwk[type === kKeyTypePrivate ? 'd' : 'x'] = text;
    return this.initJwk(jwk) !== undefined;
  }

  initECRaw(curve, point) {
    const bytes = bytesOf(point);
    const whole = ops.op_node_ecdh_convert(curve, bytes, false);
    if (!whole) return false;
    const size = (whole.length - 1) / 2;
    const crv = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }[curve] ?? curve;
    const part = (from) => Buffer.from(whole.slice(from, from + size)).toString('base64url');
    return this.initJwk({ kty: 'EC', crv, x: part(1), y: part(1 + size) }) !== undefined;
  }

  get pair() {
    return this.#pair;
  }

  get isPrivate() {
    return this.#type === kKeyTypePrivate;
  }

  secretBytes() {
    if (this.#secret === null) throw opensslError('ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE', 'the key is no secret', TypeError);
    return this.#secret;
  }

  getSymmetricKeySize() {
    return this.#secret.length;
  }

  getAsymmetricKeyType() {
    return this.#pair.kind;
  }

  keyDetail(target) {
    const details = ops.op_node_key_details(this.#pair.public);
    if (details.modulusLength > 0) {
      target.modulusLength = details.modulusLength;
      target.publicExponent = details.publicExponent.buffer;
    } else if (details.namedCurve !== '') {
      target.namedCurve = details.namedCurve;
    }
    return target;
  }

  checkEcKeyData() {
    return true;
  }

  equals(other) {
    if (this.#type !== other.#type) return false;
    if (this.#secret !== null) {
      return this.#secret.length === other.#secret.length && ops.op_timing_safe_equal(this.#secret, other.#secret);
    }
    const half = this.isPrivate ? 'private' : 'public';
    return ops.op_timing_safe_equal(this.#pair[half], other.#pair[half]);
  }

  export(format, encoding, cipher, passphrase) {
    this.#checkExport();
    if (this.#secret !== null) return Buffer.from(this.#secret);
    const isPrivate = this.isPrivate;
    const isSealed = cipher !== undefined && cipher !== null;
    if (isSealed && encoding !== kKeyEncodingPKCS8) throw notImplemented('KeyObject.export() of encrypted PKCS #1 and SEC 1');
    if (isSealed && ops.op_node_cipher_info(`${cipher}`, 0) === null) {
      throw genericNodeError('Unknown cipher', { code: 'ERR_CRYPTO_UNKNOWN_CIPHER' });
    }
    const der = call(
      ops.op_node_key_export,
      isPrivate,
      isPrivate ? this.#pair.private : this.#pair.public,
      encoding,
      isSealed ? bytesOf(passphrase) : null,
    );
    if (format === kKeyFormatDER) return Buffer.from(der.buffer, der.byteOffset, der.byteLength);
    return pem(isSealed ? 'ENCRYPTED PRIVATE KEY' : LABELS[encoding][isPrivate ? 1 : 0], der);
  }

  exportJwk(target) {
    this.#checkExport();
    if (this.#secret !== null) {
      return ObjectAssign(target, { kty: 'oct', k: Buffer.from(this.#secret).toString('base64url') });
    }
    const isPrivate = this.isPrivate;
    try {
      return ObjectAssign(target, ops.op_node_key_jwk(isPrivate, isPrivate ? this.#pair.private : this.#pair.public));
    } catch {
      const { ERR_CRYPTO_JWK_UNSUPPORTED_KEY_TYPE } = require('internal/errors').codes;
      throw new ERR_CRYPTO_JWK_UNSUPPORTED_KEY_TYPE();
    }
  }
}

/** The key that a function was given: a handle, or bytes and what they are. */
function keyOf(type, data, format, encoding, passphrase) {
  if (data instanceof KeyObjectHandle) return data;
  const handle = new KeyObjectHandle();
  handle.init(type, data, format, encoding, passphrase);
  return handle;
}

/** Both halves of a new pair, as keys or in the encodings that are asked for. */
function encodedPair(pair, publicFormat, publicType, privateFormat, privateType, cipher, passphrase) {
  const half = (type, format, encoding) => {
    const handle = new KeyObjectHandle().initPair(type, pair);
    if (format === undefined) return handle;
    if (format === kKeyFormatJWK) return handle.exportJwk({});
    return type === kKeyTypePublic ? handle.export(format, encoding) : handle.export(format, encoding, cipher, passphrase);
  };
  return [half(kKeyTypePublic, publicFormat, publicType), half(kKeyTypePrivate, privateFormat, privateType)];
}

const generate = (kind, bits, exponent, curve) => {
  require('internal/selvedge/crypto/random').checkScope();
  return call(ops.op_node_key_generate, kind, bits, exponent, curve);
};

const RsaKeyPairGenJob = jobOf((variant, bits, exponent, ...rest) => {
  const isPss = variant === names.kKeyVariantRSA_PSS;
  const pair = generate(isPss ? 'rsa-pss' : 'rsa', bits, exponent, '');
  return encodedPair(pair, ...(isPss ? rest.slice(3) : rest));
});
const NIDS = { __proto__: null, [names.EVP_PKEY_ED25519]: 'ed25519', [names.EVP_PKEY_X25519]: 'x25519' };

const no = (what) => jobOf(() => {
  throw notImplemented(`crypto.generateKeyPair('${what}')`);
});

module.exports = {
  call,
  createNativeKeyObjectClass(make) {
    const classes = make(class NativeKeyObject {});
    require('internal/selvedge/crypto/bridge').connect(KeyObjectHandle, classes);
    return classes;
  },
  DhKeyPairGenJob: no('dh'),
  DsaKeyPairGenJob: no('dsa'),
  EcKeyPairGenJob: jobOf((curve, _parameters, ...rest) => encodedPair(generate('ec', 0, 0, curve), ...rest)),
  KeyObjectHandle,
  keyOf,
  pem,
  NidKeyPairGenJob: jobOf((id, ...rest) => {
    const kind = NIDS[id];
    if (kind === undefined) throw notImplemented("crypto.generateKeyPair('ed448' or 'x448')");
    return encodedPair(generate(kind, 0, 0, ''), ...rest);
  }),
  RsaKeyPairGenJob,
  SecretKeyGenJob: jobOf((bits) => {
    const bytes = require('crypto').randomBytes(bits >> 3);
    const handle = new KeyObjectHandle();
    handle.init(kKeyTypeSecret, bytes);
    return handle;
  }),
};
