'use strict';
// Secrets that two sides agree on.
const { ops } = require('internal/selvedge/host');
const { bytesOf, jobOf, opensslError } = require('internal/selvedge/crypto/job');
const { call } = require('internal/selvedge/crypto/keys');
const { notImplemented } = require('internal/selvedge/unsupported');
const { Buffer } = require('buffer');
const { BigInt, BigIntPrototypeToString } = primordials;

const COMPRESSED = 2;
const HYBRID = 6;
/** Finding a longer prime of its own takes longer than a request has. */
const MAX_NEW_PRIME_BITS = 512;

const bufferOf = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function formed(curve, point, form) {
  const out = call(ops.op_node_ecdh_convert, curve, point, form === COMPRESSED);
  if (!out) return undefined;
  const buffer = bufferOf(out);
  if (form === HYBRID) buffer[0] = 6 | (buffer[buffer.length - 1] & 1);
  return buffer;
}

class ECDH {
  #curve;
  #private = null;
  #public = null;

  constructor(curve) {
    this.#curve = curve;
    // (Nothing comes of a curve that is not known.)
    call(ops.op_node_ecdh_public, curve, new primordials.Uint8Array(1));
  }

  generateKeys() {
    require('internal/selvedge/crypto/random').checkScope();
    this.#private = ops.op_node_ecdh_new(this.#curve);
    this.#public = ops.op_node_ecdh_public(this.#curve, this.#private);
  }

  computeSecret(other) {
    if (this.#private === null) throw opensslError('ERR_CRYPTO_ECDH_INVALID_KEY_PAIR', 'Invalid key pair');
    const secret = call(ops.op_node_ecdh_agree, this.#curve, this.#private, bytesOf(other));
    return secret ? bufferOf(secret) : 'ERR_CRYPTO_ECDH_INVALID_PUBLIC_KEY';
  }

  getPrivateKey() {
    if (this.#private === null) throw opensslError('ERR_CRYPTO_ECDH_INVALID_KEY_PAIR', 'Failed to get ECDH private key');
    return Buffer.from(this.#private);
  }

  getPublicKey(form) {
    if (this.#public === null) throw opensslError('ERR_CRYPTO_ECDH_INVALID_KEY_PAIR', 'Failed to get ECDH public key');
    return formed(this.#curve, this.#public, form);
  }

  setPrivateKey(key) {
    const bytes = bytesOf(key).slice();
    const point = call(ops.op_node_ecdh_public, this.#curve, bytes);
    if (!point) throw opensslError('ERR_CRYPTO_INVALID_KEYTYPE', 'Private key is not valid for specified curve.');
    this.#private = bytes;
    this.#public = point;
  }

  setPublicKey(key) {
    const point = formed(this.#curve, bytesOf(key), 4);
    if (point === undefined) throw opensslError('ERR_CRYPTO_ECDH_INVALID_PUBLIC_KEY', 'Failed to convert Buffer to EC_POINT');
    this.#public = point;
  }
}

// ----- Diffie-Hellman of numbers. -----

const bigOf = (bytes) => BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);

function bytesOfBig(value) {
  const hex = BigIntPrototypeToString(value, 16);
  return Buffer.from(hex.length % 2 === 1 ? `0${hex}` : hex, 'hex');
}

/** Pi times two to the power of `bits`, rounded down (Machin's formula). */
function scaledPi(bits) {
  const guard = 64n;
  const one = 1n << (BigInt(bits) + guard);
  const arctan = (inverse) => {
    let term = one / inverse;
    let sum = term;
    for (let n = 3n, sign = -1n; term > 0n; n += 2n, sign = -sign) {
      term /= inverse * inverse;
      sum += sign * (term / n);
    }
    return sum;
  };
  return (4n * (4n * arctan(5n) - arctan(239n))) >> guard;
}

/** The groups of RFC 2409 and RFC 3526: bits, and what their formula adds to pi. */
const GROUPS = {
  __proto__: null,
  modp1: [768, 149686n],
  modp2: [1024, 129093n],
  modp5: [1536, 741804n],
  modp14: [2048, 124476n],
  modp15: [3072, 1690314n],
  modp16: [4096, 240904n],
  modp17: [6144, 929484n],
  modp18: [8192, 4743158n],
};
const primes = { __proto__: null };

function primeOf(name) {
  const group = GROUPS[name];
  if (group === undefined) throw opensslError('ERR_CRYPTO_UNKNOWN_DH_GROUP', 'Unknown DH group');
  if (primes[name] !== undefined) return primes[name];
  const bits = BigInt(group[0]);
  const middle = scaledPi(group[0] - 130) + group[1];
  return primes[name] = bytesOfBig((1n << bits) - (1n << (bits - 64n)) - 1n + (middle << 64n));
}

const NOT_SUITABLE_GENERATOR = 8;
const NOT_PRIME = 1;
const NOT_SAFE_PRIME = 2;

class DiffieHellman {
  #prime;
  #generator;
  #private = null;
  #public = null;
  verifyError = 0;

  constructor(sizeOrPrime, generator) {
    if (typeof sizeOrPrime === 'number') {
      if (sizeOrPrime > MAX_NEW_PRIME_BITS) {
        throw notImplemented(`crypto.createDiffieHellman() of a new prime of more than ${MAX_NEW_PRIME_BITS} bits`);
      }
      if (sizeOrPrime < 2) throw opensslError('ERR_OSSL_BN_BITS_TOO_SMALL', 'error:0300007E:bignum routines::bits too small');
      require('internal/selvedge/crypto/random').checkScope();
      this.#prime = bufferOf(ops.op_node_prime_new(sizeOrPrime, true, null, null));
    } else {
      this.#prime = Buffer.from(bytesOf(sizeOrPrime));
      if (!ops.op_node_prime_check(this.#prime, 0)) this.verifyError |= NOT_PRIME;
      else if (!ops.op_node_prime_check(bytesOfBig(bigOf(this.#prime) >> 1n), 0)) this.verifyError |= NOT_SAFE_PRIME;
    }
    const value = typeof generator === 'number' ? BigInt(generator) : bigOf(bytesOf(generator));
    if (value < 2n) throw opensslError('ERR_OSSL_DH_BAD_GENERATOR', 'error:02800065:Diffie-Hellman routines::bad generator');
    if (value > 5n) this.verifyError |= NOT_SUITABLE_GENERATOR;
    this.#generator = bytesOfBig(value);
  }

  static group(name) {
    const made = new DiffieHellman(primeOf(name), 2);
    made.verifyError = 0;
    return made;
  }

  generateKeys() {
    if (this.#private === null) {
      const prime = bigOf(this.#prime);
      const random = bigOf(require('crypto').randomBytes(this.#prime.length + 8));
      this.#private = bytesOfBig(random % (prime - 3n) + 2n);
    }
    this.#public = bufferOf(ops.op_node_mod_pow(this.#generator, this.#private, this.#prime));
    return Buffer.from(this.#public);
  }

  computeSecret(other) {
    if (this.#private === null) throw opensslError('ERR_CRYPTO_INVALID_KEYTYPE', 'No private key - did you forget to generate one?');
    const bytes = bytesOf(other);
    const value = bigOf(bytes);
    const invalid = (code, text) => opensslError(code, text);
    if (value <= 1n) throw invalid('ERR_CRYPTO_INVALID_KEYLEN', 'Supplied key is too small');
    if (value >= bigOf(this.#prime) - 1n) throw invalid('ERR_CRYPTO_INVALID_KEYLEN', 'Supplied key is too large');
    return bufferOf(ops.op_node_mod_pow(bytes, this.#private, this.#prime));
  }

  getPrime() {
    return Buffer.from(this.#prime);
  }

  getGenerator() {
    return Buffer.from(this.#generator);
  }

  getPublicKey() {
    if (this.#public === null) throw opensslError('ERR_CRYPTO_INVALID_KEYTYPE', 'No public key - did you forget to generate one?');
    return Buffer.from(this.#public);
  }

  getPrivateKey() {
    if (this.#private === null) throw opensslError('ERR_CRYPTO_INVALID_KEYTYPE', 'No private key - did you forget to generate one?');
    return Buffer.from(this.#private);
  }

  setPublicKey(key) {
    this.#public = Buffer.from(bytesOf(key));
  }

  setPrivateKey(key) {
    this.#private = Buffer.from(bytesOf(key));
  }
}

class DiffieHellmanGroup {
  constructor(name) {
    return DiffieHellman.group(name);
  }
}

function agree(own, other) {
  const secret = call(ops.op_node_agree, own.pair.private, other.pair.public);
  return bufferOf(secret);
}

module.exports = {
  DiffieHellman,
  DiffieHellmanGroup,
  ECDH,
  ECDHBitsJob: jobOf((other, own) => agree(own, other).buffer),
  ECDHConvertKey(key, curve, form) {
    const point = formed(curve, bytesOf(key), form);
    if (point === undefined) throw opensslError('ERR_CRYPTO_OPERATION_FAILED', 'Failed to convert Buffer to EC_POINT');
    return point;
  },
  getCurves: () => ['prime256v1', 'secp224r1', 'secp256k1', 'secp384r1', 'secp521r1'],
  statelessDH: agree,
};
