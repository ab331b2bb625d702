'use strict';
// What requests and answers of `node:http` have in common: headers, and a body that
// is written.
const { Writable } = require('stream');
const { Buffer } = require('buffer');
const {
  ERR_HTTP_HEADERS_SENT, ERR_HTTP_INVALID_HEADER_VALUE, ERR_INVALID_ARG_TYPE, ERR_INVALID_CHAR, ERR_INVALID_HTTP_TOKEN,
} = require('internal/errors').codes;
const { hideStackFrames } = require('internal/errors');
const {
  ArrayIsArray, ArrayPrototypePush, ObjectKeys, RegExpPrototypeExec, SafeMap, String, StringPrototypeToLowerCase, SymbolIterator,
} = primordials;

const TOKEN = /^[\^_`a-zA-Z\-0-9!#$%&'*+.|~]+$/;
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const kHighWaterMark = 65536;

const validateHeaderName = hideStackFrames((name, label = undefined) => {
  if (typeof name !== 'string' || RegExpPrototypeExec(TOKEN, name) === null) {
    throw new ERR_INVALID_HTTP_TOKEN(label || 'Header name', name);
  }
});

const validateHeaderValue = hideStackFrames((name, value) => {
  if (value === undefined) throw new ERR_HTTP_INVALID_HEADER_VALUE(value, name);
  if (RegExpPrototypeExec(NO_VALUE, `${value}`) !== null) throw new ERR_INVALID_CHAR('header content', name);
});

class OutgoingMessage extends Writable {
  /** By their names in small letters: as they were given, and their values. */
  #headers = new SafeMap();
  headersSent = false;
  sendDate = false;
  finished = false;
  chunkedEncoding = false;
  shouldKeepAlive = true;
  useChunkedEncodingByDefault = true;
  strictContentLength = false;
  socket = null;
  _header = null;
  _hasBody = true;
  maxRequestsOnConnectionReached = false;

  constructor(options = undefined) {
    super({ autoDestroy: false, highWaterMark: options?.highWaterMark ?? kHighWaterMark, decodeStrings: true });
  }

  get connection() {
    return this.socket;
  }

  #checkOpen(doing) {
    if (this.headersSent) throw new ERR_HTTP_HEADERS_SENT(doing);
  }

  setHeader(name, value) {
    this.#checkOpen('set');
    validateHeaderName(name);
    if (ArrayIsArray(value)) for (let i = 0; i < value.length; i++) validateHeaderValue(name, value[i]);
    else validateHeaderValue(name, value);
    this.#headers.set(StringPrototypeToLowerCase(name), [name, value]);
    return this;
  }

  setHeaders(headers) {
    this.#checkOpen('set');
    if (!headers || ArrayIsArray(headers) || typeof headers[SymbolIterator] !== 'function' || typeof headers.keys !== 'function') {
      throw new ERR_INVALID_ARG_TYPE('headers', ['Headers', 'Map'], headers);
    }
    const cookies = [];
    for (const { 0: name, 1: value } of headers) {
      if (name === 'set-cookie') {
        if (ArrayIsArray(value)) cookies.push(...value);
        else ArrayPrototypePush(cookies, value);
      } else {
        this.setHeader(name, value);
      }
    }
    if (cookies.length > 0) this.setHeader('set-cookie', cookies);
    return this;
  }

  appendHeader(name, value) {
    this.#checkOpen('append');
    validateHeaderName(name);
    const known = this.#headers.get(StringPrototypeToLowerCase(name));
    const before = known === undefined ? [] : ArrayIsArray(known[1]) ? known[1] : [known[1]];
    return this.setHeader(known?.[0] ?? name, [...before, ...(ArrayIsArray(value) ? value : [value])]);
  }

  getHeader(name) {
    return this.#headers.get(StringPrototypeToLowerCase(String(name)))?.[1];
  }

  getHeaderNames() {
    return [...this.#headers.keys()];
  }

  getRawHeaderNames() {
    return [...this.#headers.values()].map(([name]) => name);
  }

  getHeaders() {
    const all = { __proto__: null };
    for (const [key, [, value]] of this.#headers) all[key] = value;
    return all;
  }

  hasHeader(name) {
    return this.#headers.has(StringPrototypeToLowerCase(String(name)));
  }

  removeHeader(name) {
    this.#checkOpen('remove');
    this.#headers.delete(StringPrototypeToLowerCase(String(name)));
  }

  /** Names and values, one pair for each line. */
  lines() {
    const lines = [];
    for (const [, [name, value]] of this.#headers) {
      if (ArrayIsArray(value)) for (const one of value) ArrayPrototypePush(lines, [name, `${one}`]);
      else ArrayPrototypePush(lines, [name, `${value}`]);
    }
    return lines;
  }

  /** Headers in any of the forms that Node takes. */
  putHeaders(headers) {
    if (headers === undefined || headers === null) return;
    if (ArrayIsArray(headers)) {
      if (ArrayIsArray(headers[0])) for (const [name, value] of headers) this.appendHeader(name, value);
      else for (let i = 0; i + 1 < headers.length; i += 2) this.appendHeader(headers[i], headers[i + 1]);
      return;
    }
    if (typeof headers.keys === 'function' && typeof headers[SymbolIterator] === 'function') {
      this.setHeaders(headers);
      return;
    }
    for (const name of ObjectKeys(headers)) if (headers[name] !== undefined) this.setHeader(name, headers[name]);
  }

  addTrailers() {}

  setTimeout(_msecs, callback = undefined) {
    if (typeof callback === 'function') this.once('timeout', callback);
    return this;
  }

  cork() {}
  uncork() {}

  _implicitHeader() {
    throw new primordials.Error('_implicitHeader() is not implemented');
  }
}

const bytesOf = (chunk, encoding) => typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;

module.exports = { bytesOf, kHighWaterMark, OutgoingMessage, validateHeaderName, validateHeaderValue };
