'use strict';
// What `node:crypto` stands on, by Node's names for it.
const { core, ops } = require('internal/selvedge/host');
const { bytesOf, opensslError } = require('internal/selvedge/crypto/job');
const { unsupported, unsupportedClass } = require('internal/selvedge/unsupported');
const names = require('internal/selvedge/crypto/names');
const hash = require('internal/selvedge/crypto/hash');
const derive = require('internal/selvedge/crypto/derive');
const random = require('internal/selvedge/crypto/random');
const keys = require('internal/selvedge/crypto/keys');
const sign = require('internal/selvedge/crypto/sign');
const cipher = require('internal/selvedge/crypto/cipher');
const exchange = require('internal/selvedge/crypto/exchange');

const no = (name) => unsupported('crypto', name);
const noClass = (name) => unsupportedClass('crypto', name);

module.exports = {
  ...names,
  ...hash,
  ...derive,
  ...random,
  ...keys,
  ...sign,
  ...cipher,
  ...exchange,
  ...require('internal/selvedge/crypto/x509'),
  certExportChallenge: no('Certificate.exportChallenge'),
  certExportPublicKey: no('Certificate.exportPublicKey'),
  certVerifySpkac: no('Certificate.verifySpkac'),
  getFipsCrypto: () => 0,
  getOpenSSLSecLevelCrypto: () => 1,
  getRootCertificates: () => [],
  getSSLCiphers: () => [],
  SecureContext: noClass('SecureContext'),
  secureHeapUsed: () => undefined,
  setEngine: no('setEngine'),
  setFipsCrypto: no('setFips'),
  testFipsCrypto: () => false,
  timingSafeEqual(left, right) {
    const { ERR_INVALID_ARG_TYPE } = require('internal/errors').codes;
    const expected = ['ArrayBuffer', 'Buffer', 'TypedArray', 'DataView'];
    const isBytes = (value) => core.isAnyArrayBuffer(value) || primordials.ArrayBufferIsView(value);
    if (!isBytes(left)) throw new ERR_INVALID_ARG_TYPE('buf1', expected, left);
    if (!isBytes(right)) throw new ERR_INVALID_ARG_TYPE('buf2', expected, right);
    if (left.byteLength !== right.byteLength) {
      throw opensslError('ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH', 'Input buffers must have the same byte length', primordials.RangeError);
    }
    return ops.op_timing_safe_equal(bytesOf(left), bytesOf(right));
  },
};
