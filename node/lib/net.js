'use strict';
// `node:net`: Node's own, over the platform's sockets, which look names up themselves.
const net = require('overridden/net');
const { unsupported, unsupportedClass } = require('internal/selvedge/unsupported');
const { ArrayIsArray, ReflectApply } = primordials;
const { isIP } = require('internal/net');
const { connect } = net.Socket.prototype;

/** Stands where Node's library wants a number; the name is used instead. */
const PLACEHOLDER = '192.0.2.1';

function lookup(socket) {
  return (hostname, options, callback) => {
    socket._host = hostname;
    if (socket._handle) socket._handle.hostname = hostname;
    const address = PLACEHOLDER;
    if (options.all) process.nextTick(callback, null, [{ address, family: 4 }]);
    else process.nextTick(callback, null, address, 4);
  };
}

net.Socket.prototype.connect = function(...args) {
  const normalized = ArrayIsArray(args[0]) ? args[0] : net._normalizeArgs(args);
  const { 0: options } = normalized;
  if (options?.path === undefined && options !== undefined && isIP(options.host || 'localhost') === 0 && options.lookup === undefined) {
    normalized[0] = { ...options, lookup: lookup(this) };
  }
  return ReflectApply(connect, this, [normalized]);
};

net.createServer = unsupported('net', 'createServer');
net.Server = unsupportedClass('net', 'Server');
module.exports = net;
