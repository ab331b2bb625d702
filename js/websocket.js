// WebSocket and WebSocketPair. One end of a pair goes into a response; from
// then on the other end talks to the client. Frames stay in the host; messages
// come as events of the request that accepted the socket, which lives as long
// as the socket is open.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_context_hold, op_ws_buffered, op_ws_drop, op_ws_id } = core.ops;
const {
  ArrayBufferIsView,
  ArrayPrototypePush,
  MapPrototypeDelete,
  MapPrototypeForEach,
  MapPrototypeGet,
  MapPrototypeSet,
  MathTrunc,
  Number,
  ObjectDefineProperties,
  ObjectDefineProperty,
  String,
  SymbolIterator,
  SymbolToStringTag,
  TypeError,
  Uint8Array,
  queueMicrotask,
} = primordials;
const { defineEventHandler, EventTarget } = core.loadExtScript("ext:deno_web/02_event.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { connect } = core.loadExtScript("ext:selvedge/websocket/client.js");
const { answered, deliver, drop, ends, flushInbox, hold, kinds, sendNative, sendNow, sendOut, sockets, states } = core
  .loadExtScript("ext:selvedge/websocket/traffic.js");
const { io: contexts } = internals.selvedge;
const NO_OPTIONS = { __proto__: null };

function dataCloneError(message) {
  throw new DOMException(message, "DataCloneError");
}

const { CONNECTING, OPEN, CLOSING, CLOSED } = states;
const { TEXT, BINARY, CLOSE, ERROR } = kinds;

/** The most that may be attached to a socket
 * (https://developers.cloudflare.com/durable-objects/api/websockets/). */
const MAX_ATTACHMENT_BYTES = 16384;

const internal = { __proto__: null };

const NOT_ACCEPTED =
  "You must call one of accept() or state.acceptWebSocket() on this WebSocket before sending messages.";

/** A number as workerd takes one for a 32-bit integer: what is none is 0. */
function toInt32(value) {
  const number = Number(value);
  if (number < -2147483648 || number > 2147483647) {
    throw new TypeError("Value out of range. Must be between -2147483648 and 2147483647 (inclusive).");
  }
  return MathTrunc(number) || 0;
}

let fieldsOf;

class WebSocket extends core.classOf(EventTarget) {
  #fields = {
    __proto__: null,
    state: OPEN,
    /** The host's number, or 0. */
    id: 0,
    /** The other end, while both are in this isolate. */
    peer: null,
    io: null,
    accepted: false,
    /** Handed to a response. */
    taken: false,
    /** Made by `new WebSocket(url)`. */
    client: false,
    sentClose: false,
    /** A close frame came that the Worker is to answer. */
    gotClose: false,
    /** Whether the Worker answers close frames itself. */
    isHalfOpen: internals.isOff("web_socket_auto_reply_to_close"),
    /** What came before `accept()`. */
    inbox: [],
    url: "",
    protocol: "",
    extensions: "",
    binaryType: internals.isOff("websocket_standard_binary_type") ? "arraybuffer" : "blob",
    attachment: undefined,
    /** Of a socket whose messages are events of a Durable Object: who takes them. */
    events: null,
    /** The tags of such a socket. */
    tags: undefined,
    /** Learns what is attached, and the number that the host gives. */
    attached: null,
    onConnected: null,
  };

  constructor(url, protocols = undefined) {
    super();
    if (url === internal) return;
    if (arguments.length === 0) {
      throw new TypeError("Failed to construct 'WebSocket': constructor parameter 1 is not of type 'string'.");
    }
    connect(this, this.#fields, `${url}`, protocols);
  }

  accept(options = undefined) {
    if (options !== undefined && options !== null && typeof options !== "object" && typeof options !== "function") {
      throw new TypeError("Failed to execute 'accept' on 'WebSocket': parameter 1 is not of type 'AcceptOptions'.");
    }
    const fields = this.#fields;
    if (fields.events !== null) {
      throw new TypeError("Can't accept() WebSocket after enabling hibernation.");
    }
    if (fields.taken) {
      throw new TypeError("Can't accept() WebSocket that was already used in a response.");
    }
    if (fields.accepted) return;
    fields.accepted = true;
    const half = options?.allowHalfOpen;
    if (half !== undefined) fields.isHalfOpen = !!half;
    fields.io = contexts.required();
    hold(fields);
    flushInbox(this, fields);
  }

  send(message) {
    const fields = this.#fields;
    if (arguments.length === 0) {
      throw new TypeError("Failed to execute 'send' on 'WebSocket': parameter 1 is not of type 'ArrayBuffer or ArrayBufferView or string'.");
    }
    if (typeof message !== "string" && !ArrayBufferIsView(message) && !core.isAnyArrayBuffer(message)) {
      message = `${message}`;
    }
    if (!fields.accepted) {
      throw new TypeError(NOT_ACCEPTED);
    }
    if (fields.state === CONNECTING) {
      throw new DOMException("This WebSocket is not open yet.", "InvalidStateError");
    }
    if (fields.sentClose) throw new TypeError("Can't call WebSocket send() after close().");
    if (fields.state === CLOSED) return;
    if (typeof message === "string") {
      sendOut(this, fields, TEXT, message);
    } else if (ArrayBufferIsView(message)) {
      sendOut(this, fields, BINARY, new Uint8Array(message.buffer, message.byteOffset, message.byteLength));
    } else {
      sendOut(this, fields, BINARY, new Uint8Array(message));
    }
  }

  close(code = undefined, reason = undefined) {
    const fields = this.#fields;
    if (code !== undefined) {
      code = toInt32(code);
      if (code < 1000 || code >= 5000 || code === 1004 || code === 1005 || code === 1006 || code === 1015) {
        throw new DOMException(`Invalid WebSocket close code: ${code}.`, "InvalidAccessError");
      }
    } else {
      if (reason !== undefined) {
        throw new DOMException(
          "If you specify a WebSocket close reason, you must also specify a code.",
          "InvalidAccessError",
        );
      }
      code = 0;
    }
    reason = reason === undefined ? "" : String(reason);
    if (core.byteLength(reason) > 123 && !internals.isOff("websocket_close_reason_byte_limit")) {
      throw new DOMException(
        "WebSocket close reason must not be longer than 123 bytes when UTF-8 encoded.",
        "SyntaxError",
      );
    }
    if (!fields.accepted) throw new TypeError(NOT_ACCEPTED);
    if (fields.sentClose || fields.state === CLOSED) return;
    fields.sentClose = true;
    if (fields.state === OPEN) fields.state = CLOSING;
    sendOut(this, fields, CLOSE, code, reason);
    if (fields.gotClose) answered(fields);
  }

  serializeAttachment(value) {
    if (arguments.length === 0) {
      throw new TypeError(
        "Failed to execute 'serializeAttachment' on 'WebSocket': parameter 1 is not of type 'Value'.",
      );
    }
    // That of Durable Objects keeps more of errors.
    const bytes = internals.storedErrors === undefined
      ? core.serialize(value, NO_OPTIONS, dataCloneError)
      : internals.storedErrors.serialize(value);
    if (bytes.length > MAX_ATTACHMENT_BYTES) {
      throw new Error(
        `A WebSocket 'attachment' cannot be larger than ${MAX_ATTACHMENT_BYTES} bytes.` +
          `'attachment' was ${bytes.length} bytes.`,
      );
    }
    const fields = this.#fields;
    fields.attachment = bytes;
    if (fields.attached !== null) fields.attached(bytes);
  }

  deserializeAttachment() {
    const bytes = this.#fields.attachment;
    if (bytes === undefined) return null;
    return internals.storedErrors === undefined ? core.deserialize(bytes) : internals.storedErrors.deserialize(bytes);
  }

  get readyState() {
    return this.#fields.state;
  }

  get url() {
    return this.#fields.url === "" ? null : this.#fields.url;
  }

  get protocol() {
    return this.#fields.protocol;
  }

  get extensions() {
    return this.#fields.extensions;
  }

  get bufferedAmount() {
    const { id } = this.#fields;
    return id === 0 ? 0 : op_ws_buffered(id);
  }

  get binaryType() {
    return this.#fields.binaryType;
  }

  set binaryType(value) {
    value = `${value}`;
    if (value === "arraybuffer" || value === "blob") this.#fields.binaryType = value;
  }

  static {
    fieldsOf = (socket) => socket.#fields;
    ends.fieldsOf = fieldsOf;
  }
}

const constants = { CONNECTING, OPEN, CLOSING, CLOSED };
const constantNames = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"];
for (let i = 0; i < constantNames.length; i++) {
  const descriptor = { __proto__: null, value: constants[constantNames[i]], enumerable: true };
  ObjectDefineProperty(WebSocket, constantNames[i], descriptor);
  ObjectDefineProperty(WebSocket.prototype, constantNames[i], descriptor);
  // Workers has these names as well.
  ObjectDefineProperty(WebSocket, `READY_STATE_${constantNames[i]}`, descriptor);
  ObjectDefineProperty(WebSocket.prototype, `READY_STATE_${constantNames[i]}`, descriptor);
}
defineEventHandler(WebSocket.prototype, "open");
defineEventHandler(WebSocket.prototype, "message");
defineEventHandler(WebSocket.prototype, "close");
defineEventHandler(WebSocket.prototype, "error");
ObjectDefineProperty(WebSocket.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "WebSocket",
  configurable: true,
});

function isWebSocket(value) {
  return primordials.ObjectPrototypeIsPrototypeOf(WebSocket.prototype, value);
}

/** Two ends that talk to each other. */
class WebSocketPair extends core.Given {
  constructor() {
    super();
    const a = new WebSocket(internal);
    const b = new WebSocket(internal);
    fieldsOf(a).peer = b;
    fieldsOf(b).peer = a;
    ObjectDefineProperties(this, {
      0: { __proto__: null, value: a, enumerable: true, writable: true, configurable: true },
      1: { __proto__: null, value: b, enumerable: true, writable: true, configurable: true },
    });
  }

  /** `const [client, server] = new WebSocketPair();` */
  *[SymbolIterator]() {
    yield this[0];
    yield this[1];
  }
}
ObjectDefineProperty(WebSocketPair.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "WebSocketPair",
  configurable: true,
});

/**
 * Takes the socket of a response: its other end will talk to the connection.
 * Gives the number that the connection gets.
 */
function takeForResponse(io, socket) {
  if (!isWebSocket(socket)) {
    throw new TypeError("Incorrect type for the 'webSocket' field on 'ResponseInit': the provided value is not of type 'WebSocket'.");
  }
  const fields = fieldsOf(socket);
  if (fields.client) {
    throw new TypeError("Can't return WebSocket in a Response if it was created with `new WebSocket()`");
  }
  if (fields.taken) throw new TypeError("Can't return WebSocket that was already used in a response.");
  if (fields.accepted) throw new TypeError("Can't return WebSocket in a Response after calling accept().");
  fields.taken = true;
  const id = op_ws_id();
  if (fields.id !== 0) {
    bridge(io, id, fields.id, fields.inbox);
  } else {
    const peer = fields.peer;
    const theirs = fieldsOf(peer);
    theirs.peer = null;
    theirs.pending = fields.inbox;
    MapPrototypeSet(sockets, id, peer);
  }
  return id;
}

/** The connection of a response stands: what was sent before goes out. */
function connected(id) {
  const socket = MapPrototypeGet(sockets, id);
  if (socket === undefined || typeof socket === "function") return;
  const fields = fieldsOf(socket);
  fields.id = id;
  if (fields.onConnected !== null) fields.onConnected(id);
  const { pending } = fields;
  fields.pending = undefined;
  for (let i = 0; pending !== undefined && i < pending.length; i++) {
    const item = pending[i];
    const data = item[0] === BINARY ? new Uint8Array(item[1]) : item[1];
    sendNative(id, item[0], data, item[2]);
  }
}

/** Joins two connections of the host: what comes in on one goes out on the other. */
function bridge(io, a, b, early) {
  io.sockets++;
  op_context_hold(io.slot, true);
  let open = 2;
  const join = (to) => (kind, data, extra) => {
    if (kind === BINARY) data = new Uint8Array(data);
    if (kind === ERROR) sendNative(to, CLOSE, 1011, "");
    else sendNative(to, kind, kind === CLOSE && (data === 1005 || data === 1006) ? 0 : data, extra ?? "");
    if (kind === CLOSE || kind === ERROR) {
      if (--open === 0 || kind === ERROR) finish();
    }
  };
  const finish = () => {
    MapPrototypeDelete(sockets, a);
    MapPrototypeDelete(sockets, b);
    op_ws_drop(a);
    op_ws_drop(b);
    if (io.over) return;
    io.sockets--;
    if (io.sockets === 0) op_context_hold(io.slot, false);
    contexts.settle(io);
  };
  MapPrototypeSet(sockets, a, join(b));
  MapPrototypeSet(sockets, b, join(a));
  for (let i = 0; i < early.length; i++) {
    const item = early[i];
    queueMicrotask(() => join(a)(item[0], item[1], item[2]));
  }
}

/** A number for the socket that a subrequest may bring. */
function reserve(_io) {
  const id = op_ws_id();
  // Messages that come before the Worker has the socket wait in it.
  const socket = new WebSocket(internal);
  fieldsOf(socket).id = id;
  MapPrototypeSet(sockets, id, socket);
  return id;
}

function unreserve(id) {
  MapPrototypeDelete(sockets, id);
}

/** The socket of a subrequest's 101 response. */
function accepted(_io, id) {
  return MapPrototypeGet(sockets, id);
}

/** What the sockets of Durable Objects need. */
const inside = {
  __proto__: null,
  fieldsOf: (socket) => fieldsOf(socket),
  isWebSocket,
  drop,
  flush: (socket) => flushInbox(socket, fieldsOf(socket)),
  /** Forgets the script's side of a connection that stays. */
  detach: (id) => MapPrototypeDelete(sockets, id),
  /** The script's side of a connection that is there. */
  revive(id, io) {
    const socket = new WebSocket(internal);
    const fields = fieldsOf(socket);
    fields.id = id;
    fields.io = io;
    fields.accepted = true;
    fields.taken = true;
    MapPrototypeSet(sockets, id, socket);
    return socket;
  },
  /** Sends text that is not the Worker's. */
  sendText: (socket, text) => sendNow(socket, fieldsOf(socket), TEXT, text, ""),
  /** Answers a close frame that the Worker did not answer. */
  answerClose(socket, code, reason) {
    const fields = fieldsOf(socket);
    fields.sentClose = true;
    sendOut(socket, fields, CLOSE, code === 1005 || code === 1006 ? 0 : code, reason);
  },
  /** Cuts all connections of a context. */
  cut(io) {
    const ids = [];
    MapPrototypeForEach(sockets, (socket, id) => {
      if (typeof socket !== "function" && fieldsOf(socket).io === io) ArrayPrototypePush(ids, id);
    });
    for (let i = 0; i < ids.length; i++) {
      const fields = fieldsOf(MapPrototypeGet(sockets, ids[i]));
      fields.state = CLOSED;
      drop(fields);
    }
  },
  /** The end is gone: the other end hears of it. */
  lose(socket) {
    const fields = fieldsOf(socket);
    fields.state = CLOSED;
    if (fields.peer === null) return;
    const theirs = fieldsOf(fields.peer);
    ArrayPrototypePush(theirs.inbox, [ERROR, "WebSocket disconnected between frames without sending `Close`."]);
    if (theirs.accepted) flushInbox(fields.peer, theirs);
  },
};

const { checkReceivers } = core.loadExtScript("ext:selvedge/receivers.js");
checkReceivers(WebSocket);
checkReceivers(WebSocketPair);

return {
  accepted,
  connected,
  deliver,
  inside,
  reserve,
  takeForResponse,
  unreserve,
  WebSocket: core.expose(WebSocket),
  WebSocketPair: core.expose(WebSocketPair),
};
})();
