// Sockets: the two streams of a connection, to the network or to a Worker
// (https://developers.cloudflare.com/workers/runtime-apis/tcp-sockets/).
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  op_socket_accept,
  op_socket_close,
  op_socket_read,
  op_socket_shutdown,
  op_socket_start_tls,
  op_socket_write,
  op_void_async_deferred,
} = core.ops;
const {
  Error,
  ObjectDefineProperties,
  Promise,
  String,
  SymbolToStringTag,
  TypedArrayPrototypeGetByteLength,
  TypeError,
} = primordials;
const { io: contexts } = internals.selvedge;
const {
  acquireReadableStreamDefaultReader,
  acquireWritableStreamDefaultWriter,
  createReadableByteStream,
  createWritableStream,
  isReadableStreamLocked,
  isWritableStreamLocked,
  readableByteStreamControllerEnqueue,
  readableByteStreamEnd,
} = core.loadExtScript("ext:deno_web/06_streams.js");
const { ignore, uploaded } = core.loadExtScript("ext:selvedge/streams.js");

const CLOSING = "This ReadableStream belongs to an object that is closing.";
const CLOSED = "This WritableStream has been closed.";
/** Nobody else can make a socket. */
const internal = { __proto__: null };

/** A promise with what settles it; nobody need listen to its failure. */
class Deferred {
  resolve;
  reject;
  promise = new Promise((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });

  constructor() {
    ignore(this.promise);
  }
}

/** What is behind a Socket. */
class Connection {
  io = contexts.requiredOpen();
  /** The host's number, or -1. */
  rid = -1;
  /** Settles when the connection stands; `null`: it stands. */
  ready = null;
  opened = new Deferred();
  closed = new Deferred();
  readable;
  writable;
  secureTransport;
  upgraded = false;
  /** The address as it was asked for. */
  address;
  hostname;
  #allowHalfOpen;
  /** Whether a Worker is at the other end, and no network between. */
  #isInMemory;
  #isClosing = false;
  #isHandedOver = false;
  /** The other end sent all that it had. */
  #isReadToEnd = false;
  #isWrittenToEnd = false;
  /** Settles when what was written last has left. */
  #written = undefined;
  /** Settles when it is closed, once that was asked for. */
  #closing = undefined;

  constructor(address, hostname, options, isInMemory = false) {
    this.address = address;
    this.hostname = hostname;
    this.secureTransport = options.secureTransport;
    this.#allowHalfOpen = options.allowHalfOpen;
    this.#isInMemory = isInMemory;
    this.readable = createReadableByteStream(
      () => {},
      (controller) => this.#read(controller),
      () => this.#cancelled(),
    );
    this.writable = createWritableStream(
      () => {},
      (chunk) => this.#write(chunk),
      () => this.#end(),
      (reason) => this.#abort(reason),
      1,
      () => 1,
    );
  }

  /** Waits for the connection that `connecting` makes. */
  open(connecting) {
    this.ready = this.#open(connecting);
    ignore(this.ready);
  }

  async #open(connecting) {
    let rid;
    try {
      rid = await connecting;
    } catch (error) {
      this.#isClosing = true;
      this.opened.reject(error);
      this.closed.reject(error);
      throw error;
    }
    if (this.#isClosing) {
      op_socket_close(rid);
      return;
    }
    // Nobody would ever close it.
    if (this.io.over) {
      core.tryClose(rid);
      return;
    }
    this.#stand(rid, { remoteAddress: this.address, localAddress: undefined });
  }

  /** Takes a connection that came in: the number by which the host hands it over. */
  accept(arrived, addresses) {
    this.#stand(op_socket_accept(arrived), addresses);
  }

  #stand(rid, addresses) {
    this.rid = rid;
    contexts.ownBody(this.io, rid);
    this.opened.resolve(addresses);
  }

  async #read(controller) {
    contexts.checkOwner(this.io);
    if (this.ready !== null) await this.ready;
    if (this.#isClosing) throw new TypeError(CLOSING);
    let chunk;
    try {
      chunk = await op_socket_read(this.rid, this.io.slot);
    } catch (error) {
      if (this.#isClosing) throw new TypeError(CLOSING);
      this.#fail(error);
      throw error;
    }
    if (TypedArrayPrototypeGetByteLength(chunk) > 0) {
      readableByteStreamControllerEnqueue(controller, chunk);
      return;
    }
    readableByteStreamEnd(controller);
    this.#isReadToEnd = true;
    if (!this.#allowHalfOpen || this.#isWrittenToEnd) await this.close();
  }

  async #cancelled() {
    this.#isReadToEnd = true;
    if (this.#isWrittenToEnd) await this.close();
  }

  async #write(value) {
    contexts.checkOwner(this.io);
    const bytes = uploaded(value);
    if (bytes === undefined) {
      throw new TypeError(
        "This WritableStream only supports writing bytes: an ArrayBuffer, a view of one, or a string.",
      );
    }
    if (this.ready !== null) await this.ready;
    if (this.#isClosing) throw new TypeError(CLOSED);
    this.#written = op_socket_write(this.rid, this.io.slot, bytes);
    try {
      await this.#written;
    } catch (error) {
      if (this.#isClosing) throw new TypeError(CLOSED);
      this.#fail(error);
      throw error;
    }
  }

  async #end() {
    if (this.ready !== null) await this.ready;
    if (this.#isClosing) return;
    this.#isWrittenToEnd = true;
    await op_socket_shutdown(this.rid, this.io.slot);
    if (this.#isReadToEnd) await this.close();
  }

  async #abort(reason) {
    this.#fail(reason);
  }

  /** The connection is lost. */
  #fail(error) {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#release(false);
    this.closed.reject(error);
  }

  /** `isWhole`: the other end is told that it got all there was. */
  #release(isWhole) {
    const { io, rid } = this;
    if (rid < 0) return;
    this.rid = -1;
    const close = () => {
      contexts.disownBody(io, rid);
      if (isWhole) op_socket_close(rid);
      else core.tryClose(rid);
    };
    // The end is news of a Durable Object, too.
    if (isWhole && io.gate !== null && !io.over) io.release(close);
    else close();
  }

  /** Closes both directions when what was written has left. */
  close() {
    return this.#closing ??= this.#close();
  }

  async #close() {
    if (this.#isClosing) return;
    this.#isClosing = true;
    try {
      await this.#written;
    } catch {
      // Whoever wrote it knows.
    }
    this.#release(true);
    this.closed.resolve(undefined);
  }

  /** Closes it when the handler that got it is over. */
  async finish() {
    // What the handler wrote without waiting for it has begun by then.
    await op_void_async_deferred();
    await this.close();
  }

  /** The same connection, encrypted from here on. This one is over. */
  startTls(options) {
    if (this.secureTransport === "on") throw new TypeError("Cannot startTls on a TLS socket.");
    if (this.secureTransport !== "starttls") {
      throw new TypeError("The `secureTransport` socket option must be set to 'starttls' for startTls to be used.");
    }
    if (this.#isHandedOver) {
      throw new TypeError("startTls has already been called on this socket, or the socket was transferred over RPC.");
    }
    contexts.checkOwner(this.io);
    this.#isHandedOver = true;
    const host = options?.expectedServerHostname;
    const next = new Connection(this.address, this.hostname, {
      __proto__: null,
      secureTransport: "on",
      allowHalfOpen: this.#allowHalfOpen,
    }, this.#isInMemory);
    next.open(this.#handOver(host === undefined ? this.hostname : String(host)));
    if (!isReadableStreamLocked(this.readable)) acquireReadableStreamDefaultReader(this.readable);
    if (!isWritableStreamLocked(this.writable)) acquireWritableStreamDefaultWriter(this.writable);
    return next;
  }

  async #handOver(host) {
    await this.ready;
    if (this.#isClosing) throw new TypeError(CLOSED);
    this.#isClosing = true;
    this.upgraded = true;
    await this.#written;
    if (this.#isInMemory) {
      this.#release(true);
      this.closed.resolve(undefined);
      throw new Error("startTls() is not supported on this connection.");
    }
    contexts.disownBody(this.io, this.rid);
    const { rid } = this;
    this.rid = -1;
    this.closed.resolve(undefined);
    return await op_socket_start_tls(rid, this.io.slot, host);
  }
}

class Socket {
  #connection;

  constructor(key, connection) {
    if (key !== internal) throw new TypeError("Illegal constructor");
    this.#connection = connection;
  }

  get readable() {
    return this.#connection.readable;
  }

  get writable() {
    return this.#connection.writable;
  }

  get closed() {
    return this.#connection.closed.promise;
  }

  get opened() {
    return this.#connection.opened.promise;
  }

  get upgraded() {
    return this.#connection.upgraded;
  }

  get secureTransport() {
    return this.#connection.secureTransport;
  }

  close() {
    return this.#connection.close();
  }

  startTls(options = undefined) {
    return new Socket(internal, this.#connection.startTls(options));
  }
}

/** The Socket that a Worker gets. */
function socketOf(connection) {
  return new Socket(internal, connection);
}

const enumerable = { __proto__: null, enumerable: true };
ObjectDefineProperties(Socket.prototype, {
  readable: enumerable,
  writable: enumerable,
  closed: enumerable,
  opened: enumerable,
  upgraded: enumerable,
  secureTransport: enumerable,
  [SymbolToStringTag]: { __proto__: null, value: "Socket", configurable: true },
});

return { Connection, socketOf };
})();
