'use strict';
// Ciphers with one key, and RSA for small messages.
const { ops } = require('internal/selvedge/host');
const { bytesOf, opensslError } = require('internal/selvedge/crypto/job');
const { kKeyTypePrivate, kKeyTypePublic } = require('internal/selvedge/crypto/names');
const { call, keyOf } = require('internal/selvedge/crypto/keys');
const { Buffer } = require('buffer');
const { genericNodeError } = require('internal/errors');
const { Error, RangeError, TypeError } = primordials;

const bufferOf = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const invalidState = (text = 'Unsupported state or unable to authenticate data') =>
  opensslError('ERR_CRYPTO_INVALID_STATE', text, Error);

class CipherBase {
  #rid = -1;
  #encrypt;
  #mode = '';
  #tagLength = -1;
  #tag = null;

  constructor(encrypt) {
    this.#encrypt = encrypt;
  }

  initiv(name, key, iv, tagLength) {
    const info = ops.op_node_cipher_info(name, 0);
    if (!info) {
      throw genericNodeError('Unknown cipher', { code: 'ERR_CRYPTO_UNKNOWN_CIPHER' });
    }
    this.#mode = info.mode;
    if (this.#isAuthenticated() && tagLength >= 0) {
      this.#checkTagLength(tagLength, `Invalid authentication tag length: ${tagLength}`);
      this.#tagLength = tagLength;
    }
    try {
      this.#rid = ops.op_node_cipher_new(name, this.#encrypt, bytesOf(key), bytesOf(iv));
    } catch (error) {
      if (error.message === 'Invalid key length') throw opensslError('ERR_CRYPTO_INVALID_KEYLEN', error.message, RangeError);
      if (error.message === 'Invalid initialization vector') throw opensslError('ERR_CRYPTO_INVALID_IV', error.message, TypeError);
      throw error;
    }
  }

  #isAuthenticated() {
    return this.#mode === 'gcm' || this.#mode === 'stream';
  }

  #checkTagLength(length, text) {
    const valid = this.#mode === 'gcm'
      ? length === 4 || length === 8 || length >= 12 && length <= 16
      : length >= 1 && length <= 16;
    if (!valid) throw opensslError('ERR_CRYPTO_INVALID_AUTH_TAG', text, TypeError);
  }

  update(data, encoding) {
    if (this.#rid < 0) throw new Error('Trying to add data in unsupported state');
    const bytes = typeof data === 'string' ? Buffer.from(data, encoding) : bytesOf(data);
    return bufferOf(ops.op_node_cipher_update(this.#rid, bytes));
  }

  final() {
    if (this.#rid < 0) throw invalidState('Unsupported state');
    const rid = this.#rid;
    this.#rid = -1;
    const end = call(ops.op_node_cipher_finish, rid, this.#encrypt ? null : this.#tag);
    if (end.tag) this.#tag = end.tag;
    return bufferOf(end.rest);
  }

  setAutoPadding(on) {
    if (this.#rid < 0) return false;
    ops.op_node_cipher_padding(this.#rid, on);
    return true;
  }

  getAuthTag() {
    if (this.#rid >= 0 || !this.#encrypt || this.#tag === null) return undefined;
    return bufferOf(this.#tag.slice(0, this.#tagLength < 0 ? 16 : this.#tagLength));
  }

  setAuthTag(tag) {
    if (!this.#isAuthenticated() || this.#rid < 0 || this.#encrypt || this.#tag !== null) return false;
    const bytes = bytesOf(tag);
    const text = `Invalid authentication tag length: ${bytes.length}`;
    if (this.#tagLength >= 0 && bytes.length !== this.#tagLength) throw opensslError('ERR_CRYPTO_INVALID_AUTH_TAG', text, TypeError);
    this.#checkTagLength(bytes.length, text);
    this.#tag = bytes.slice();
    return true;
  }

  setAAD(data) {
    return this.#rid >= 0 && ops.op_node_cipher_aad(this.#rid, bytesOf(data));
  }
}

function getCipherInfo(target, nameOrNid, keyLength, ivLength) {
  const isNumber = typeof nameOrNid === 'number';
  const info = ops.op_node_cipher_info(isNumber ? '' : nameOrNid, isNumber ? nameOrNid : 0);
  if (!info) return undefined;
  if (keyLength !== undefined && keyLength !== info.keyLength) return undefined;
  if (ivLength !== undefined) {
    const fits = info.mode === 'gcm' ? ivLength > 0 : info.mode === 'stream' ? ivLength > 0 && ivLength <= 12 : ivLength === info.ivLength;
    if (!fits) return undefined;
  }
  target.mode = info.mode;
  target.name = info.name;
  target.nid = info.nid;
  if (info.blockSize > 1) target.blockSize = info.blockSize;
  if (info.ivLength > 0) target.ivLength = ivLength ?? info.ivLength;
  target.keyLength = info.keyLength;
  return target;
}

function rsa(op, type, decrypt) {
  return (data, format, encoding, passphrase, buffer, padding, hash, label) => {
    const key = keyOf(type, data, format, encoding, passphrase);
    const half = type === kKeyTypePrivate ? key.pair.private : key.pair.public;
    const out = call(op, half, decrypt, bytesOf(buffer), padding, hash ?? 'sha1', bytesOf(label));
    return bufferOf(out);
  };
}

module.exports = {
  CipherBase,
  getCipherInfo,
  getCiphers: () => ops.op_node_cipher_names(),
  privateDecrypt: rsa(ops.op_node_rsa_private, kKeyTypePrivate, true),
  privateEncrypt: rsa(ops.op_node_rsa_private, kKeyTypePrivate, false),
  publicDecrypt: rsa(ops.op_node_rsa_public, kKeyTypePublic, true),
  publicEncrypt: rsa(ops.op_node_rsa_public, kKeyTypePublic, false),
};
