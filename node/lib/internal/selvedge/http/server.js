'use strict';
// Servers: there is nothing to listen on but what `cloudflare:node` hands them.
const { internals } = require('internal/selvedge/host');
const EventEmitter = require('events');
const { bytesOf, OutgoingMessage } = require('internal/selvedge/http/outgoing');
const { fill, IncomingMessage, socketOf } = require('internal/selvedge/http/incoming');
const { STATUS_CODES } = require('internal/selvedge/http/names');
const { Buffer } = require('buffer');
const {
  ERR_HTTP_HEADERS_SENT, ERR_HTTP_INVALID_STATUS_CODE, ERR_SERVER_ALREADY_LISTEN, ERR_SERVER_NOT_RUNNING,
} = require('internal/errors').codes;
const { validateFunction, validatePort } = require('internal/validators');
const { Promise, SafeMap, ArrayPrototypePush } = primordials;

const NULL_BODY = { __proto__: null, 101: true, 204: true, 205: true, 304: true };

class ServerResponse extends OutgoingMessage {
  statusCode = 200;
  statusMessage = undefined;
  sendDate = true;
  #controller = null;
  #wake = null;
  #resolve = null;
  #isGone = false;

  constructor(req, options = undefined) {
    super(options);
    this.req = req;
    this.socket = req.socket;
    this._hasBody = req.method !== 'HEAD';
  }

  /** Settles to the platform's response once the head is known. */
  answered() {
    return new Promise((resolve) => this.#resolve = resolve);
  }

  assignSocket(socket) {
    this.socket = socket;
  }

  detachSocket() {
    this.socket = null;
  }

  writeContinue() {}
  writeProcessing() {}
  writeEarlyHints(_hints, callback) {
    if (typeof callback === 'function') process.nextTick(callback);
  }

  writeHead(status, reason = undefined, headers = undefined) {
    if (this.headersSent || this._header !== null) throw new ERR_HTTP_HEADERS_SENT('write');
    const original = status;
    status |= 0;
    if (status < 100 || status > 999) throw new ERR_HTTP_INVALID_STATUS_CODE(original);
    if (typeof reason === 'string') this.statusMessage = reason;
    else headers ??= reason;
    this.statusCode = status;
    this.putHeaders(headers);
    this._header = `HTTP/1.1 ${status} ${this.statusMessage ?? STATUS_CODES[status] ?? 'unknown'}`;
    return this;
  }

  _implicitHeader() {
    this.writeHead(this.statusCode);
  }

  flushHeaders() {
    this.#head(null);
  }

  /** Gives the response away: with all of its body, or with what comes. */
  #head(body) {
    if (this.headersSent) return;
    if (this._header === null) this._implicitHeader();
    this.headersSent = true;
    this.statusMessage ??= STATUS_CODES[this.statusCode] ?? '';
    const lines = this.lines();
    const headers = [];
    for (const [name, value] of lines) {
      const key = name.toLowerCase();
      if (key !== 'connection' && key !== 'transfer-encoding' && key !== 'keep-alive') ArrayPrototypePush(headers, [name, value]);
    }
    const isEmpty = !this._hasBody || NULL_BODY[this.statusCode] === true;
    if (!isEmpty && body !== null && !this.hasHeader('content-length')) {
      ArrayPrototypePush(headers, ['content-length', `${body.length}`]);
    }
    const { Response } = internals.selvedge.response;
    const init = { status: this.statusCode, statusText: this.statusMessage, headers, encodeBody: 'manual' };
    const content = isEmpty ? null : body !== null ? body : this.#stream();
    this.#resolve?.(new Response(content, init));
  }

  #stream() {
    const { ReadableStream } = require('internal/webstreams/readablestream');
    return new ReadableStream({
      type: 'bytes',
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => {
        const wake = this.#wake;
        this.#wake = null;
        wake?.();
      },
      cancel: () => {
        this.#isGone = true;
        this.#wake?.();
        this.destroy();
        this.req.destroy();
      },
    });
  }

  _write(chunk, encoding, callback) {
    const bytes = bytesOf(chunk, encoding);
    if (!this.headersSent) {
      this.#head(null);
    }
    if (this.#controller === null || this.#isGone || bytes.length === 0) {
      callback();
      return;
    }
    this.#controller.enqueue(new Uint8Array(bytes));
    if (this.#controller.desiredSize > 0) callback();
    else this.#wake = callback;
  }

  end(chunk = undefined, encoding = undefined, callback = undefined) {
    // What is all there goes out with its length.
    const hasChunk = chunk !== undefined && chunk !== null && typeof chunk !== 'function';
    if (!this.headersSent && this.writableLength === 0) {
      const bytes = hasChunk ? Buffer.from(bytesOf(chunk, typeof encoding === 'string' ? encoding : 'utf8')) : Buffer.alloc(0);
      this.#head(bytes);
      callback = typeof chunk === 'function' ? chunk : typeof encoding === 'function' ? encoding : callback;
      this.finished = true;
      return super.end(callback);
    }
    this.finished = true;
    return super.end(chunk, encoding, callback);
  }

  _final(callback) {
    if (!this.headersSent) this.#head(Buffer.alloc(0));
    if (this.#controller !== null && !this.#isGone) {
      this.#controller.close();
      this.#controller.byobRequest?.respond(0);
    }
    callback();
    process.nextTick(() => super.destroy());
  }

  _destroy(error, callback) {
    if (!this.headersSent && this.#resolve !== null) {
      this.statusCode = 500;
      this.#head(Buffer.alloc(0));
    } else if (this.#controller !== null && !this.#isGone && !this.writableFinished) {
      this.#controller.error(error ?? new primordials.Error('the response was destroyed'));
    }
    callback(error);
  }
}

/** Servers that listen, by their port. */
const listening = new SafeMap();
let nextPort = 49152;

class Server extends EventEmitter {
  #port = null;
  timeout = 0;
  keepAliveTimeout = 5000;
  maxHeadersCount = null;
  headersTimeout = 60000;
  requestTimeout = 300000;
  maxRequestsPerSocket = 0;

  constructor(options = undefined, listener = undefined) {
    super();
    if (typeof options === 'function') listener = options;
    if (listener !== undefined && listener !== null) {
      validateFunction(listener, 'requestListener');
      this.on('request', listener);
    }
  }

  get listening() {
    return this.#port !== null;
  }

  listen(...args) {
    if (this.#port !== null) throw new ERR_SERVER_ALREADY_LISTEN();
    const callback = args.find((argument) => typeof argument === 'function');
    const first = args[0];
    let port = typeof first === 'object' && first !== null ? first.port : typeof first === 'function' ? 0 : first;
    port = port === undefined || port === null ? 0 : validatePort(port, 'options.port', true);
    if (port === 0) {
      while (listening.has(nextPort)) nextPort++;
      port = nextPort++;
    } else if (listening.has(port)) {
      const { UVExceptionWithHostPort } = require('internal/errors');
      const error = new UVExceptionWithHostPort(-98, 'listen', '127.0.0.1', port);
      process.nextTick(() => this.emit('error', error));
      return this;
    }
    this.#port = port;
    listening.set(port, this);
    if (callback !== undefined) this.once('listening', callback);
    process.nextTick(() => this.emit('listening'));
    return this;
  }

  address() {
    return this.#port === null ? null : { address: '127.0.0.1', family: 'IPv4', port: this.#port };
  }

  close(callback = undefined) {
    if (this.#port === null) {
      if (typeof callback === 'function') process.nextTick(callback, new ERR_SERVER_NOT_RUNNING());
      return this;
    }
    listening.delete(this.#port);
    this.#port = null;
    if (typeof callback === 'function') this.once('close', callback);
    process.nextTick(() => this.emit('close'));
    return this;
  }

  closeAllConnections() {}
  closeIdleConnections() {}
  ref() {
    return this;
  }
  unref() {
    return this;
  }

  setTimeout(msecs, callback = undefined) {
    this.timeout = msecs;
    if (typeof callback === 'function') this.on('timeout', callback);
    return this;
  }

  async [Symbol.asyncDispose]() {
    await new Promise((resolve) => this.close(resolve));
  }
}

/** Has a server answer a request of the platform's. */
function handle(server, request) {
  const url = new (require('internal/url').URL)(request.url);
  const socket = socketOf(url.protocol === 'https:', request.headers.get('cf-connecting-ip') ?? '127.0.0.1');
  const message = new IncomingMessage(socket);
  message.method = request.method;
  message.url = `${url.pathname}${url.search}`;
  // How Node's programs see that there is a body. A request over HTTP/2 may not say so, nor do those that a Worker makes.
  const isUntold = request.body !== null && !request.headers.has('content-length') && !request.headers.has('transfer-encoding');
  fill(message, request.headers, request.body, isUntold ? ['transfer-encoding', 'chunked'] : []);
  // (Cloudflare's own facts of the request.)
  message.cloudflare = { cf: request.cf };
  if (message.headers.host === undefined) message.headers.host = url.host;
  const response = new ServerResponse(message);
  const answer = response.answered();
  if (!server.emit('request', message, response)) {
    response.writeHead(404);
    response.end();
  }
  return answer;
}

module.exports = { handle, listening, Server, ServerResponse };
