// What ends of WebSockets send and receive. An end talks to the host, which has the
// connection, or to the other end of its pair in the same isolate.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  op_context_hold,
  op_context_message,
  op_report_exception,
  op_ws_close,
  op_ws_drop,
  op_ws_send_binary,
  op_ws_send_text,
} = core.ops;
const {
  ArrayPrototypePush,
  ArrayPrototypeShift,
  MapPrototypeDelete,
  MapPrototypeGet,
  SafeMap,
  StringPrototypeStartsWith,
  TypedArrayPrototypeGetBuffer,
  TypeError,
  Uint8Array,
  queueMicrotask,
} = primordials;
const { CloseEvent, dispatch, ErrorEvent, MessageEvent } = core.loadExtScript("ext:deno_web/02_event.js");
const { io: contexts } = internals.selvedge;

/** `readyState`. */
const states = { __proto__: null, CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };
const { CLOSING, CLOSED } = states;

/** What is sent and received. */
const kinds = { __proto__: null, TEXT: 0, BINARY: 1, CLOSE: 2, ERROR: 3 };
const { TEXT, BINARY, CLOSE } = kinds;

/** What the host says of an end that has closed and waits for no answer any more. */
const GONE = "The other end of the WebSocket is gone.";

/** Sockets that are connected to the host, by their number. */
const sockets = new SafeMap();

/** The class tells here how to come by what a socket keeps. */
const ends = { __proto__: null, fieldsOf: null };

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
  const { peer } = fields;
  // Its connection is gone.
  if (peer === null) return;
  if (kind === BINARY) data = TypedArrayPrototypeGetBuffer(copy(data));
  const theirs = ends.fieldsOf(peer);
  ArrayPrototypePush(theirs.inbox, [kind, data, reason]);
  if (theirs.accepted) queueMicrotask(() => flushInbox(peer, theirs));
  if (kind === CLOSE && theirs.sentClose) finishClose(fields);
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
          if (data === GONE && !fields.gotClose) break;
          fields.state = CLOSED;
          if (fields.gotClose) {
            // It was over for the other end already.
            drop(fields);
            break;
          }
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
  const shown = code === 0 ? 1005 : code;
  if (!fields.sentClose) {
    if (fields.isHalfOpen) {
      // The Worker answers when it likes, and may send until then.
      fields.state = CLOSING;
      fields.gotClose = true;
      dispatch(socket, new CloseEvent("close", { code: shown, reason, wasClean: true }));
      return;
    }
    fields.sentClose = true;
    sendOut(socket, fields, CLOSE, shown === 1005 || shown === 1006 ? 0 : shown, reason);
  }
  fields.state = CLOSED;
  dispatch(socket, new CloseEvent("close", { code: shown, reason, wasClean: true }));
  dropWhenSent(fields);
}

/** The Worker answered the close frame that came. */
function answered(fields) {
  fields.state = CLOSED;
  dropWhenSent(fields);
  release(fields);
}

/** What a Durable Object sent may wait for its storage; the connection goes after that. */
function dropWhenSent(fields) {
  const { io } = fields;
  if (io === null || io.over || io.gate === null || io.canRelease()) drop(fields);
  else io.release(() => drop(fields));
}

function finishClose(fields) {
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
  const fields = ends.fieldsOf(socket);
  if (!fields.accepted) {
    ArrayPrototypePush(fields.inbox, [kind, data, extra]);
    return;
  }
  receive(socket, fields, kind, data, extra);
}

return {
  answered,
  deliver,
  drop,
  ends,
  flushInbox,
  GONE,
  hold,
  kinds,
  release,
  sendNative,
  sendNow,
  sendOut,
  sockets,
  states,
};
})();
