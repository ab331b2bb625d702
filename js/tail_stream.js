// What `tailStream` handlers get: an event of another Worker, told while it goes on. It
// comes as lines of JSON (server/src/host/trace/stream.rs); nobody can send them but the
// server.
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayIsArray,
  ArrayPrototypePush,
  BigInt,
  Date,
  JSONParse,
  ObjectHasOwn,
  ObjectKeys,
  ReflectApply,
  SafePromiseAll,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeIndexOf,
  TypedArrayPrototypeSet,
  TypedArrayPrototypeSubarray,
  TypeError,
  Uint8Array,
} = primordials;
const { op_body_close, op_body_read, op_request_body } = core.ops;
const { serialized } = core.loadExtScript("ext:selvedge/trace_items.js");

/** Names that values have which JSON has no word for. */
const SPECIAL = {
  __proto__: null,
  $date: (milliseconds) => new Date(milliseconds),
  $int: (text) => BigInt(text),
  $v8: serialized,
};

/** What the server wrote, with those values. What Workers said stays as it is. */
function revived(value) {
  if (typeof value !== "object" || value === null) return value;
  if (ArrayIsArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = revived(value[i]);
    return value;
  }
  const names = ObjectKeys(value);
  if (names.length === 1 && names[0] in SPECIAL) return SPECIAL[names[0]](value[names[0]]);
  for (let i = 0; i < names.length; i++) value[names[i]] = revived(value[names[i]]);
  return value;
}

/** The parts of an event that the server wrote, by its type. */
const PARTS = { __proto__: null, attributes: "info", diagnosticChannel: "message" };

/** What happened, in the order that workerd has its properties in. */
function eventOf(told) {
  if (told.type === "onset") return onsetOf(told);
  const part = PARTS[told.type];
  if (part !== undefined) told[part] = revived(told[part]);
  if (told.type === "log") {
    const { type, level, message, errorInfo, truncated } = told;
    return {
      type,
      level,
      message,
      ...(errorInfo === undefined ? undefined : { errorInfo }),
      ...(truncated === undefined ? undefined : { truncated }),
    };
  }
  return told;
}

/** The properties of an onset; those that are not there are left out. */
const ONSET = [
  "executionModel",
  "spanId",
  "dispatchNamespace",
  "entrypoint",
  "durableObjectId",
  "scriptName",
  "scriptTags",
  "scriptVersion",
];

function onsetOf(told) {
  const event = { type: "onset" };
  for (let i = 0; i < ONSET.length; i++) {
    if (ObjectHasOwn(told, ONSET[i])) event[ONSET[i]] = told[ONSET[i]];
  }
  // Headers and `cf` are a client's.
  const { info } = told;
  if (info.scheduledTime !== undefined && info.type !== "fetch") info.scheduledTime = revived(info.scheduledTime);
  event.info = info;
  return event;
}

/** Lines of bytes that come in pieces. */
class Lines {
  #rest = new Uint8Array(0);

  /** The lines that are whole with this piece. */
  add(piece) {
    const found = [];
    let from = 0;
    for (;;) {
      const end = TypedArrayPrototypeIndexOf(piece, 10, from);
      if (end < 0) break;
      const line = TypedArrayPrototypeSubarray(piece, from, end);
      ArrayPrototypePush(found, JSONParse(core.decode(from === 0 ? joined(this.#rest, line) : line)));
      if (from === 0) this.#rest = new Uint8Array(0);
      from = end + 1;
    }
    const rest = TypedArrayPrototypeSubarray(piece, from);
    this.#rest = joined(this.#rest, rest);
    return found;
  }
}

function joined(first, second) {
  const length = TypedArrayPrototypeGetByteLength(first);
  if (length === 0) return second;
  const both = new Uint8Array(length + TypedArrayPrototypeGetByteLength(second));
  TypedArrayPrototypeSet(both, first);
  TypedArrayPrototypeSet(both, second, length);
  return both;
}

const UNUSABLE =
  "tailStream() handler returned an unusable value. The tailStream() handler is expected to return either a function, an object, or undefined. Received ";

/** What gets the further events, of what the handler gave; `null`: nothing. */
function furtherOf(given) {
  if (given === undefined) return null;
  if (typeof given === "function") return (event) => given(event);
  if (typeof given !== "object" || given === null) throw new TypeError(`${UNUSABLE}${typeof given}`);
  return (event) => {
    const handler = given[event.event.type];
    return typeof handler === "function" ? ReflectApply(handler, given, [event]) : undefined;
  };
}

/** Hands over all lines of a request's body; `begin` calls the Worker's handler. */
async function receive(io, begin) {
  const opened = op_request_body(io.slot);
  if (opened === 0) throw new TypeError("the body is a stream of events");
  const rid = opened - 1;
  const lines = new Lines();
  let names = null;
  let further = null;
  const made = ({ n, at, span, event }) => ({
    spanContext: span === undefined ? { traceId: names.trace } : { traceId: names.trace, spanId: span },
    invocationId: names.invocation,
    timestamp: new Date(at),
    sequence: n,
    event: eventOf(event),
  });
  try {
    for (;;) {
      const piece = await op_body_read(rid, io.slot);
      if (TypedArrayPrototypeGetByteLength(piece) === 0) return;
      const told = lines.add(piece);
      const running = [];
      for (let i = 0; i < told.length; i++) {
        if (names === null) {
          names = told[i];
          further = furtherOf(await begin(made(told[i])));
          if (further === null) return;
        } else {
          ArrayPrototypePush(running, further(made(told[i])));
        }
      }
      await SafePromiseAll(running);
    }
  } finally {
    op_body_close(rid);
  }
}

return { receive };
})();
