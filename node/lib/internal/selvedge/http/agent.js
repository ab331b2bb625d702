'use strict';
// Agents: connections are the platform's business, so that these only hold options.
const EventEmitter = require('events');
const { validateObject } = require('internal/validators');

class Agent extends EventEmitter {
  defaultPort = 80;
  protocol = 'http:';
  requests = { __proto__: null };
  sockets = { __proto__: null };
  freeSockets = { __proto__: null };
  totalSocketCount = 0;

  constructor(options = {}) {
    super();
    validateObject(options, 'options');
    this.options = { __proto__: null, noDelay: true, path: null, ...options };
    this.keepAliveMsecs = options.keepAliveMsecs ?? 1000;
    this.keepAlive = options.keepAlive ?? false;
    this.maxSockets = options.maxSockets ?? Infinity;
    this.maxFreeSockets = options.maxFreeSockets ?? 256;
    this.maxTotalSockets = options.maxTotalSockets ?? Infinity;
    this.scheduling = options.scheduling ?? 'lifo';
  }

  static get defaultMaxSockets() {
    return Infinity;
  }

  getName(options = {}) {
    return `${options.host || 'localhost'}:${options.port || ''}:${options.localAddress || ''}`;
  }

  createConnection() {
    const { notImplemented } = require('internal/selvedge/unsupported');
    throw notImplemented('http.Agent.createConnection');
  }

  addRequest() {}
  destroy() {}
  keepSocketAlive() {
    return true;
  }
  reuseSocket() {}
}

module.exports = { Agent, globalAgent: new Agent({ keepAlive: true, timeout: 5000 }) };
