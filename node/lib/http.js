'use strict';
// `node:http`: the client goes out as `fetch()` does, servers get their requests
// from the platform.
const { core } = require('internal/selvedge/host');
const { OutgoingMessage, validateHeaderName, validateHeaderValue } = require('internal/selvedge/http/outgoing');
const { IncomingMessage } = require('internal/selvedge/http/incoming');
const { Agent, globalAgent } = require('internal/selvedge/http/agent');
const { ClientRequest } = require('internal/selvedge/http/client');
const { Server, ServerResponse } = require('internal/selvedge/http/server');
const { METHODS, STATUS_CODES } = require('internal/selvedge/http/names');
const { unsupported } = require('internal/selvedge/unsupported');
const { CloseEvent, MessageEvent } = core.loadExtScript('ext:deno_web/02_event.js');
const { WebSocket } = core.loadExtScript('ext:selvedge/websocket.js');

const request = (url, options, callback) => new ClientRequest(url, options, callback);

function get(url, options, callback) {
  const made = request(url, options, callback);
  made.end();
  return made;
}

module.exports = {
  _connectionListener: unsupported('http', '_connectionListener'),
  Agent,
  ClientRequest,
  CloseEvent,
  createServer: (options, listener) => new Server(options, listener),
  get,
  globalAgent,
  IncomingMessage,
  maxHeaderSize: 16384,
  MessageEvent,
  METHODS,
  OutgoingMessage,
  request,
  Server,
  ServerResponse,
  setMaxIdleHTTPParsers() {},
  STATUS_CODES,
  validateHeaderName,
  validateHeaderValue,
  WebSocket,
};
