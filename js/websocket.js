// WebSocket and WebSocketPair. One end of a pair goes into a response; from
// then on the other end talks to the client. Frames stay in the host; messages
// come as events of the request that accepted the socket, which lives as long
// as the socket is open.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  op_context_hold,
  op_context_message,
  op_report_exception,
  op_ws_buffered,
  op_ws_close,
  op_ws_drop,
  op_ws_id,
  op_ws_send_binary,
  op_ws_send_text,
} = core.ops;
const {
  ArrayBufferIsView,
  ArrayPrototypeJoin,
  ArrayPrototypePush,
  ArrayPrototypeShift,
  MapPrototypeDelete,
  MapPrototypeForEach,
  MapPrototypeGet,
  MapPrototypeSet,
  MathTrunc,
  Number,
  ObjectDefineProperties,
  ObjectDefineProperty,
  PromisePrototypeThen,
  RegExpPrototypeExec,
  SafeMap,
  SafeRegExp,
  String,
  StringPrototypeSlice,
  StringPrototypeStartsWith,
  SymbolIterator,
  SymbolToStringTag,
  TypedArrayPrototypeGetBuffer,
  TypeError,
  Uint8Array,
  queueMicrotask,
} = primordials;
const {
  CloseEvent,
  defineEventHandler,
  dispatch,
  ErrorEvent,
  Event,
  EventTarget,
  MessageEvent,
} = core.loadExtScript("ext:deno_web/02_event.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");
const { io: contexts } = internals.selvedge;
const NO_OPTIONS = { __proto__: null };

function dataCloneError(message) {
  throw new DOMException(message, "DataCloneError");
}

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

const TEXT = 0;
const BINARY = 1;
const CLOSE = 2;
const ERROR = 3;

/** The most that may be attached to a socket
 * (https://developers.cloudflare.com/durable-objects/api/websockets/). */
const MAX_ATTACHMENT_BYTES = 16384;

/** Sockets that are connected to the host, by their number. */
const sockets = new SafeMap();

const internal = { __proto__: null };

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
    /** What came before `accept()`. */
    inbox: [],
    /** What was sent before the connection stood. */
    outbox: null,
    url: "",
    protocol: "",
    extensions: "",
    binaryType: "arraybuffer",
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
    if (core.byteLength(reason) > 123) {
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

function hold(fields) {
  const io = fields.io;
  io.sockets++;
  if (io.sockets === 1) op_context_hold(io.slot, true);
}

function release(fields) {
  const io = fields.io;
  fields.io = null;
  if (io === null || io.over) return;
  io.sockets--;
  if (io.sockets === 0) op_context_hold(io.slot, false);
  contexts.settle(io);
}

/** Sends something out of an end, when what a Durable Object wrote before is on disk. */
function sendOut(socket, fields, kind, data, reason = "") {
  const { io } = fields;
  if (io === null || io.gate === null || io.canRelease()) {
    sendNow(socket, fields, kind, data, reason);
    return;
  }
  if (kind === BINARY) data = copy(data);
  io.release(() => sendNow(socket, fields, kind, data, reason));
}

/** To the host, or to the other end. */
function sendNow(socket, fields, kind, data, reason) {
  if (fields.id !== 0) {
    sendNative(fields.id, kind, data, reason);
    return;
  }
  if (fields.peer === null) {
    // Not connected yet.
    fields.outbox ??= [];
    ArrayPrototypePush(fields.outbox, [kind, kind === BINARY ? copy(data) : data, reason]);
    return;
  }
  const peer = fields.peer;
  if (kind === BINARY) data = TypedArrayPrototypeGetBuffer(copy(data));
  const theirs = fieldsOf(peer);
  ArrayPrototypePush(theirs.inbox, [kind, data, reason]);
  if (theirs.accepted) queueMicrotask(() => flushInbox(peer, theirs));
  if (kind === CLOSE && theirs.sentClose) finishClose(socket, fields);
}

function copy(bytes) {
  return new Uint8Array(bytes);
}

function sendNative(id, kind, data, reason) {
  if (kind === TEXT) op_ws_send_text(id, data);
  else if (kind === BINARY) op_ws_send_binary(id, data);
  else op_ws_close(id, data, reason);
}

function flushInbox(socket, fields) {
  while (fields.inbox.length > 0 && fields.accepted) {
    const item = ArrayPrototypeShift(fields.inbox);
    receive(socket, fields, item[0], item[1], item[2]);
  }
}

/** Delivers what arrived at an end, as an event of its request. */
function receive(socket, fields, kind, data, extra) {
  if (fields.events !== null) {
    fields.events(socket, kind, data, extra);
    return;
  }
  const { io } = fields;
  if (io !== null && !io.over && io.gate !== null) {
    io.gate.admit(null, () => receiveNow(socket, fields, kind, data, extra));
  } else {
    receiveNow(socket, fields, kind, data, extra);
  }
}

function receiveNow(socket, fields, kind, data, extra) {
  const { io } = fields;
  if (io === null || io.over) {
    if (fields.id !== 0) drop(fields);
    return;
  }
  op_context_message(io.slot);
  contexts.runIn(io, () => {
    try {
      switch (kind) {
        case TEXT:
        case BINARY:
          dispatch(socket, new MessageEvent("message", { data: wrap(fields, kind, data) }));
          break;
        case CLOSE:
          receiveClose(socket, fields, data, extra);
          break;
        default:
          fields.state = CLOSED;
          if (StringPrototypeStartsWith(data, "WebSocket disconnected") || StringPrototypeStartsWith(data, "WebSocket EOF")) {
            dispatch(socket, new CloseEvent("close", {
              code: 1006,
              reason: "WebSocket disconnected without sending Close frame.",
              wasClean: false,
            }));
            drop(fields);
            break;
          }
          dispatch(socket, new ErrorEvent("error", { message: data, error: new TypeError(data) }));
          dispatch(socket, new CloseEvent("close", { code: 1006, reason: "", wasClean: false }));
          drop(fields);
      }
    } catch (error) {
      op_report_exception("Uncaught ", error);
    }
  });
  if (fields.state === CLOSED) release(fields);
}

function wrap(fields, kind, data) {
  if (kind === BINARY && fields.binaryType === "blob") {
    const { Blob } = core.loadExtScript("ext:deno_web/09_file.js");
    return new Blob([data]);
  }
  return data;
}

function receiveClose(socket, fields, code, reason) {
  const answered = fields.sentClose;
  const shown = code === 0 ? 1005 : code;
  if (!answered) {
    // The close frame is answered for the Worker, as from 2026-04-07.
    fields.sentClose = true;
    sendOut(socket, fields, CLOSE, shown === 1005 || shown === 1006 ? 0 : shown, reason);
  }
  fields.state = CLOSED;
  dispatch(socket, new CloseEvent("close", { code: shown, reason, wasClean: true }));
  drop(fields);
}

function finishClose(_socket, fields) {
  fields.state = CLOSED;
  release(fields);
}

function drop(fields) {
  if (fields.id === 0) return;
  const id = fields.id;
  fields.id = 0;
  MapPrototypeDelete(sockets, id);
  op_ws_drop(id);
}

/** Called by the host: something arrived on a connection. */
function deliver(id, kind, data, extra) {
  const socket = MapPrototypeGet(sockets, id);
  if (socket === undefined) {
    // Its object may be out of memory.
    if (internals.wakeForSocket !== undefined) internals.wakeForSocket(id, kind, data, extra);
    return;
  }
  if (typeof socket === "function") {
    socket(kind, data, extra);
    return;
  }
  const fields = fieldsOf(socket);
  if (!fields.accepted) {
    ArrayPrototypePush(fields.inbox, [kind, data, extra]);
    return;
  }
  receive(socket, fields, kind, data, extra);
}

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
    theirs.nextId = id;
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

const PROTOCOL = new SafeRegExp("^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+$");

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

/** `new WebSocket(url, protocols)`. */
function connect(socket, fields, url, protocols) {
  const io = contexts.required();
  let parsed;
  try {
    parsed = new URL(String(url));
  } catch {
    throw new DOMException("WebSocket Constructor: The url is invalid.", "SyntaxError");
  }
  if (parsed.protocol === "ws:") parsed.protocol = "http:";
  else if (parsed.protocol === "wss:") parsed.protocol = "https:";
  else throw new DOMException("WebSocket Constructor: The url scheme must be ws or wss.", "SyntaxError");
  if (parsed.hash !== "") {
    throw new DOMException("WebSocket Constructor: The url fragment must be empty.", "SyntaxError");
  }
  let list = [];
  if (typeof protocols === "string") list = [protocols];
  else if (protocols !== undefined && protocols !== null) {
    // deno-lint-ignore prefer-primordials
    list = [...protocols];
  }
  const seen = { __proto__: null };
  for (let i = 0; i < list.length; i++) {
    list[i] = String(list[i]);
    if (RegExpPrototypeExec(PROTOCOL, list[i]) === null) {
      throw new DOMException("WebSocket Constructor: The protocol header token is invalid.", "SyntaxError");
    }
    if (seen[list[i]] === true) {
      throw new DOMException("WebSocket Constructor: The protocols header cannot have repeating values.", "SyntaxError");
    }
    seen[list[i]] = true;
  }
  const text = String(url);
  fields.url = StringPrototypeSlice(parsed.href, 0, 4) === "http"
    ? `ws${StringPrototypeSlice(parsed.href, 4)}`
    : text;
  fields.client = true;
  fields.accepted = true;
  fields.state = CONNECTING;
  fields.io = io;
  hold(fields);

  const headers = { __proto__: null, upgrade: "websocket" };
  if (list.length > 0) headers["sec-websocket-protocol"] = ArrayPrototypeJoin(list, ", ");
  if (internals.shared.deflate) headers["sec-websocket-extensions"] = "permessage-deflate";
  const { fetch } = core.loadExtScript("ext:selvedge/fetch/fetch.js");
  const failed = (message) => {
    fields.state = CLOSED;
    contexts.runIn(io, () => {
      dispatch(socket, new ErrorEvent("error", { message, error: new TypeError(message) }));
      dispatch(socket, new CloseEvent("close", { code: 1006, reason: "", wasClean: false }));
    });
    release(fields);
  };
  PromisePrototypeThen(
    fetch(parsed.href, { headers }),
    (response) => {
      const other = response.webSocket;
      if (other === null) {
        failed("Failed to establish the WebSocket connection: expected server to reply with HTTP status code 101 (switching protocols).");
        return;
      }
      // The connection moves from the response's socket into this one.
      const theirs = fieldsOf(other);
      fields.id = theirs.id;
      fields.inbox = theirs.inbox;
      fields.protocol = response.headers.get("sec-websocket-protocol") ?? "";
      fields.extensions = response.headers.get("sec-websocket-extensions") ?? "";
      theirs.id = 0;
      MapPrototypeSet(sockets, fields.id, socket);
      fields.state = OPEN;
      contexts.runIn(io, () => dispatch(socket, new Event("open")));
      flushInbox(socket, fields);
    },
    (error) => failed(String(error?.message ?? error)),
  );
}

/** A message and what answers it, as `ctx.setWebSocketAutoResponse()` takes it. */
class WebSocketRequestResponsePair extends core.Given {
  #request;
  #response;

  constructor(request, response) {
    super();
    if (arguments.length > 0) request = `${request}`;
    if (arguments.length < 2) {
      throw new TypeError(
        `Failed to construct 'WebSocketRequestResponsePair': constructor parameter ${
          arguments.length + 1
        } is not of type 'string'.`,
      );
    }
    this.#request = request;
    this.#response = `${response}`;
  }

  get request() {
    return this.#request;
  }

  get response() {
    return this.#response;
  }
}
ObjectDefineProperty(WebSocketRequestResponsePair.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "WebSocketRequestResponsePair",
  configurable: true,
});

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
checkReceivers(WebSocketRequestResponsePair);

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
  WebSocketRequestResponsePair: core.expose(WebSocketRequestResponsePair),
};
})();
