// What a `tail` handler gets: the events of other Workers, as objects of workerd's
// classes. Nobody can make these but the server.
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypePush,
  Date,
  ObjectDefineProperty,
  ObjectKeys,
  StringPrototypeCharCodeAt,
  StringPrototypeIncludes,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  StringPrototypeStartsWith,
  SymbolToStringTag,
  TypeError,
} = primordials;

/** Nobody else has it. */
const internal = { __proto__: null };

/** A class whose objects have what they are made of, in this order. */
class Item {
  constructor(key, fields) {
    if (key !== internal) throw new TypeError("Illegal constructor");
    const names = ObjectKeys(fields);
    for (let i = 0; i < names.length; i++) {
      ObjectDefineProperty(this, names[i], {
        __proto__: null,
        value: fields[names[i]],
        enumerable: true,
        configurable: true,
      });
    }
  }
}

function named(name) {
  const it = { [name]: class extends Item {} }[name];
  ObjectDefineProperty(it.prototype, SymbolToStringTag, {
    __proto__: null,
    value: name,
    configurable: true,
  });
  return it;
}

const TraceItem = named("TraceItem");
const TraceLog = named("TraceLog");
const TraceException = named("TraceException");
const TraceDiagnosticChannelEvent = named("TraceDiagnosticChannelEvent");
const ScriptVersion = named("ScriptVersion");
const FetchEventInfo = named("FetchEventInfo");
const Response = named("Response");
const JsRpcEventInfo = named("JsRpcEventInfo");
const ScheduledEventInfo = named("ScheduledEventInfo");
const EmailEventInfo = named("EmailEventInfo");
const AlarmEventInfo = named("AlarmEventInfo");
const ConnectEventInfo = named("ConnectEventInfo");
const QueueEventInfo = named("QueueEventInfo");
const TailEventInfo = named("TailEventInfo");
const TailItem = named("TailItem");
const HibernatableWebSocketEventInfo = named("HibernatableWebSocketEventInfo");
const SOCKET_EVENTS = { __proto__: null, message: named("Message"), close: named("Close"), error: named("Error") };

// ----- Secrets. -----

const REDACTED = "REDACTED";
const SECRETS = ["auth", "key", "secret", "token", "jwt"];

/** The values of headers without those that hold secrets, as workerd tells them apart. */
function redactHeaders(headers) {
  const redacted = {};
  const names = ObjectKeys(headers);
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    let isSecret = name === "cookie" || name === "set-cookie";
    for (let j = 0; j < SECRETS.length && !isSecret; j++) isSecret = StringPrototypeIncludes(name, SECRETS[j]);
    define(redacted, name, isSecret ? REDACTED : headers[name]);
  }
  return redacted;
}

/** Whatever the name is, it is a property of its own. */
function define(object, name, value) {
  ObjectDefineProperty(object, name, { __proto__: null, value, enumerable: true, configurable: true, writable: true });
}

/**
 * A URL without what looks like a secret: runs of letters, digits, `+`, `-` and `_` with
 * 32 hexadecimal digits and no other letter, or with 21 characters and two each of
 * small and capital letters and digits.
 */
function redactUrl(url) {
  let redacted = "";
  let copied = 0;
  let start = 0;
  let count = { __proto__: null, upper: 0, lower: 0, digit: 0, hex: 0, other: 0 };
  for (let at = 0; at <= url.length; at++) {
    const code = at < url.length ? StringPrototypeCharCodeAt(url, at) : 0;
    if (takes(count, code)) continue;
    const isHex = count.hex >= 32 && count.other === 0;
    const isMixed = at - start >= 21 && count.upper >= 2 && count.lower >= 2 && count.digit >= 2;
    if (isHex || isMixed) {
      redacted += StringPrototypeSlice(url, copied, start) + REDACTED;
      copied = at;
    }
    start = at + 1;
    count = { __proto__: null, upper: 0, lower: 0, digit: 0, hex: 0, other: 0 };
  }
  return redacted + StringPrototypeSlice(url, copied);
}

/** Counts a character of a run; `false`: it belongs to none. */
function takes(count, code) {
  // + - _
  if (code === 43 || code === 45 || code === 95) return true;
  const isDigit = code >= 48 && code <= 57;
  const isUpper = code >= 65 && code <= 90;
  const isLower = code >= 97 && code <= 122;
  if (!isDigit && !isUpper && !isLower) return false;
  if (isDigit) count.digit++;
  if (isUpper) count.upper++;
  if (isLower) count.lower++;
  const isHex = isDigit || (code >= 65 && code <= 70) || (code >= 97 && code <= 102);
  if (isHex) count.hex++;
  else count.other++;
  return true;
}

/** A request that keeps its secrets until it is asked for them. */
class Request extends Item {
  #detail;

  constructor(key, detail, isWhole = false) {
    const { url, method, headers, cf } = detail;
    super(key, isWhole
      ? { url, method, headers, cf }
      : { url: redactUrl(url), method, headers: redactHeaders(headers), cf });
    this.#detail = detail;
  }

  getUnredacted() {
    return new Request(internal, this.#detail, true);
  }
}
ObjectDefineProperty(Request.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "Request",
  configurable: true,
});

// ----- Events. -----

const MAKERS = {
  __proto__: null,
  fetch({ request, response }, outcome) {
    // A page of the server's own, in place of a response, is none of the Worker's.
    const isNone = response === null || (outcome !== "ok" && response.status >= 500);
    return new FetchEventInfo(internal, {
      request: new Request(internal, { ...request, cf: request.cf ?? undefined }),
      response: isNone ? undefined : new Response(internal, { status: response.status }),
    });
  },
  rpc: ({ rpcMethod }) => new JsRpcEventInfo(internal, { rpcMethod }),
  scheduled: ({ scheduledTime, cron }) => new ScheduledEventInfo(internal, { cron, scheduledTime }),
  alarm: ({ scheduledTime }) => new AlarmEventInfo(internal, { scheduledTime: new Date(scheduledTime) }),
  connect: () => new ConnectEventInfo(internal, {}),
  queue: ({ queue, batchSize }) => new QueueEventInfo(internal, { batchSize, queue }),
  email: ({ mailFrom, rcptTo, rawSize }) => new EmailEventInfo(internal, { rawSize, rcptTo, mailFrom }),
  websocket({ getWebSocketEvent: { webSocketEventType, ...rest } }) {
    const event = new SOCKET_EVENTS[webSocketEventType](internal, { ...rest, webSocketEventType });
    return new HibernatableWebSocketEventInfo(internal, { getWebSocketEvent: event });
  },
  tail({ consumedEvents }) {
    const items = [];
    for (let i = 0; i < consumedEvents.length; i++) {
      ArrayPrototypePush(items, new TailItem(internal, { scriptName: consumedEvents[i].scriptName }));
    }
    return new TailEventInfo(internal, { consumedEvents: items });
  },
};

function mapped(list, make) {
  const items = [];
  for (let i = 0; i < list.length; i++) ArrayPrototypePush(items, make(list[i]));
  return items;
}

/** What is known of errors: all of them have all properties. */
function errorsOf(list) {
  return mapped(list, (it) => it === null ? null : { name: it.name, message: it.message, stack: it.stack });
}

/** A value that came as V8 serialized it, in base64. */
function serialized(text) {
  const bytes = core.loadExtScript("ext:deno_web/00_infra.js").forgivingBase64Decode(text);
  return core.deserialize(bytes, { __proto__: null, forStorage: true, deserializers: core.getCloneableDeserializers() });
}

/** A stack without the line that says what was thrown. */
function framesOf(stack) {
  if (stack === null) return undefined;
  if (StringPrototypeStartsWith(stack, FRAME)) return stack;
  const at = StringPrototypeIndexOf(stack, `\n${FRAME}`);
  return at < 0 ? undefined : StringPrototypeSlice(stack, at + 1);
}
const FRAME = "    at ";

/** An event as the server tells it: JSON of tails, and its kind. */
function traceItem({ kind, item }) {
  return new TraceItem(internal, {
    wallTime: item.wallTime,
    cpuTime: item.cpuTime,
    truncated: item.truncated,
    executionModel: item.executionModel,
    outcome: item.outcome,
    durableObjectId: item.durableObjectId ?? undefined,
    preview: undefined,
    tailAttributes: undefined,
    scriptTags: item.scriptTags.length === 0 ? undefined : item.scriptTags,
    dispatchNamespace: item.dispatchNamespace ?? undefined,
    scriptVersion: item.scriptVersion === null ? undefined : new ScriptVersion(internal, { id: item.scriptVersion.id }),
    entrypoint: item.entrypoint ?? undefined,
    scriptName: item.scriptName,
    diagnosticsChannelEvents: mapped(
      item.diagnosticsChannelEvents,
      ({ message, channel, timestamp }) => new TraceDiagnosticChannelEvent(internal, { message: serialized(message), channel, timestamp }),
    ),
    exceptions: mapped(
      item.exceptions,
      ({ stack, name, message, timestamp }) =>
        new TraceException(internal, { stack: framesOf(stack), name, message, timestamp }),
    ),
    logs: mapped(
      item.logs,
      ({ message, level, timestamp, errorInfo }) =>
        new TraceLog(internal, { errorInfo: errorInfo === null ? undefined : errorsOf(errorInfo), message, level, timestamp }),
    ),
    eventTimestamp: item.eventTimestamp,
    event: MAKERS[kind](item.event, item.outcome),
  });
}

return { serialized, traceItems: (list) => mapped(list, traceItem) };
})();
