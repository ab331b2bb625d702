// WebSockets that an object accepts with `ctx.acceptWebSocket()`: their
// messages are events of the object, and they stay when it leaves memory
// (https://developers.cloudflare.com/durable-objects/best-practices/websockets/).
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  op_do_auto_response,
  op_do_auto_response_get,
  op_do_socket_add,
  op_do_socket_answered,
  op_do_socket_attach,
  op_do_socket_attachment,
  op_do_socket_owner,
  op_do_socket_remove,
  op_do_socket_tags,
  op_do_sockets,
  op_do_sockets_cut,
  op_report_exception,
} = core.ops;
const {
  ArrayIsArray,
  ArrayPrototypeIncludes,
  ArrayPrototypePush,
  Date,
  DateNow,
  Error,
  MapPrototypeDelete,
  MapPrototypeForEach,
  MapPrototypeGet,
  MapPrototypeGetSize,
  MapPrototypeSet,
  MathTrunc,
  Number,
  NumberIsFinite,
  ObjectPrototypeIsPrototypeOf,
  Promise,
  PromisePrototypeThen,
  RangeError,
  SafeMap,
  SafeSet,
  SetPrototypeAdd,
  SetPrototypeDelete,
  SetPrototypeForEach,
  SetPrototypeGetSize,
  String,
  StringPrototypeStartsWith,
  TypeError,
  Uint8Array,
} = primordials;
const websockets = core.loadExtScript("ext:selvedge/websocket.js");
const { WebSocketRequestResponsePair } = core.loadExtScript("ext:selvedge/websocket/request_response_pair.js");
const { GONE } = core.loadExtScript("ext:selvedge/websocket/traffic.js");
const { fieldsOf, isWebSocket } = websockets.inside;

const EMPTY = new Uint8Array();

const TEXT = 0;
const BINARY = 1;
const CLOSE = 2;

const CLOSING = 2;
const CLOSED = 3;

const MAX_TAGS = 10;
/** Characters of a tag. */
const MAX_TAG = 256;
/** Sockets of an object. */
const MAX_SOCKETS = 32768;
/** Bytes of an automatic request or response. */
const MAX_AUTO_BYTES = 2048;
/** Milliseconds that a handler may be given: seven days. */
const MAX_EVENT_TIMEOUT = 604800000;

/** The sockets of an object that is in memory. */
class Sockets {
  actor;
  /** Those that are connected to the host, by their number. */
  connected = new SafeMap();
  /** Those whose other end is in this isolate, or not connected yet. */
  local = new SafeSet();
  eventTimeout = null;

  constructor(actor) {
    this.actor = actor;
    // What it accepted before it left memory.
    const ids = op_do_sockets(actor.home.rid, actor.hex);
    for (let i = 0; i < ids.length; i++) MapPrototypeSet(this.connected, ids[i], revive(this, ids[i]));
  }

  get count() {
    return MapPrototypeGetSize(this.connected) + SetPrototypeGetSize(this.local);
  }
}

function socketsOf(actor) {
  return actor.sockets ??= new Sockets(actor);
}

/** A socket whose object was out of memory. */
function revive(all, id) {
  const socket = websockets.inside.revive(id, all.actor.io);
  const fields = fieldsOf(socket);
  fields.tags = op_do_socket_tags(id);
  const attachment = op_do_socket_attachment(id);
  if (attachment.length > 0) fields.attachment = attachment;
  adopt(all, fields);
  return socket;
}

/** From now on what happens to a socket is an event of its object. */
function adopt(all, fields) {
  fields.events = (socket, kind, data, extra) => deliver(all, socket, fields, kind, data, extra);
  fields.attached = (bytes) => {
    if (fields.id !== 0) op_do_socket_attach(fields.id, bytes);
  };
}

function wrongSocket(method, position = 1) {
  return new TypeError(
    `Failed to execute '${method}' on 'DurableObjectState': parameter ${position} is not of type 'WebSocket'.`,
  );
}

/** `ctx.acceptWebSocket(ws, tags)`. */
function accept(actor, socket, tags) {
  if (!isWebSocket(socket)) throw wrongSocket("acceptWebSocket");
  if (tags !== undefined && !ArrayIsArray(tags)) {
    throw new TypeError(
      "Failed to execute 'acceptWebSocket' on 'DurableObjectState': parameter 2 is not of type 'Array'.",
    );
  }
  const fields = fieldsOf(socket);
  if (fields.accepted) {
    throw new Error("Cannot call `acceptWebSocket()` if the WebSocket was already accepted via `accept()`");
  }
  const all = socketsOf(actor);
  if (all.count >= MAX_SOCKETS) {
    throw new Error(`only ${MAX_SOCKETS} websockets can be accepted on a single Durable Object instance`);
  }
  fields.tags = checkedTags(tags);
  fields.accepted = true;
  fields.io = actor.io;
  adopt(all, fields);
  SetPrototypeAdd(all.local, socket);
  fields.onConnected = (id) => {
    SetPrototypeDelete(all.local, socket);
    if (actor.broken !== null) return;
    MapPrototypeSet(all.connected, id, socket);
    let joined = "";
    for (let i = 0; i < fields.tags.length; i++) joined += `${fields.tags[i]}\0`;
    op_do_socket_add(actor.home.rid, actor.hex, id, joined, fields.attachment ?? EMPTY);
  };
  if (fields.id !== 0) fields.onConnected(fields.id);
  websockets.inside.flush(socket);
}

function checkedTags(tags) {
  const checked = [];
  for (let i = 0; tags !== undefined && i < tags.length; i++) {
    const tag = String(tags[i]);
    if (ArrayPrototypeIncludes(checked, tag)) continue;
    if (checked.length === MAX_TAGS) {
      throw new Error(`a Hibernatable WebSocket cannot have more than ${MAX_TAGS} tags`);
    }
    if (core.byteLength(tag) > MAX_TAG) {
      throw new Error(`"${tag}" is longer than the max tag length (${MAX_TAG} characters).`);
    }
    ArrayPrototypePush(checked, tag);
  }
  return checked;
}

/** `ctx.getWebSockets(tag)`. */
function list(actor, tag) {
  const all = socketsOf(actor);
  const wanted = tag === undefined || tag === null ? undefined : String(tag);
  const found = [];
  const look = (socket) => {
    if (wanted === undefined || ArrayPrototypeIncludes(fieldsOf(socket).tags, wanted)) {
      ArrayPrototypePush(found, socket);
    }
  };
  MapPrototypeForEach(all.connected, look);
  SetPrototypeForEach(all.local, look);
  return found;
}

/** `ctx.getTags(ws)`. */
function tagsOf(socket) {
  if (!isWebSocket(socket)) throw wrongSocket("getTags");
  const fields = fieldsOf(socket);
  if (fields.tags === undefined) {
    throw new Error("you must call 'acceptWebSocket()' before attempting to access the tags of a WebSocket.");
  }
  const tags = [];
  for (let i = 0; i < fields.tags.length; i++) ArrayPrototypePush(tags, fields.tags[i]);
  return tags;
}

/** Something happened to a socket. */
function deliver(all, socket, fields, kind, data, extra) {
  const { actor } = all;
  // Those that are connected to the host are answered there.
  if (kind === TEXT && fields.id === 0 && answered(actor, socket, fields, data)) return;
  switch (kind) {
    case TEXT:
    case BINARY:
      event(all, "webSocketMessage", (instance) => instance.webSocketMessage(socket, data));
      break;
    case CLOSE:
      closed(all, socket, fields, data === 0 ? 1005 : data, extra, true);
      break;
    default:
      // It is answered when the handler is over.
      if (data === GONE) break;
      if (StringPrototypeStartsWith(data, "WebSocket disconnected") || StringPrototypeStartsWith(data, "WebSocket EOF")) {
        fields.sentClose = true;
        closed(all, socket, fields, 1006, "WebSocket disconnected without sending Close frame.", false);
        break;
      }
      fields.state = CLOSED;
      fields.sentClose = true;
      event(
        all,
        "webSocketError",
        (instance) => instance.webSocketError(socket, new Error(data)),
        () => forget(all, socket, fields),
      );
  }
  actor.idleSince = 0;
}

/** Gives the automatic response to a message whose other end is in this isolate, if there is one. */
function answered(actor, socket, fields, text) {
  const pair = op_do_auto_response_get(actor.home.rid, actor.hex);
  if (pair === null || pair[0] !== text || fields.sentClose) return false;
  fields.answeredAt = DateNow();
  websockets.inside.sendText(socket, pair[1]);
  return true;
}

/** The other end closed: the handler may still answer, else it is answered for it. */
function closed(all, socket, fields, code, reason, wasClean) {
  fields.state = fields.sentClose ? CLOSED : CLOSING;
  event(
    all,
    "webSocketClose",
    (instance) => instance.webSocketClose(socket, code, reason, wasClean),
    () => {
      if (!fields.sentClose) websockets.inside.answerClose(socket, code, reason);
      fields.state = CLOSED;
      forget(all, socket, fields);
    },
    { __proto__: null, url: wasClean ? "clean" : "", time: code },
  );
}

function forget(all, socket, fields) {
  SetPrototypeDelete(all.local, socket);
  if (fields.id === 0) return;
  MapPrototypeDelete(all.connected, fields.id);
  op_do_socket_remove(fields.id);
  websockets.inside.drop(fields);
}

/** What events are called where they are shown. */
const KINDS = { __proto__: null, webSocketMessage: "message", webSocketClose: "close", webSocketError: "error" };

/** Runs a handler of the class as an event of the object; `detail`: what is told of it besides. */
function event(all, name, handle, after = undefined, detail = undefined) {
  const { actor } = all;
  const { enter, WEBSOCKET } = core.loadExtScript("ext:selvedge_durable/actor.js");
  const what = { __proto__: null, kind: WEBSOCKET, text: KINDS[name], ...detail };
  const nobody = { __proto__: null, frame: undefined, resolve: ignore, reject: ignore, receive: undefined, event: null, canMove: false, over: false, what, followed: 0, span: -1 };
  enter(actor, nobody, (instance) => {
    const done = () => {
      if (after !== undefined && actor.broken === null) after();
    };
    const failed = (error) => {
      op_report_exception("Uncaught ", error);
      done();
    };
    let result;
    try {
      result = typeof instance[name] === "function" ? handle(instance) : undefined;
    } catch (error) {
      failed(error);
      return undefined;
    }
    if (core.isPromise(result)) return limited(all, PromisePrototypeThen(result, done, failed));
    done();
    return undefined;
  });
}

function ignore() {}

/** A handler that takes longer than the object wants is not waited for. */
function limited(all, running) {
  const ms = all.eventTimeout;
  if (ms === null) return running;
  return new Promise((resolve) => {
    const timer = core.createTimer(resolve, ms, undefined, false, false);
    PromisePrototypeThen(running, () => {
      core.cancelTimer(timer);
      resolve();
    });
  });
}

/** Something came in on a socket whose object may be out of memory. */
function wake(id, kind, data, extra) {
  const owner = op_do_socket_owner(id);
  if (owner === null) return;
  const { findByName } = core.loadExtScript("ext:selvedge_durable/actor.js");
  const actor = findByName(owner[0], owner[1]);
  // `null`: the object lives elsewhere by now, in another version of the Worker.
  if (actor === undefined || actor === null) return;
  const socket = MapPrototypeGet(socketsOf(actor).connected, id);
  if (socket !== undefined) fieldsOf(socket).events(socket, kind, data, extra);
}
internals.wakeForSocket = wake;

/** The object leaves memory: its sockets stay with the host. */
function hibernate(actor) {
  if (actor.sockets === null) return;
  MapPrototypeForEach(actor.sockets.connected, (_, id) => websockets.inside.detach(id));
}

/** The object was reset: its sockets are cut. */
function cut(actor) {
  op_do_sockets_cut(actor.home.rid, actor.hex);
  websockets.inside.cut(actor.io);
  if (actor.sockets === null) return;
  SetPrototypeForEach(actor.sockets.local, (socket) => websockets.inside.lose(socket));
}

/** Whether sockets of the object need it in memory. */
function areHeld(actor) {
  return actor.sockets !== null && SetPrototypeGetSize(actor.sockets.local) > 0;
}

/** `ctx.setWebSocketAutoResponse(pair)`. */
function setAutoResponse(actor, pair) {
  if (pair === undefined) {
    op_do_auto_response(actor.home.rid, actor.hex, false, "", "");
    return;
  }
  if (!ObjectPrototypeIsPrototypeOf(WebSocketRequestResponsePair.prototype, pair)) {
    throw new TypeError(
      "Failed to execute 'setWebSocketAutoResponse' on 'DurableObjectState': parameter 1 is not of type 'WebSocketRequestResponsePair'.",
    );
  }
  const { request, response } = pair;
  const sizes = [["Request", "request", request], ["Response", "response", response]];
  for (let i = 0; i < sizes.length; i++) {
    const bytes = core.byteLength(sizes[i][2]);
    if (bytes > MAX_AUTO_BYTES) {
      throw new RangeError(
        `${sizes[i][0]} cannot be larger than ${MAX_AUTO_BYTES} bytes. A ${sizes[i][1]} of size ${bytes} was provided.`,
      );
    }
  }
  op_do_auto_response(actor.home.rid, actor.hex, true, request, response);
}

/** `ctx.getWebSocketAutoResponse()`. */
function autoResponse(actor) {
  const pair = op_do_auto_response_get(actor.home.rid, actor.hex);
  return pair === null ? null : new WebSocketRequestResponsePair(pair[0], pair[1]);
}

/** `ctx.getWebSocketAutoResponseTimestamp(ws)`. */
function autoResponseTime(socket) {
  if (!isWebSocket(socket)) throw wrongSocket("getWebSocketAutoResponseTimestamp");
  const { id, answeredAt } = fieldsOf(socket);
  const time = id === 0 ? answeredAt ?? NaN : op_do_socket_answered(id);
  return time !== time ? null : new Date(time);
}

/** `ctx.setHibernatableWebSocketEventTimeout(ms)`. */
function setEventTimeout(actor, ms) {
  const all = socketsOf(actor);
  if (ms === undefined) {
    all.eventTimeout = null;
    return;
  }
  ms = Number(ms);
  if (!NumberIsFinite(ms)) {
    throw new TypeError("The value cannot be converted because it is not an integer.");
  }
  ms = MathTrunc(ms);
  if (ms < 0) {
    throw new TypeError(
      "The value cannot be converted because it is negative and this API expects a positive number.",
    );
  }
  if (ms > MAX_EVENT_TIMEOUT) throw new Error(`Event timeout should not exceed ${MAX_EVENT_TIMEOUT} ms.`);
  all.eventTimeout = ms === 0 ? null : ms;
}

function eventTimeout(actor) {
  return socketsOf(actor).eventTimeout;
}

return {
  accept,
  areHeld,
  autoResponse,
  autoResponseTime,
  cut,
  eventTimeout,
  hibernate,
  list,
  setAutoResponse,
  setEventTimeout,
  tagsOf,
};
})();
