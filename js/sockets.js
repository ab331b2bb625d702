// The module `cloudflare:sockets`: TCP connections, plain and encrypted
// (https://developers.cloudflare.com/workers/runtime-apis/tcp-sockets/).
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  op_socket_close,
  op_socket_connect,
  op_socket_read,
  op_socket_shutdown,
  op_socket_start_tls,
  op_socket_write,
} = core.ops;
const {
  Number,
  NumberIsInteger,
  ObjectDefineProperties,
  Promise,
  RegExpPrototypeExec,
  SafeRegExp,
  String,
  StringPrototypeStartsWith,
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
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");
const { ignore, uploaded } = core.loadExtScript("ext:selvedge/streams.js");

const CLOSING = "This ReadableStream belongs to an object that is closing.";
const CLOSED = "This WritableStream has been closed.";
const BAD_ADDRESS = "Specified address is empty string, contains unsupported characters or is too long.";
const ADDRESS = new SafeRegExp("^[0-9A-Za-z.:_%\\[\\]-]{1,255}$");
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
  /** Settles when the connection stands. */
  ready;
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
  #isClosing = false;
  #isHandedOver = false;
  /** The other end sent all that it had. */
  #isReadToEnd = false;
  #isWrittenToEnd = false;
  /** Settles when what was written last has left. */
  #written = undefined;

  constructor(address, hostname, options) {
    this.address = address;
    this.hostname = hostname;
    this.secureTransport = options.secureTransport;
    this.#allowHalfOpen = options.allowHalfOpen;
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
    this.rid = rid;
    contexts.ownBody(this.io, rid);
    this.opened.resolve({ remoteAddress: this.address, localAddress: undefined });
  }

  async #read(controller) {
    contexts.checkOwner(this.io);
    await this.ready;
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
    await this.ready;
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
    await this.ready;
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
    this.#release();
    this.closed.reject(error);
  }

  #release() {
    if (this.rid < 0) return;
    contexts.disownBody(this.io, this.rid);
    op_socket_close(this.rid);
    this.rid = -1;
  }

  /** Closes both directions when what was written has left. */
  async close() {
    if (this.#isClosing) return;
    this.#isClosing = true;
    try {
      await this.#written;
    } catch {
      // Whoever wrote it knows.
    }
    this.#release();
    this.closed.resolve(undefined);
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
    });
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

function connect(address, options = undefined) {
  const { hostname, port } = readAddress(address);
  const read = readOptions(options);
  const connection = new Connection(`${hostname}:${port}`, hostname, read);
  connection.open(
    op_socket_connect(connection.io.slot, hostname, port, read.secureTransport === "on"),
  );
  return new Socket(internal, connection);
}

/** Host and port, of text or of an object. */
function readAddress(address) {
  if (address === undefined || address === null) {
    throw new TypeError("Cannot initialize SocketAddress with required members from an undefined or null value.");
  }
  if (typeof address === "object" || typeof address === "function") {
    const { hostname, port } = address;
    return { __proto__: null, hostname: bracketed(checked(String(hostname))), port: readPort(port) };
  }
  const text = String(address);
  let url;
  try {
    url = new URL(`socket://${text}`);
  } catch {
    throw new TypeError("Specified address could not be parsed.");
  }
  if (url.port === "") throw new TypeError("Specified address is missing port.");
  checked(text);
  return { __proto__: null, hostname: url.hostname, port: Number(url.port) };
}

function checked(text) {
  if (RegExpPrototypeExec(ADDRESS, text) === null) throw new TypeError(BAD_ADDRESS);
  return text;
}

/** An IPv6 address as it stands in URLs. */
function bracketed(host) {
  if (RegExpPrototypeExec(COLON, host) === null || StringPrototypeStartsWith(host, "[")) return host;
  return `[${host}]`;
}
const COLON = new SafeRegExp(":");

function readPort(value) {
  const port = Number(value);
  if (!NumberIsInteger(port)) throw new TypeError("The value cannot be converted because it is not an integer.");
  if (port < 0) throw new TypeError("The value cannot be converted because it is negative.");
  if (port > 65535) throw new TypeError("Value out of range. Must be less than or equal to 65535.");
  return port;
}

function readOptions(options) {
  if (options !== undefined && options !== null && typeof options !== "object" && typeof options !== "function") {
    throw new TypeError("Failed to execute 'connect' on 'SocketsModule': parameter 2 is not of type 'SocketOptions'.");
  }
  const secure = options?.secureTransport;
  const secureTransport = secure === undefined || secure === null ? "off" : String(secure);
  if (secureTransport !== "off" && secureTransport !== "on" && secureTransport !== "starttls") {
    throw new TypeError(`Unsupported value in secureTransport socket option: ${secureTransport}`);
  }
  return { __proto__: null, secureTransport, allowHalfOpen: !!options?.allowHalfOpen };
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

return { connect };
})();
