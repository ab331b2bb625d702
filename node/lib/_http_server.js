'use strict';
const { _connectionListener, Server, ServerResponse, STATUS_CODES } = require('http');
const { Symbol } = primordials;
module.exports = {
  _connectionListener,
  httpServerPreClose() {},
  kConnectionsCheckingInterval: Symbol('http.server.connectionsCheckingInterval'),
  kServerResponse: Symbol('ServerResponse'),
  Server,
  ServerResponse,
  setupConnectionsTracking() {},
  STATUS_CODES,
  storeHTTPOptions() {},
};
