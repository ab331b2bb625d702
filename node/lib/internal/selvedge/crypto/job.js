'use strict';
// Work that Node gives to a thread, or does at once: here it is done at once, and
// who waits for it is told later.
const { kCryptoJobSync } = require('internal/selvedge/crypto/names');

/** A class of jobs: `work` gets what the constructor got after the mode. */
function jobOf(work) {
  return class Job {
    ondone;
    #mode;
    #args;

    constructor(mode, ...args) {
      this.#mode = mode;
      this.#args = args;
    }

    run() {
      let error;
      let result;
      try {
        result = work(...this.#args);
      } catch (thrown) {
        error = thrown;
      }
      if (this.#mode === kCryptoJobSync) return [error, result];
      process.nextTick(() => this.ondone(error, result));
      return undefined;
    }
  };
}

/** An error as OpenSSL's are: with a code. */
function opensslError(code, message, Class = primordials.Error) {
  const error = new Class(message);
  error.code = code;
  return error;
}

/** The bytes of a view or buffer, or of a key that is a secret. */
function bytesOf(value) {
  const { Uint8Array } = primordials;
  if (value === undefined || value === null) return new Uint8Array(0);
  if (typeof value.secretBytes === 'function') return value.secretBytes();
  if (primordials.ArrayBufferIsView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return new Uint8Array(value);
}

module.exports = { bytesOf, jobOf, opensslError };
