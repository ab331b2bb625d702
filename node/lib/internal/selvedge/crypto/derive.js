'use strict';
// Keys from passwords and from other keys.
const { ops } = require('internal/selvedge/host');
const { bytesOf, jobOf, opensslError } = require('internal/selvedge/crypto/job');
const { Error, RangeError } = primordials;

/** As many rounds Cloudflare allows: they cannot be interrupted. */
const MAX_PBKDF2_ITERATIONS = 100_000;
/** A request has no more than this for one scrypt, in bytes. */
const MAX_SCRYPT_BYTES = 64 * 1024 * 1024;

function invalidDigest(name) {
  const { ERR_CRYPTO_INVALID_DIGEST } = require('internal/errors').codes;
  return new ERR_CRYPTO_INVALID_DIGEST(name);
}

const PBKDF2Job = jobOf((password, salt, iterations, length, digest) => {
  if (iterations > MAX_PBKDF2_ITERATIONS) {
    throw new Error(
      `Pbkdf2 failed: iteration counts above ${MAX_PBKDF2_ITERATIONS} are not supported (requested ${iterations}).`,
    );
  }
  const key = ops.op_node_pbkdf2(bytesOf(password), bytesOf(salt), iterations, length, digest);
  if (key === null) throw invalidDigest(digest);
  return key.buffer;
});

const invalidScrypt = (why) => {
  const error = new RangeError(`Invalid scrypt params: ${why}`);
  error.code = 'ERR_CRYPTO_INVALID_SCRYPT_PARAMS';
  return error;
};

class ScryptJob extends jobOf((password, salt, N, r, p, length) =>
  ops.op_node_scrypt(bytesOf(password), bytesOf(salt), N, r, p, length).buffer) {
  constructor(mode, password, salt, N, r, p, maxmem, length) {
    if (N < 2 || (N & (N - 1)) !== 0) throw invalidScrypt('invalid N');
    const memory = 128 * N * r;
    if (memory > maxmem || memory > MAX_SCRYPT_BYTES) throw invalidScrypt('memory limit exceeded');
    super(mode, password, salt, N, r, p, length);
  }
}

class HKDFJob extends jobOf((hash, key, salt, info, length) => {
  const derived = ops.op_node_hkdf(hash, bytesOf(key), bytesOf(salt), bytesOf(info), length);
  return derived.buffer;
}) {
  constructor(mode, hash, key, salt, info, length) {
    const secret = key?.secretBytes === undefined ? key[require('internal/crypto/util').kHandle] : key;
    const size = ops.op_node_hash_size(hash);
    if (size === 0) throw invalidDigest(hash);
    if (length > 255 * size) throw opensslError('ERR_CRYPTO_INVALID_KEYLEN', 'Invalid key length', RangeError);
    super(mode, hash, secret, salt, info, length);
  }
}

class PBKDF2 extends PBKDF2Job {
  constructor(mode, password, salt, iterations, length, digest) {
    if (ops.op_node_hash_size(digest) === 0) throw invalidDigest(digest);
    super(mode, password, salt, iterations, length, digest);
  }
}

module.exports = { HKDFJob, PBKDF2Job: PBKDF2, ScryptJob };
