'use strict';
// TCP connections: the platform's sockets, as Node's library handles them. They go
// out where all requests do.
const { core } = require('internal/selvedge/host');
const { ObjectAssign, PromisePrototypeThen, StringPrototypeSlice, Uint8Array } = primordials;
const { kReadBytesOrError, kArrayBufferOffset, kBytesWritten, kLastWriteWasAsync, streamBaseState } = internalBinding('stream_wrap');
const { UV_ECANCELED, UV_ECONNREFUSED, UV_ECONNRESET, UV_ENOTCONN, UV_EOF, UV_ENOTSUP } = internalBinding('uv');
const { isIP } = require('internal/net');

const sockets = () => core.loadExtScript('ext:selvedge/sockets.js');

/** As `getpeername()` tells of it. */
function peer(hostname, port) {
  const address = hostname[0] === '[' ? StringPrototypeSlice(hostname, 1, -1) : hostname;
  const family = { __proto__: null, 4: 'IPv4', 6: 'IPv6' }[isIP(address)];
  return { address, family, port };
}

class TCPConnectWrap {}

class TCP {
  #socket = null;
  /** Whom it is connected to: an address, or a name that the platform looked up. */
  #peer = null;
  #reader = null;
  #writer = null;
  #isReading = false;
  #isPulling = false;
  #isClosed = false;
  /** What the host is called, where Node's library knows only a number. */
  hostname = null;
  secureTransport = 'starttls';
  bytesRead = 0;
  bytesWritten = 0;
  fd = -1;
  reading = false;
  /** Why the connection ended, in the platform's words. */
  failure = null;

  constructor(_type) {}

  getAsyncId() {
    return 0;
  }

  getProviderType() {
    return 0;
  }

  connect(req, address, port) {
    return this.#connect(req, this.hostname ?? address, port);
  }

  connect6(req, address, port) {
    return this.#connect(req, this.hostname ?? `[${address}]`, port);
  }

  #connect(req, hostname, port) {
    try {
      this.#socket = sockets().connect({ hostname, port }, { secureTransport: this.secureTransport, allowHalfOpen: true });
    } catch (error) {
      this.failure = error;
      throw error;
    }
    this.#open(
      () => {
        this.#peer = peer(hostname, port);
        req.oncomplete(0, this, req, true, true);
      },
      (error) => {
        this.failure = error;
        req.oncomplete(UV_ECONNREFUSED, this, req, false, false);
      },
    );
    return 0;
  }

  #open(onOpen, onFailure) {
    const socket = this.#socket;
    socket.closed.catch(() => {});
    PromisePrototypeThen(socket.opened, () => {
      if (this.#isClosed) return;
      this.#reader = socket.readable.getReader();
      this.#writer = socket.writable.getWriter();
      this.#writer.closed.catch(() => {});
      this.#reader.closed.catch(() => {});
      onOpen();
      if (this.#isReading) this.#pull();
    }, onFailure);
  }

  /** Goes on encrypted, in a handle of its own; this one is done. */
  startTls(options, onOpen, onFailure) {
    const next = new TCP(0);
    this.#isClosed = true;
    this.#reader?.releaseLock();
    this.#writer?.releaseLock();
    next.#socket = this.#socket.startTls(options);
    next.#open(onOpen, (error) => {
      next.failure = error;
      onFailure(error);
    });
    return next;
  }

  readStart() {
    this.#isReading = true;
    this.reading = true;
    if (this.#reader !== null) this.#pull();
    return 0;
  }

  readStop() {
    this.#isReading = false;
    this.reading = false;
    return 0;
  }

  #pull() {
    if (this.#isPulling || this.#isClosed) return;
    this.#isPulling = true;
    PromisePrototypeThen(this.#reader.read(), ({ done, value }) => {
      this.#isPulling = false;
      if (this.#isClosed) return;
      if (done) {
        this.#give(UV_EOF, undefined);
        return;
      }
      this.bytesRead += value.byteLength;
      const bytes = new Uint8Array(value);
      this.#give(bytes.byteLength, bytes.buffer);
      if (this.#isReading && !this.#isClosed) this.#pull();
    }, (error) => {
      this.#isPulling = false;
      this.failure = error;
      if (!this.#isClosed) this.#give(UV_ECONNRESET, undefined);
    });
  }

  #give(count, buffer) {
    streamBaseState[kReadBytesOrError] = count;
    streamBaseState[kArrayBufferOffset] = 0;
    this.onread?.(buffer);
  }

  #write(req, bytes) {
    streamBaseState[kBytesWritten] = bytes.byteLength;
    streamBaseState[kLastWriteWasAsync] = 1;
    this.bytesWritten += bytes.byteLength;
    if (this.#writer === null) return UV_ECANCELED;
    PromisePrototypeThen(
      this.#writer.write(bytes),
      () => req.oncomplete(0, this, undefined),
      (error) => {
        this.failure = error;
        req.oncomplete(UV_ECONNRESET, this, undefined);
      },
    );
    return 0;
  }

  writeBuffer(req, data) {
    return this.#write(req, new Uint8Array(data));
  }

  writev(req, chunks, allBuffers) {
    const { Buffer } = require('buffer');
    const buffers = [];
    if (allBuffers) {
      for (let i = 0; i < chunks.length; i++) buffers.push(chunks[i]);
    } else {
      for (let i = 0; i < chunks.length; i += 2) {
        buffers.push(typeof chunks[i] === 'string' ? Buffer.from(chunks[i], chunks[i + 1]) : chunks[i]);
      }
    }
    return this.#write(req, new Uint8Array(Buffer.concat(buffers)));
  }

  #text(encoding) {
    return (req, text) => this.#write(req, new Uint8Array(require('buffer').Buffer.from(text, encoding)));
  }
  writeUtf8String = this.#text('utf8');
  writeAsciiString = this.#text('latin1');
  writeLatin1String = this.#text('latin1');
  writeUcs2String = this.#text('utf16le');

  shutdown(req) {
    if (this.#writer === null) return UV_ECANCELED;
    const done = () => req.oncomplete(0);
    PromisePrototypeThen(this.#writer.close(), done, done);
    return 0;
  }

  close(callback) {
    if (!this.#isClosed) {
      this.#isClosed = true;
      if (this.#socket !== null) PromisePrototypeThen(this.#socket.close(), undefined, () => {});
    }
    // In a turn of its own, as libuv does it: what waits for ticks, such as an error, is told before.
    if (typeof callback === 'function') require('timers').setImmediate(() => callback.call(this));
  }

  reset(callback) {
    this.close(callback);
    return 0;
  }

  ref() {}
  unref() {}
  hasRef() {
    return true;
  }
  setNoDelay() {
    return 0;
  }
  setKeepAlive() {
    return 0;
  }
  setBlocking() {
    return 0;
  }
  setSimultaneousAccepts() {
    return 0;
  }
  open() {
    return UV_ENOTSUP;
  }
  bind() {
    return UV_ENOTSUP;
  }
  bind6() {
    return UV_ENOTSUP;
  }
  listen() {
    return UV_ENOTSUP;
  }
  /** The host's side of the connection is not told. */
  getsockname(out) {
    if (this.#peer === null) return UV_ENOTCONN;
    ObjectAssign(out, { address: '0.0.0.0', family: 'IPv4', port: 0 });
    return 0;
  }
  getpeername(out) {
    if (this.#peer === null) return UV_ENOTCONN;
    ObjectAssign(out, this.#peer);
    return 0;
  }
}

module.exports = { constants: { SOCKET: 0, SERVER: 1, UV_TCP_IPV6ONLY: 1 }, TCP, TCPConnectWrap };
