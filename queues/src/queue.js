// Queues: class WorkerQueue, the producing side, as
// https://developers.cloudflare.com/queues/configuration/javascript-apis/ has it.
// Sizes and delays are checked by the ops; here are the shape and the bodies.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_queue_default_type, op_queue_metrics, op_queue_send } = core.ops;
const {
  ArrayBufferIsView,
  ArrayPrototypePush,
  Date,
  JSONStringify,
  NumberIsNaN,
  ObjectDefineProperty,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  Symbol,
  SymbolIterator,
  SymbolToStringTag,
  TypeError,
} = primordials;
const { io: contexts } = internals.selvedge;

const ILLEGAL_INVOCATION = "Illegal invocation: function called with incorrect `this` reference. " +
  "See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.";
/** No delay is given: the queue's own holds. */
const NO_DELAY = NaN;

const FOR_STORAGE = { __proto__: null, forStorage: true };

const internal = Symbol("internal");

function notCloneable(message) {
  const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
  throw new DOMException(message, "DataCloneError");
}

function isObject(value) {
  return typeof value === "object" && value !== null || typeof value === "function";
}

function missing(method, position, type) {
  return new TypeError(
    `Failed to execute '${method}' on 'WorkerQueue': parameter ${position} is not of type '${type}'.`,
  );
}

function kindOf(type, value) {
  return new TypeError(
    `Content Type "${type}" requires a value of type ${type === "text" ? "string" : "ArrayBufferView"}, ` +
      `but received: ${typeof value}`,
  );
}

/** A body as it is kept: text, or bytes. */
function bodyOf(value, type) {
  if (value === undefined) throw new TypeError("Message body cannot be undefined");
  switch (type) {
    case "json": {
      const text = JSONStringify(value);
      if (text === undefined) throw new TypeError(`A message of the content type "json" must be what JSON can say, not ${typeof value}`);
      return text;
    }
    case "text":
      if (typeof value !== "string") throw kindOf(type, value);
      return value;
    case "bytes":
      if (!ArrayBufferIsView(value)) throw kindOf(type, value);
      return value;
    case "v8":
      return core.serialize(value, FOR_STORAGE, notCloneable);
    default:
      throw new TypeError(`Unsupported queue message content type: ${type}`);
  }
}

/** Seconds, or that none are given. What is no number is 0, as in workerd. */
function delayOf(options) {
  const delay = options.delaySeconds;
  if (delay === undefined) return NO_DELAY;
  const number = +delay;
  return NumberIsNaN(number) ? 0 : number;
}

/** Content type and delay of one message. */
function settingsOf(options, type) {
  if (options === undefined || options === null) return { __proto__: null, type, delay: NO_DELAY };
  const given = options.contentType;
  return { __proto__: null, type: given === undefined ? type : `${given}`, delay: delayOf(options) };
}

function sent([backlogCount, backlogBytes]) {
  return { metadata: { metrics: { backlogCount, backlogBytes } } };
}

/** A queue. All of its methods give promises, also of their errors. */
class WorkerQueue {
  #rid;
  #type;

  constructor(token, rid) {
    if (token !== internal) throw new TypeError("Illegal constructor");
    this.#rid = rid;
    this.#type = op_queue_default_type();
  }

  send(body, options = undefined) {
    try {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      if (arguments.length === 0) throw missing("send", 1, "Value");
      if (options !== undefined && options !== null && !isObject(options)) {
        throw missing("send", 2, "QueueSendOptions");
      }
      if (body === undefined) throw new TypeError("Message body cannot be undefined");
      const { type, delay } = settingsOf(options, this.#type);
      const bodies = [bodyOf(body, type)];
      return PromisePrototypeThen(
        op_queue_send(this.#rid, io.slot, bodies, [type], [delay], false),
        sent,
      );
    } catch (error) {
      return PromiseReject(error);
    }
  }

  sendBatch(messages, options = undefined) {
    try {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      if (!isObject(messages) || typeof messages[SymbolIterator] !== "function") {
        throw missing("sendBatch", 1, "Sequence");
      }
      if (options !== undefined && options !== null && !isObject(options)) {
        throw missing("sendBatch", 2, "QueueSendBatchOptions");
      }
      const common = options === undefined || options === null ? NO_DELAY : delayOf(options);
      const bodies = [];
      const types = [];
      const delays = [];
      // It is the Worker's own, whatever it gives.
      for (const message of messages) {
        if (!isObject(message)) {
          throw new TypeError("Incorrect type: the provided value is not of type 'MessageSendRequest'.");
        }
        const { type, delay } = settingsOf(message, this.#type);
        ArrayPrototypePush(bodies, bodyOf(message.body, type));
        ArrayPrototypePush(types, type);
        ArrayPrototypePush(delays, NumberIsNaN(delay) ? common : delay);
      }
      if (bodies.length === 0) throw new TypeError("sendBatch() requires at least one message");
      return PromisePrototypeThen(
        op_queue_send(this.#rid, io.slot, bodies, types, delays, true),
        sent,
      );
    } catch (error) {
      return PromiseReject(error);
    }
  }

  metrics() {
    try {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const { 0: backlogCount, 1: backlogBytes, 2: oldest } = op_queue_metrics(this.#rid);
      const metrics = { backlogCount, backlogBytes };
      if (oldest > 0) metrics.oldestMessageTimestamp = new Date(oldest);
      return PromiseResolve(metrics);
    } catch (error) {
      return PromiseReject(error);
    }
  }
}
ObjectDefineProperty(WorkerQueue.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "WorkerQueue",
  configurable: true,
});

return { bind: (rid) => new WorkerQueue(internal, rid) };
})();
