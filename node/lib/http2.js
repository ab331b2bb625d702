'use strict';
// `node:http2`: HTTP/2 is the platform's own business.
const { stub } = require('internal/selvedge/unsupported');
const { Symbol } = primordials;
module.exports = {
  ...stub(
    'http2',
    ['connect', 'createSecureServer', 'createServer', 'getPackedSettings', 'getUnpackedSettings', 'performServerHandshake'],
    ['Http2ServerRequest', 'Http2ServerResponse'],
  ),
  constants: {},
  getDefaultSettings: () => ({}),
  sensitiveHeaders: Symbol('nodejs.http2.sensitiveHeaders'),
};
