// `tracing` of `cloudflare:workers`
// (https://developers.cloudflare.com/workers/observability/traces/). Nothing is
// recorded here: spans are those of a request that is not traced.
(function () {
const { core, primordials } = __bootstrap;
const { ObjectDefineProperty, SymbolToStringTag, TypeError } = primordials;
const { get: fromFrame, runWith } = core.loadExtScript("ext:selvedge/frames.js");

const internal = { __proto__: null };

function wrongType(method, type, index, expected) {
  return new TypeError(`Failed to execute '${method}' on '${type}': parameter ${index} is not of type '${expected}'.`);
}

class Span {
  constructor(key) {
    if (key !== internal) throw new TypeError("Illegal constructor");
  }

  get isTraced() {
    return false;
  }

  spanContext() {
    return { traceId: "00000000000000000000000000000000", spanId: "0000000000000000", traceFlags: 0 };
  }

  setAttribute(_name, _value) {
    if (arguments.length < 1) throw wrongType("setAttribute", "Span", 1, "string");
    return this;
  }

  setAttributes(_attributes) {
    return this;
  }

  recordException(_error) {}

  updateName(_name) {
    if (arguments.length < 1) throw wrongType("updateName", "Span", 1, "string");
    return this;
  }

  setStatus(status) {
    if (typeof status !== "object" || status === null) throw wrongType("setStatus", "Span", 1, "TracingSpanStatus");
    const { code } = status;
    if (code !== "unset" && code !== "ok" && code !== "error") {
      throw new TypeError("Span status code must be 'unset', 'ok', or 'error'.");
    }
    return this;
  }

  end() {}
}

/** What is active where no span was entered. */
const root = new Span(internal);

function enter(method, args) {
  if (args.length < 1) throw wrongType(method, "Tracing", 1, "string");
  if (typeof args[1] !== "function") throw wrongType(method, "Tracing", 2, "Function");
  const span = new Span(internal);
  const all = [span];
  for (let i = 2; i < args.length; i++) all[i - 1] = args[i];
  return runWith("span", span, args[1], all);
}

class Tracing {
  constructor(key) {
    if (key !== internal) throw new TypeError("Illegal constructor");
  }

  enterSpan(_name, _callback) {
    return enter("enterSpan", arguments);
  }

  startActiveSpan(_name, _callback) {
    return enter("startActiveSpan", arguments);
  }

  startSpan(_name) {
    if (arguments.length < 1) throw wrongType("startSpan", "Tracing", 1, "string");
    return new Span(internal);
  }

  getActiveSpan() {
    return fromFrame("span") ?? root;
  }

  withActiveSpan(span, callback) {
    if (typeof callback !== "function") throw wrongType("withActiveSpan", "Tracing", 2, "Function");
    const all = [];
    for (let i = 2; i < arguments.length; i++) all[i - 2] = arguments[i];
    return runWith("span", span, callback, all);
  }
}

const named = [[Span, "Span"], [Tracing, "Tracing"]];
for (let i = 0; i < named.length; i++) {
  ObjectDefineProperty(named[i][0].prototype, SymbolToStringTag, {
    __proto__: null,
    value: named[i][1],
    configurable: true,
  });
}
ObjectDefineProperty(Tracing.prototype, "Span", {
  __proto__: null,
  value: Span,
  writable: true,
  configurable: true,
});

return { tracing: new Tracing(internal) };
})();
