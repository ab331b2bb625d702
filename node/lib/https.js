'use strict';
// `node:https`.
const http = require('http');
const { ObjectAssign } = primordials;
const { isURL, URL, urlToHttpOptions } = require('internal/url');

class Agent extends http.Agent {
  defaultPort = 443;
  protocol = 'https:';
}
const globalAgent = new Agent({ keepAlive: true, timeout: 5000 });

function request(...args) {
  let options = {};
  if (typeof args[0] === 'string') options = urlToHttpOptions(new URL(args.shift()));
  else if (isURL(args[0])) options = urlToHttpOptions(args.shift());
  if (args[0] && typeof args[0] !== 'function') ObjectAssign(options, args.shift());
  options._defaultAgent = globalAgent;
  return new http.ClientRequest(options, args[0]);
}

function get(...args) {
  const made = request(...args);
  made.end();
  return made;
}

class Server extends http.Server {}

module.exports = { Agent, createServer: (options, listener) => new Server(options, listener), get, globalAgent, request, Server };
