'use strict';
const { METHODS } = require('internal/selvedge/http/names');
const { RegExpPrototypeExec, Symbol } = primordials;
module.exports = {
  _checkInvalidHeaderChar: (value) => RegExpPrototypeExec(/[^\t\x20-\x7e\x80-\xff]/, value) !== null,
  _checkIsHttpToken: (value) => RegExpPrototypeExec(/^[\^_`a-zA-Z\-0-9!#$%&'*+.|~]+$/, value) !== null,
  chunkExpression: /(?:^|\W)chunked(?:$|\W)/i,
  continueExpression: /(?:^|\W)100-continue(?:$|\W)/i,
  CRLF: '\r\n',
  kIncomingMessage: Symbol('IncomingMessage'),
  methods: METHODS,
  parsers: {},
};
