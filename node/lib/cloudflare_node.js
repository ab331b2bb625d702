'use strict';
// `cloudflare:node`: servers of Node's as handlers of a Worker.
const { handle, listening, Server } = require('internal/selvedge/http/server');
const { Error, TypeError } = primordials;

function serverOf(target) {
  if (target instanceof Server) {
    if (!target.listening) target.listen();
    return () => target;
  }
  const port = typeof target === 'number' ? target : target?.port;
  if (typeof port !== 'number') throw new TypeError('Server or options with a port are required');
  return () => {
    const server = listening.get(port);
    if (server === undefined) throw new Error(`Http server with port ${port} not found. This is likely a bug with your code. You should check if server.listen() was called with the same port (${port})`);
    return server;
  };
}

function httpServerHandler(target, handlers = undefined) {
  const find = serverOf(target);
  return { ...handlers, fetch: (request) => handle(find(), request) };
}

const handleAsNodeRequest = async (target, request) => handle(serverOf(target)(), request);

module.exports = { handleAsNodeRequest, httpServerHandler };
