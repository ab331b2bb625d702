'use strict';
// `node:net`: Node's own, over the platform's sockets, which look names up themselves.
const net = require('overridden/net');
const { unsupported } = require('internal/selvedge/unsupported');
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

// Servers can be made, as programs do that only might listen.
net.Server.prototype.listen = unsupported('net', 'Server.listen');
net.Server.prototype._listen2 = net.Server.prototype.listen;
module.exports = net;
