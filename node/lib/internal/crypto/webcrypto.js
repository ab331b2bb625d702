'use strict';
// `crypto.webcrypto`: the platform's.
const { core } = require('internal/selvedge/host');
const { crypto, CryptoKey, SubtleCrypto } = core.loadExtScript('ext:selvedge/crypto.js');
module.exports = { crypto, CryptoKey, SubtleCrypto };
