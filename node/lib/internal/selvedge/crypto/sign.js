'use strict';
// Signatures.
const { ops } = require('internal/selvedge/host');
const { bytesOf, jobOf, opensslError } = require('internal/selvedge/crypto/job');
const { kKeyTypePrivate, kKeyTypePublic, kSigEncP1363, kSignJobModeSign } = require('internal/selvedge/crypto/names');
const { call, keyOf } = require('internal/selvedge/crypto/keys');
const { Buffer } = require('buffer');
const { ArrayPrototypePush, TypeError } = primordials;

const SALT_AUTO = -2;

/** How to sign, for the op: padding, salt, and how two numbers stand. */
const how = (padding, salt, encoding) => [padding ?? -1, salt ?? SALT_AUTO, encoding === kSigEncP1363];

function checked(algorithm, key) {
  const { kind } = key.pair;
  if (algorithm === null || algorithm === undefined) {
    return kind === 'ed25519' ? '' : 'sha256';
  }
  if (ops.op_node_hash_size(algorithm) === 0) {
    throw opensslError('ERR_CRYPTO_INVALID_DIGEST', `Invalid digest: ${algorithm}`, TypeError);
  }
  return algorithm;
}

function sign(key, algorithm, data, options) {
  const made = call(ops.op_node_sign, key.pair.private, checked(algorithm, key), data, options);
  return Buffer.from(made.buffer, made.byteOffset, made.byteLength);
}

function verify(key, algorithm, data, options, signature) {
  return call(ops.op_node_verify, key.pair.public, checked(algorithm, key), data, options, signature);
}

class Base {
  algorithm;
  #chunks = [];

  init(algorithm) {
    if (ops.op_node_hash_size(algorithm) === 0) throw opensslError('ERR_OSSL_EVP_INVALID_DIGEST', 'Invalid digest', primordials.Error);
    this.algorithm = algorithm;
  }

  update(data, encoding) {
    ArrayPrototypePush(this.#chunks, typeof data === 'string' ? Buffer.from(data, encoding) : Buffer.from(bytesOf(data)));
  }

  data() {
    return Buffer.concat(this.#chunks);
  }
}

class Sign extends Base {
  sign(data, format, type, passphrase, padding, salt, encoding) {
    const key = keyOf(kKeyTypePrivate, data, format, type, passphrase);
    return sign(key, this.algorithm, this.data(), how(padding, salt, encoding));
  }
}

class Verify extends Base {
  verify(data, format, type, passphrase, signature, padding, salt, encoding) {
    const key = keyOf(kKeyTypePublic, data, format, type, passphrase);
    return verify(key, this.algorithm, this.data(), how(padding, salt, encoding), bytesOf(signature));
  }
}

const SignJob = jobOf((mode, key, format, type, passphrase, data, algorithm, salt, padding, encoding, signature) => {
  const options = how(padding, salt, encoding);
  if (mode === kSignJobModeSign) {
    const made = sign(keyOf(kKeyTypePrivate, key, format, type, passphrase), algorithm, bytesOf(data), options);
    return made.buffer.slice(made.byteOffset, made.byteOffset + made.byteLength);
  }
  return verify(keyOf(kKeyTypePublic, key, format, type, passphrase), algorithm, bytesOf(data), options, bytesOf(signature));
});

module.exports = { Sign, SignJob, Verify };
