'use strict';
const { kHighWaterMark, OutgoingMessage, validateHeaderName, validateHeaderValue } = require('internal/selvedge/http/outgoing');
const { Symbol } = primordials;
module.exports = {
  kHighWaterMark, kUniqueHeaders: Symbol('kUniqueHeaders'), OutgoingMessage, parseUniqueHeadersOption: () => null, validateHeaderName, validateHeaderValue,
};
