'use strict';
// A message that came in, as Node has it, of a Request or Response of the platform.
const { IncomingMessage } = require('_http_incoming');
const { Buffer } = require('buffer');
const { ConnResetException } = require('internal/errors');
const { PromisePrototypeThen } = primordials;

/** How the platform tells of it. */
const LOST = 'Network connection lost.';

/** What stands for the connection: there is none to touch. */
function socketOf(encrypted, address = undefined) {
  const { Duplex } = require('stream');
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  socket.encrypted = encrypted;
  socket.remoteAddress = address;
  socket.remotePort = 0;
  socket.remoteFamily = address === undefined || !`${address}`.includes(':') ? 'IPv4' : 'IPv6';
  socket.localAddress = '127.0.0.1';
  socket.localPort = encrypted ? 443 : 80;
  socket.setTimeout = function setTimeout() {
    return this;
  };
  socket.setNoDelay = socket.setKeepAlive = socket.ref = socket.unref = socket.setTimeout;
  socket.address = () => ({ address: '127.0.0.1', family: 'IPv4', port: socket.localPort });
  return socket;
}

/** What programs for Node look at when a connection is lost: a code, and Node's text where it has its own. */
function withCode(error, text = LOST) {
  if (error?.message !== LOST) return error;
  const made = new ConnResetException(text);
  made.cause = error;
  return made;
}

/** Fills a message's headers, with one more, and has it read a body of the web's. */
function fill(message, headers, body, more = []) {
  const raw = [...more];
  for (const [name, value] of headers) raw.push(name, value);
  message._addHeaderLines(raw, raw.length);
  message.httpVersion = '1.1';
  message.httpVersionMajor = 1;
  message.httpVersionMinor = 1;
  if (body === null || body === undefined) {
    message.complete = true;
    message.push(null);
    return message;
  }
  // (Node's class waits for a parser to push.)
  message._readableState.readingMore = false;
  let reader = null;
  let isReading = false;
  message._read = () => {
    if (isReading) return;
    isReading = true;
    reader ??= body.getReader();
    PromisePrototypeThen(reader.read(), ({ done, value }) => {
      isReading = false;
      if (done) {
        message.complete = true;
        message.push(null);
      } else {
        message.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
      }
    }, (error) => message.destroy(withCode(error, 'aborted')));
  };
  message._destroy = (error, callback) => {
    if (!message.complete) {
      message.aborted = true;
      message.emit('aborted');
      PromisePrototypeThen(reader === null ? body.cancel(error) : reader.cancel(error), undefined, () => {});
    }
    process.nextTick(callback, error);
  };
  return message;
}

module.exports = { fill, IncomingMessage, socketOf, withCode };
