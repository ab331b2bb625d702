'use strict';
// Requests: they go out as `fetch()` does, under the same rules and limits.
const { core } = require('internal/selvedge/host');
const { bytesOf, OutgoingMessage } = require('internal/selvedge/http/outgoing');
const { fill, IncomingMessage, socketOf, withCode } = require('internal/selvedge/http/incoming');
const { globalAgent } = require('internal/selvedge/http/agent');
const { Buffer } = require('buffer');
const { urlToHttpOptions, isURL, URL } = require('internal/url');
const { ConnResetException, codes } = require('internal/errors');
const { ERR_INVALID_ARG_TYPE, ERR_INVALID_HTTP_TOKEN, ERR_INVALID_PROTOCOL, ERR_UNESCAPED_CHARACTERS } = codes;
const { validateAbortSignal } = require('internal/validators');
const { AbortError } = require('internal/errors');
const { ArrayPrototypePush, Number, ObjectAssign, PromisePrototypeThen, RegExpPrototypeExec, StringPrototypeIncludes, StringPrototypeToUpperCase } = primordials;

const fetcher = () => core.loadExtScript('ext:selvedge/fetch/fetch.js').fetch;
/** Pipes of the platform: one that knows its length, and one that does not. */
const pipes = () => core.loadExtScript('ext:selvedge/streams.js');
const controllers = () => core.loadExtScript('ext:deno_web/03_abort_signal.js').AbortController;

const BAD_PATH = /[^\x21-\xff]/;
const LENGTH = /^[0-9]{1,15}$/;
const TOKEN = /^[\^_`a-zA-Z\-0-9!#$%&'*+.|~]+$/;
/** The platform says these itself. */
const OWN = { '__proto__': null, 'connection': true, 'content-length': true, 'host': true, 'keep-alive': true, 'transfer-encoding': true, 'expect': true };

const ignore = (promise) => PromisePrototypeThen(promise, undefined, () => {});

class ClientRequest extends OutgoingMessage {
  /** What was written before the request went out. */
  #chunks = [];
  /** Takes what is written after that. */
  #writer = null;
  #controller = new (controllers())();
  #isSent = false;
  #timer = null;
  #url;
  aborted = false;
  reusedSocket = false;
  res = null;
  parser = null;
  timeout = undefined;
  maxHeadersCount = null;

  constructor(input, options, callback) {
    super();
    if (typeof input === 'string') input = urlToHttpOptions(new URL(input));
    else if (isURL(input)) input = urlToHttpOptions(input);
    else {
      callback = options;
      options = input;
      input = null;
    }
    if (typeof options === 'function') {
      callback = options;
      options = input || {};
    } else {
      options = ObjectAssign({ __proto__: null }, input, options);
    }
    this.#options(options);
    if (callback !== undefined) this.once('response', callback);
    process.nextTick(() => {
      if (this.destroyed) return;
      this.socket = socketOf(this.protocol === 'https:');
      this.emit('socket', this.socket);
      this.socket.emit('connect');
    });
  }

  #options(options) {
    const { agent } = options;
    if (agent !== undefined && agent !== null && agent !== false && typeof agent !== 'object') {
      throw new ERR_INVALID_ARG_TYPE('options.agent', ['Agent-like Object', 'undefined', 'false'], agent);
    }
    const fallback = options._defaultAgent ?? globalAgent;
    this.agent = agent || fallback;
    const protocol = options.protocol || fallback.protocol;
    const expected = this.agent.protocol || protocol;
    if (protocol !== expected) throw new ERR_INVALID_PROTOCOL(protocol, expected);
    if (protocol !== 'http:' && protocol !== 'https:') throw new ERR_INVALID_PROTOCOL(protocol, 'http:');
    this.protocol = protocol;
    if (options.path) {
      const path = `${options.path}`;
      if (RegExpPrototypeExec(BAD_PATH, path) !== null) throw new ERR_UNESCAPED_CHARACTERS('Request path');
    }
    const { method } = options;
    if (method !== undefined && method !== null && typeof method !== 'string') throw new ERR_INVALID_ARG_TYPE('options.method', 'string', method);
    if (method && RegExpPrototypeExec(TOKEN, method) === null) throw new ERR_INVALID_HTTP_TOKEN('Method', method);
    this.method = method ? StringPrototypeToUpperCase(method) : 'GET';
    this.path = options.path || '/';
    const host = options.hostname || options.host || 'localhost';
    this.host = host;
    const port = options.port || options.defaultPort || this.agent.defaultPort;
    const standard = protocol === 'https:' ? 443 : 80;
    const shown = StringPrototypeIncludes(host, ':') && host[0] !== '[' ? `[${host}]` : host;
    this.#url = `${protocol}//${shown}${+port === standard ? '' : `:${port}`}${this.path[0] === '/' ? '' : '/'}${this.path}`;
    this.putHeaders(options.headers);
    if (!this.hasHeader('host')) this.setHeader('Host', +port === standard ? shown : `${shown}:${port}`);
    if (options.auth && !this.hasHeader('authorization')) {
      this.setHeader('Authorization', `Basic ${Buffer.from(options.auth).toString('base64')}`);
    }
    if (options.signal !== undefined) {
      validateAbortSignal(options.signal, 'options.signal');
      const stop = () => this.destroy(new AbortError(undefined, { cause: options.signal.reason }));
      if (options.signal.aborted) process.nextTick(stop);
      else options.signal.addEventListener('abort', stop, { once: true });
    }
    if (options.timeout !== undefined) this.setTimeout(options.timeout);
  }

  /** Whether what is written goes anywhere: `fetch()` sends no body with these. */
  get #hasBody() {
    return this.method !== 'GET' && this.method !== 'HEAD';
  }

  _write(chunk, encoding, callback) {
    const bytes = bytesOf(chunk, encoding);
    if (this.#writer !== null) {
      PromisePrototypeThen(this.#writer.write(bytes), () => callback(), (error) => callback(error));
      return;
    }
    ArrayPrototypePush(this.#chunks, bytes);
    // What ends in the turn that it begins in goes out as a whole, with its length.
    if (this.#chunks.length === 1 && this.#hasBody) process.nextTick(() => this.#stream());
    callback();
  }

  _final(callback) {
    this.finished = true;
    if (this.#writer !== null) {
      PromisePrototypeThen(this.#writer.close(), () => callback(), (error) => callback(error));
      return;
    }
    const hasBody = this.#chunks.length > 0 && this.#hasBody;
    this.#send(hasBody ? Buffer.concat(this.#chunks) : undefined);
    callback();
  }

  flushHeaders() {
    if (this.#hasBody) this.#stream();
    else this.#send(undefined);
  }

  /** Sends the head, and the body as it is written. */
  #stream() {
    if (this.#isSent || this.destroyed || this.writableEnded) return;
    const given = `${this.getHeader('content-length')}`;
    const { FixedLengthStream, IdentityTransformStream } = pipes();
    const isKnown = RegExpPrototypeExec(LENGTH, given) !== null;
    const { readable, writable } = isKnown ? new FixedLengthStream(Number(given)) : new IdentityTransformStream();
    this.#writer = writable.getWriter();
    for (let i = 0; i < this.#chunks.length; i++) ignore(this.#writer.write(this.#chunks[i]));
    ignore(this.#writer.closed);
    this.#send(readable);
  }

  #send(body) {
    if (this.#isSent || this.destroyed) return;
    this.#isSent = true;
    this.headersSent = true;
    const headers = [];
    for (const [name, value] of this.lines()) if (OWN[name.toLowerCase()] === undefined) ArrayPrototypePush(headers, [name, value]);
    this.#chunks = [];
    let answer;
    try {
      answer = fetcher()(this.#url, {
        method: this.method,
        headers,
        body,
        redirect: 'manual',
        encodeResponseBody: 'manual',
        signal: this.#controller.signal,
      });
    } catch (error) {
      process.nextTick(() => this.destroy(error));
      return;
    }
    PromisePrototypeThen(answer, (response) => this.#receive(response), (error) => this.destroy(this.#failure(error)));
  }

  #failure(error) {
    if (this.aborted || this.destroyed) return new ConnResetException('socket hang up');
    return withCode(error);
  }

  #receive(response) {
    this.#clearTimer();
    if (this.destroyed) {
      if (response.body !== null) PromisePrototypeThen(response.body.cancel(), undefined, () => {});
      return;
    }
    const message = new IncomingMessage(this.socket);
    message.statusCode = response.status;
    message.statusMessage = response.statusText || require('internal/selvedge/http/names').STATUS_CODES[response.status] || '';
    message.req = this;
    fill(message, response.headers, this.method === 'HEAD' ? null : response.body);
    this.res = message;
    const done = () => {
      process.nextTick(() => super.destroy());
    };
    message.once('close', done);
    if (!this.emit('response', message)) message._dump?.();
  }

  #clearTimer() {
    if (this.#timer !== null) require('timers').clearTimeout(this.#timer);
    this.#timer = null;
  }

  setTimeout(msecs, callback = undefined) {
    this.#clearTimer();
    if (typeof callback === 'function') this.once('timeout', callback);
    this.timeout = msecs;
    if (msecs > 0) this.#timer = require('timers').setTimeout(() => this.emit('timeout'), msecs);
    return this;
  }

  setNoDelay() {}
  setSocketKeepAlive() {}
  onSocket() {}

  abort() {
    if (this.aborted) return;
    this.aborted = true;
    process.nextTick(() => this.emit('abort'));
    this.destroy();
  }

  _destroy(error, callback) {
    this.#clearTimer();
    this.#controller.abort();
    if (this.#writer !== null && !this.writableFinished) ignore(this.#writer.abort(error ?? undefined));
    if (this.res !== null && !this.res.complete) this.res.destroy(error);
    if (error === null && this.res === null && (this.#isSent || this.aborted || !this.writableFinished)) {
      error = new ConnResetException('socket hang up');
    }
    callback(error);
  }
}

module.exports = { ClientRequest };
