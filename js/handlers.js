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
  String,
  StringPrototypeSlice,
  SymbolToStringTag,
  TypedArrayPrototypeGetBuffer,
  TypeError,
} = primordials;
const { entrypoints, io: contexts, listeners, request: requests, response: responses } = internals.selvedge;
const { Response } = responses;
const { contextOf, isOn, shared } = internals;
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
  const tasks = isOn("queue_consumer_no_wait_for_wait_until") ? null : io.tasks = new contexts.Tasks();
  let hasFailed = false;
  try {
    await call("queue", batch);
  } catch (error) {
    if (!isOwn) throw error;
    hasFailed = true;
    // It is told as what nobody caught.
    contextOf(io).waitUntil(PromiseReject(error));
  }
  if (tasks !== null && !await tasks.allResolved()) hasFailed = true;
  return Response.json(hasFailed ? { ...delivery.result(), outcome: "exception" } : delivery.result());
}

// ----- Email. -----

/**
 * `?from=..&to=..`, and the message as it came over the wire. With `format=json` the
 * answer says what became of it, for programs.
 */
async function email(url, request, call) {
  const from = url.searchParams.get("from");
  const to = url.searchParams.get("to");
  const raw = await request.bytes();
  if (from === null || to === null || raw.length === 0) return new Response(NO_EMAIL, { status: 400 });
  const { mail } = shared;
  if (mail === null) return new Response("This Worker takes no email.", { status: 400 });
  const taken = core.loadExtScript(mail[0]).bind(mail[1])(from, to, raw);
  if (taken === null) return new Response(LARGE_EMAIL, { status: 400 });
  const { message, fate } = taken;
  await call("email", message);
  if (url.searchParams.get("format") === "json") {
    const { rejectReason, forwards, replies, events } = fate;
    return Response.json({ outcome: "ok", rejectReason, forwards, replies, events });
  }
  if (fate.rejectReason === undefined) return new Response("Worker successfully processed email");
  const text = `Worker rejected email with the following reason: ${fate.rejectReason}`;
  return new Response(text, { status: 400 });
}
const NO_EMAIL = "Invalid email. Your request must include URL parameters specifying the `from` and `to` addresses, as well as an email in the body";
const LARGE_EMAIL = "Email message size is bigger than the production size limit of 25MiB.";

// ----- Others. -----

/** Traces as JSON. Those that the server brings become what workerd makes of them. */
async function tail(_url, request, call) {
  const sent = await request.json();
  const traces = sent?.isOwn === true
    ? core.loadExtScript("ext:selvedge/trace_items.js").traceItems(sent.traces)
    : sent;
  if (!ArrayIsArray(traces)) return refused("the body is a list of traces, as JSON");
  await call("tail", traces);
  return Response.json({ outcome: "ok" });
}

/** An event of another Worker, told while it goes on. */
async function tailStream(_url, _request, call, io) {
  await core.loadExtScript("ext:selvedge/tail_stream.js").receive(io, (onset) => call("tailStream", onset));
  return Response.json({ outcome: "ok" });
}

async function test(_url, _request, call) {
  await call("test", {});
  return Response.json({ outcome: "ok" });
}

const HANDLERS = { __proto__: null, email, queue, tail, "tail-stream": tailStream, test };

function refused(reason) {
  return Response.json({ error: reason }, { status: 400 });
}

/**
 * A request to `/cdn-cgi/handler/NAME`; gives the response. The handler may be that of a
 * named export, with `ctx.props` as JSON.
 */
async function receive(io, parts, entrypoint = undefined, props = undefined) {
  const request = requests.incoming(io, parts.method, parts.url, parts.headBlob, parts.hasBody, "");
  const url = new URL(request.url);
  const name = StringPrototypeSlice(url.pathname, PREFIX.length);
  return await HANDLERS[name](url, request, (kind, argument) => {
    if (entrypoints.entry.listeners && entrypoint === undefined) return toListeners(io, kind, argument);
    const ctx = entrypoints.eventContext(io, props, entrypoint);
    const handler = entrypoint === undefined
      ? entrypoints.handlerFor(kind, ctx, shared.env)
      : entrypoints.namedHandler(entrypoint, ctx, shared.env);
    if (typeof handler[kind] !== "function") {
      if (kind === "tailStream") throw new Error(NO_TAIL_STREAM);
      throw new Error(`Handler does not export a ${kind}() function.`);
    }
    return handler[kind](argument, shared.env, ctx);
  }, io);
}
const PREFIX = "/cdn-cgi/handler/";
const NO_TAIL_STREAM = "A worker configured to act as a streaming tail worker does not export a tailStream() handler.";

async function toListeners(io, kind, argument) {
  if (await listeners.handlerEvent(io, kind, argument)) return;
  throw new Error(`No listener of "${kind}" events was registered.`);
}

const named = [[Message, "Message"], [MessageBatch, "MessageBatch"]];
for (let i = 0; i < named.length; i++) {
  ObjectDefineProperty(named[i][0].prototype, SymbolToStringTag, {
    __proto__: null,
    value: named[i][1],
    configurable: true,
  });
}

return { receive };
})();
