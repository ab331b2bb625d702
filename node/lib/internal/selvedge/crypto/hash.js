'use strict';
// Digests and HMACs.
const { ops } = require('internal/selvedge/host');
const { bytesOf, jobOf, opensslError } = require('internal/selvedge/crypto/job');
const { Buffer } = require('buffer');
const { op_node_hash_copy, op_node_hash_finish, op_node_hash_names, op_node_hash_new, op_node_hash_update } = ops;

const dataOf = (data, encoding) =>
  typeof data === 'string' ? Buffer.from(data, encoding === 'buffer' ? 'utf8' : encoding) : bytesOf(data);

const encoded = (bytes, encoding) => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return encoding && encoding !== 'buffer' ? buffer.toString(encoding) : buffer;
};

const badLength = () =>
  opensslError('ERR_OSSL_EVP_NOT_XOF_OR_INVALID_LENGTH', 'error:030000B2:digital envelope routines::not XOF or invalid length');

class Hash {
  #rid;
  #length;
  #result;

  constructor(algorithm, length = undefined) {
    this.#length = length ?? -1;
    if (algorithm instanceof Hash) {
      this.#rid = op_node_hash_copy(algorithm.#rid);
      return;
    }
    this.#rid = op_node_hash_new(algorithm, null);
    if (this.#rid < 0) {
      throw opensslError('ERR_CRYPTO_INVALID_DIGEST', 'Digest method not supported');
    }
    if (length !== undefined && !/^shake/i.test(algorithm)) {
      // Whether this is its length shows at once.
      const probe = op_node_hash_finish(op_node_hash_new(algorithm, null), length);
      if (probe === null) throw badLength();
    }
  }

  update(data, encoding) {
    op_node_hash_update(this.#rid, dataOf(data, encoding));
    return true;
  }

  digest(encoding) {
    if (this.#result === undefined) {
      this.#result = op_node_hash_finish(this.#rid, this.#length);
      if (this.#result === null) throw badLength();
    }
    return encoded(this.#result, encoding);
  }
}

class Hmac {
  #rid = -1;

  init(name, key) {
    this.#rid = op_node_hash_new(name, bytesOf(key));
    if (this.#rid < 0) {
      const { ERR_CRYPTO_INVALID_DIGEST } = require('internal/errors').codes;
      throw new ERR_CRYPTO_INVALID_DIGEST(name);
    }
  }

  update(data, encoding) {
    op_node_hash_update(this.#rid, dataOf(data, encoding));
    return true;
  }

  digest(encoding) {
    return encoded(op_node_hash_finish(this.#rid, -1), encoding);
  }
}

function oneShotDigest(algorithm, _id, _cache, input, encoding) {
  const hash = new Hash(algorithm);
  hash.update(input, 'utf8');
  return hash.digest(encoding);
}

module.exports = {
  getCachedAliases: () => ({ __proto__: null }),
  getHashes: () => op_node_hash_names(),
  Hash,
  HashJob: jobOf((name, data) => {
    const hash = new Hash(name);
    hash.update(data);
    return hash.digest();
  }),
  Hmac,
  oneShotDigest,
};
