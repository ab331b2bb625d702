// `tracing` of `cloudflare:workers`
// (https://developers.cloudflare.com/workers/observability/traces/). What spans say goes
// to those who follow the event; where nobody does, they are those of a request that is
// not traced.
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypePush,
  JSONStringify,
  ObjectDefineProperty,
  ObjectKeys,
  PromisePrototypeThen,
  StringPrototypeSlice,
  SymbolToStringTag,
  TypeError,
} = primordials;
const { op_span_begin, op_span_change, op_span_end, op_span_ids } = core.ops;
const { get: fromFrame, runWith } = core.loadExtScript("ext:selvedge/frames.js");

const internal = { __proto__: null };
const NAME = 0;
const STATUS = 1;
const EXCEPTION = 2;
const ATTRIBUTES = 3;

function wrongType(method, type, index, expected) {
  return new TypeError(`Failed to execute '${method}' on '${type}': parameter ${index} is not of type '${expected}'.`);
}

/** The value of an attribute as it is told; `undefined`: there is none. */
function told(value) {
  switch (typeof value) {
    case "undefined":
    case "string":
    case "number":
    case "boolean":
      return value;
    case "bigint":
      throw new TypeError("Cannot convert a BigInt value to a number");
    default:
      return `${value}`;
  }
}

class Span {
  /** Its number; 0: that of the event, or of one that is not traced. */
  #number;
  #isEvent;
  #isOver = false;
  #attributes = { __proto__: null };

  constructor(key, number, isEvent = false) {
    if (key !== internal) throw new TypeError("Illegal constructor");
    this.#number = number;
    this.#isEvent = isEvent;
  }

  get #isOpen() {
    return this.#isEvent || (this.#number !== 0 && !this.#isOver);
  }

  static numberOf(span) {
    return typeof span === "object" && span !== null && #number in span ? span.#number : 0;
  }

  get isTraced() {
    return this.#isOpen && op_span_ids(this.#number) !== "";
  }

  spanContext() {
    const ids = this.#isOpen ? op_span_ids(this.#number) : "";
    const [traceId, spanId] = ids === ""
      ? ["00000000000000000000000000000000", "0000000000000000"]
      : [StringPrototypeSlice(ids, 0, 32), StringPrototypeSlice(ids, 32)];
    return { traceId, spanId, traceFlags: 0 };
  }

  setAttribute(name, value) {
    if (arguments.length < 1) throw wrongType("setAttribute", "Span", 1, "string");
    this.#set(`${name}`, told(value));
    return this;
  }

  setAttributes(attributes) {
    if (typeof attributes !== "object" || attributes === null) return this;
    const names = ObjectKeys(attributes);
    for (let i = 0; i < names.length; i++) this.#set(names[i], told(attributes[names[i]]));
    return this;
  }

  #set(name, value) {
    if (value === undefined || !this.#isOpen) return;
    if (this.#isEvent) op_span_change(0, ATTRIBUTES, JSONStringify([[name, value]]), "", "");
    else this.#attributes[name] = value;
  }

  recordException(error) {
    if (!this.#isOpen) return;
    const isObject = typeof error === "object" && error !== null;
    const name = isObject && error.name !== undefined ? `${error.name}` : "Error";
    const message = isObject ? `${error.message ?? ""}` : `${error}`;
    const stack = isObject && error.stack !== undefined ? `${error.stack}` : "";
    op_span_change(this.#number, EXCEPTION, name, message, stack);
  }

  updateName(name) {
    if (arguments.length < 1) throw wrongType("updateName", "Span", 1, "string");
    const text = `${name}`;
    if (this.#isOpen) op_span_change(this.#number, NAME, text, "", "");
    return this;
  }

  setStatus(status) {
    if (typeof status !== "object" || status === null) throw wrongType("setStatus", "Span", 1, "TracingSpanStatus");
    const { code, message } = status;
    if (code !== "unset" && code !== "ok" && code !== "error") {
      throw new TypeError("Span status code must be 'unset', 'ok', or 'error'.");
    }
    const text = code === "error" && message !== undefined ? `${message}` : "";
    if (this.#isOpen) op_span_change(this.#number, STATUS, code, text, "");
    return this;
  }

  end() {
    if (this.#isEvent || !this.#isOpen) return;
    this.#isOver = true;
    const pairs = [];
    const names = ObjectKeys(this.#attributes);
    for (let i = 0; i < names.length; i++) ArrayPrototypePush(pairs, [names[i], this.#attributes[names[i]]]);
    op_span_end(this.#number, JSONStringify(pairs));
  }
}
const { numberOf } = Span;
delete Span.numberOf;

/** What is active where no span was entered. */
const root = new Span(internal, 0, true);

function begin(name) {
  return new Span(internal, op_span_begin(`${name}`, fromFrame("span")?.number ?? 0));
}

/** Calls a function with a span active. */
function runIn(span, callback, args) {
  return runWith("span", { __proto__: null, span, number: numberOf(span) }, callback, args);
}

function enter(method, args) {
  if (args.length < 1) throw wrongType(method, "Tracing", 1, "string");
  if (typeof args[1] !== "function") throw wrongType(method, "Tracing", 2, "Function");
  const span = begin(args[0]);
  const all = [span];
  for (let i = 2; i < args.length; i++) all[i - 1] = args[i];
  return { span, run: () => runIn(span, args[1], all) };
}

class Tracing {
  constructor(key) {
    if (key !== internal) throw new TypeError("Illegal constructor");
  }

  /** The span is over when the function is, or the promise that it gives. */
  enterSpan(_name, _callback) {
    const { span, run } = enter("enterSpan", arguments);
    let result;
    try {
      result = run();
    } catch (error) {
      span.end();
      throw error;
    }
    if (numberOf(span) === 0) return result;
    if (!core.isPromise(result)) {
      span.end();
      return result;
    }
    return PromisePrototypeThen(result, (value) => {
      span.end();
      return value;
    }, (error) => {
      span.end();
      throw error;
    });
  }

  /** The function ends the span. */
  startActiveSpan(_name, _callback) {
    return enter("startActiveSpan", arguments).run();
  }

  startSpan(name) {
    if (arguments.length < 1) throw wrongType("startSpan", "Tracing", 1, "string");
    return begin(name);
  }

  getActiveSpan() {
    return fromFrame("span")?.span ?? root;
  }

  withActiveSpan(span, callback) {
    if (typeof callback !== "function") throw wrongType("withActiveSpan", "Tracing", 2, "Function");
    const all = [];
    for (let i = 2; i < arguments.length; i++) all[i - 2] = arguments[i];
    return runIn(span, callback, all);
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
