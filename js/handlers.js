// Handlers that no client's request reaches: `queue`, `email`, `tail`, `test`.
// A local server calls them by requests to paths of its own
// (server/src/local_handlers.rs); what they get is made here.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ArrayIsArray,
  ArrayPrototypePush,
  Date,
  Error,
  ObjectDefineProperty,
  PromiseReject,
  RegExpPrototypeExec,
  SafeRegExp,
  String,
  StringFromCharCode,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  StringPrototypeSplit,
  StringPrototypeTrim,
  SymbolToStringTag,
  TypedArrayPrototypeGetBuffer,
  TypeError,
} = primordials;
const { bodies, entrypoints, listeners, request: requests, response: responses } = internals.selvedge;
const { Headers } = internals.selvedge.headers;
const { Response } = responses;
const { contextOf, shared } = internals;
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");

/** Nobody else can make these. */
const internal = { __proto__: null };

function checkMaker(key) {
  if (key !== internal) throw new TypeError("Illegal constructor");
}

// ----- Queues. -----

/** What a delivery of messages says about them at the end. */
class Delivery {
  ackAll = false;
  retryAll = null;
  /** By message: what was said of it last. */
  acks = [];
  retries = [];

  result() {
    return {
      outcome: "ok",
      ackAll: this.ackAll,
      retryBatch: this.retryAll === null ? { retry: false } : { retry: true, ...this.retryAll },
      explicitAcks: this.acks,
      retryMessages: this.retries,
    };
  }
}

function delayOf(options) {
  const delay = options?.delaySeconds;
  return delay === undefined ? { __proto__: null } : { __proto__: null, delaySeconds: delay };
}

class Message {
  #delivery;
  #id;
  #timestamp;
  #body;
  #attempts;
  #isSettled = false;

  constructor(key, delivery, message) {
    checkMaker(key);
    this.#delivery = delivery;
    this.#id = message.id;
    this.#timestamp = message.timestamp;
    this.#body = message.body;
    this.#attempts = message.attempts;
  }

  get id() {
    return this.#id;
  }

  get timestamp() {
    return this.#timestamp;
  }

  get body() {
    return this.#body;
  }

  get attempts() {
    return this.#attempts;
  }

  ack() {
    if (this.#isSettled) return;
    this.#isSettled = true;
    ArrayPrototypePush(this.#delivery.acks, this.#id);
  }

  retry(options = undefined) {
    if (this.#isSettled) return;
    this.#isSettled = true;
    ArrayPrototypePush(this.#delivery.retries, { msgId: this.#id, ...delayOf(options) });
  }
}

class MessageBatch {
  #delivery;
  #queue;
  #messages;
  #metadata;

  constructor(key, delivery, queue, messages, metadata) {
    checkMaker(key);
    this.#delivery = delivery;
    this.#queue = queue;
    this.#messages = messages;
    this.#metadata = metadata;
  }

  get queue() {
    return this.#queue;
  }

  get messages() {
    return this.#messages;
  }

  get metadata() {
    return this.#metadata;
  }

  ackAll() {
    if (this.#delivery.retryAll === null) this.#delivery.ackAll = true;
  }

  retryAll(options = undefined) {
    if (!this.#delivery.ackAll) this.#delivery.retryAll ??= delayOf(options);
  }
}

/**
 * The body of a message of this server's queues: what JSON says, text, or bytes in
 * base64, by its content type.
 */
function typedBody({ type, body }) {
  if (type !== "bytes" && type !== "v8") return body;
  const bytes = core.loadExtScript("ext:deno_web/00_infra.js").forgivingBase64Decode(body);
  if (type === "bytes") return TypedArrayPrototypeGetBuffer(bytes);
  return core.deserialize(bytes, {
    __proto__: null,
    forStorage: true,
    deserializers: core.getCloneableDeserializers(),
  });
}

/**
 * `?queue=NAME`, and messages as JSON: `[{ id, timestamp, attempts, body }]`. The
 * server's own queues give each a type, and want to know what was said of single
 * messages also when the handler throws.
 */
async function queue(url, request, call, io) {
  const name = url.searchParams.get("queue");
  if (name === null) return refused("the query names no queue: ?queue=NAME");
  const sent = await request.json();
  const list = ArrayIsArray(sent) ? sent : sent?.messages;
  if (!ArrayIsArray(list)) return refused("the body is a list of messages, as JSON");
  const isOwn = sent.isOwn === true;
  const delivery = new Delivery();
  const messages = [];
  for (let i = 0; i < list.length; i++) {
    const given = list[i];
    ArrayPrototypePush(messages, new Message(internal, delivery, {
      id: given.id === undefined ? `${i + 1}` : String(given.id),
      timestamp: new Date(given.timestamp ?? internals.now()),
      body: isOwn ? typedBody(given) : given.body,
      attempts: given.attempts ?? 1,
    }));
  }
  const metadata = sent.metadata ?? { metrics: { backlogCount: 0, backlogBytes: 0 } };
  const oldest = metadata.metrics?.oldestMessageTimestamp;
  if (typeof oldest === "number") metadata.metrics.oldestMessageTimestamp = new Date(oldest);
  const batch = new MessageBatch(internal, delivery, name, messages, metadata);
  if (!isOwn) {
    await call("queue", batch);
    return Response.json(delivery.result());
  }
  try {
    await call("queue", batch);
  } catch (error) {
    // It is told as what nobody caught.
    contextOf(io).waitUntil(PromiseReject(error));
    return Response.json({ ...delivery.result(), outcome: "exception" });
  }
  return Response.json(delivery.result());
}

// ----- Email. -----

/** The bytes before the first empty line, each a character. */
function headOf(raw) {
  let text = "";
  let isEmpty = true;
  for (let i = 0; i < raw.length; i++) {
    if (raw[i] === 10) {
      if (isEmpty) break;
      isEmpty = true;
    } else if (raw[i] !== 13) {
      isEmpty = false;
    }
    text += StringFromCharCode(raw[i]);
  }
  return text;
}

/** The headers of a message (RFC 5322, 2.2), folded lines joined. */
function headersOf(text) {
  const headers = new Headers();
  const lines = StringPrototypeSplit(text, "\n");
  let name = null;
  let value = "";
  const add = () => {
    if (name !== null) headers.append(name, StringPrototypeTrim(value));
  };
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    if (StringPrototypeTrim(line) === "") break;
    if (RegExpPrototypeExec(FOLDED, line) !== null) {
      value += ` ${StringPrototypeTrim(line)}`;
      continue;
    }
    add();
    const colon = StringPrototypeIndexOf(line, ":");
    name = colon > 0 && RegExpPrototypeExec(FIELD, StringPrototypeSlice(line, 0, colon)) !== null
      ? StringPrototypeSlice(line, 0, colon)
      : null;
    value = StringPrototypeTrim(StringPrototypeSlice(line, colon + 1));
  }
  add();
  return headers;
}
const FOLDED = new SafeRegExp("^[ \\t]");
const FIELD = new SafeRegExp("^[!-9;-~]+$");

class ForwardableEmailMessage {
  #from;
  #to;
  #raw;
  #size;
  #headers;
  #fate;

  constructor(key, from, to, raw, fate) {
    checkMaker(key);
    this.#from = from;
    this.#to = to;
    this.#size = raw.length;
    this.#headers = headersOf(headOf(raw));
    this.#raw = bodies.streamOf(new bodies.Body(bodies.BYTES, raw));
    this.#fate = fate;
  }

  get from() {
    return this.#from;
  }

  get to() {
    return this.#to;
  }

  get headers() {
    return this.#headers;
  }

  get raw() {
    return this.#raw;
  }

  get rawSize() {
    return this.#size;
  }

  setReject(reason) {
    this.#fate.rejected = String(reason);
  }

  async forward(recipient, _headers = undefined) {
    ArrayPrototypePush(this.#fate.sent, { forward: String(recipient) });
  }

  async reply(message) {
    ArrayPrototypePush(this.#fate.sent, { reply: { from: String(message.from), to: String(message.to) } });
  }
}

/** `?from=..&to=..`, and the message as it came over the wire. No mail is sent. */
async function email(url, request, call) {
  const from = url.searchParams.get("from");
  const to = url.searchParams.get("to");
  if (from === null || to === null) return refused("the query names both ends: ?from=ADDRESS&to=ADDRESS");
  const fate = { __proto__: null, rejected: null, sent: [] };
  await call("email", new ForwardableEmailMessage(internal, from, to, await request.bytes(), fate));
  const json = { outcome: "ok", rejected: fate.rejected, sent: fate.sent };
  return Response.json(json, { status: fate.rejected === null ? 200 : 400 });
}

// ----- Others. -----

/** Traces as JSON. */
async function tail(_url, request, call) {
  const traces = await request.json();
  if (!ArrayIsArray(traces)) return refused("the body is a list of traces, as JSON");
  await call("tail", traces);
  return Response.json({ outcome: "ok" });
}

async function test(_url, _request, call) {
  await call("test", {});
  return Response.json({ outcome: "ok" });
}

const HANDLERS = { __proto__: null, email, queue, tail, test };

function refused(reason) {
  return Response.json({ error: reason }, { status: 400 });
}

/** A request to `/cdn-cgi/handler/NAME`; gives the response. */
async function receive(io, parts) {
  const request = requests.incoming(io, parts.method, parts.url, parts.headBlob, parts.hasBody, "");
  const url = new URL(request.url);
  const name = StringPrototypeSlice(url.pathname, PREFIX.length);
  return await HANDLERS[name](url, request, (kind, argument) => {
    if (entrypoints.entry.listeners) return toListeners(io, kind, argument);
    const ctx = contextOf(io);
    const handler = entrypoints.handlerFor(kind, ctx, shared.env);
    if (typeof handler[kind] !== "function") {
      throw new Error(`Handler does not export a ${kind}() function.`);
    }
    return handler[kind](argument, shared.env, ctx);
  }, io);
}
const PREFIX = "/cdn-cgi/handler/";

async function toListeners(io, kind, argument) {
  if (await listeners.handlerEvent(io, kind, argument)) return;
  throw new Error(`No listener of "${kind}" events was registered.`);
}

const named = [[ForwardableEmailMessage, "ForwardableEmailMessage"], [Message, "Message"], [MessageBatch, "MessageBatch"]];
for (let i = 0; i < named.length; i++) {
  ObjectDefineProperty(named[i][0].prototype, SymbolToStringTag, {
    __proto__: null,
    value: named[i][1],
    configurable: true,
  });
}

return { receive };
})();
