// Analytics Engine: class AnalyticsEngine, as
// https://developers.cloudflare.com/analytics/analytics-engine/get-started/ has it.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_analytics_write } = core.ops;
const {
  ArrayBufferIsView,
  ArrayIsArray,
  ArrayPrototypePush,
  ObjectDefineProperty,
  Symbol,
  SymbolToStringTag,
  TypeError,
  Uint8Array,
} = primordials;
const { io: contexts } = internals.selvedge;

const internal = Symbol("internal");
const ILLEGAL_INVOCATION = "Illegal invocation: function called with incorrect `this` reference. " +
  "See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.";

function list(event, field) {
  const given = event[field];
  if (given === undefined) return [];
  if (!ArrayIsArray(given)) {
    throw new TypeError(
      `Incorrect type for the '${field}' field on 'AnalyticsEngineEvent': the provided value is not of type 'Array'.`,
    );
  }
  return given;
}

/** Texts; bytes are UTF-8, and null stays what it is. */
function texts(given) {
  const all = [];
  for (let i = 0; i < given.length; i++) {
    const value = given[i];
    let text = null;
    if (core.isAnyArrayBuffer(value)) text = core.decode(new Uint8Array(value));
    else if (ArrayBufferIsView(value)) text = core.decode(value);
    else if (value !== null && value !== undefined) text = `${value}`;
    ArrayPrototypePush(all, text);
  }
  return all;
}

function numbers(given) {
  const all = [];
  for (let i = 0; i < given.length; i++) ArrayPrototypePush(all, +given[i]);
  return all;
}

/** A dataset. */
class AnalyticsEngine {
  #rid;

  constructor(token, rid) {
    if (token !== internal) throw new TypeError("Illegal constructor");
    this.#rid = rid;
  }

  writeDataPoint(event = undefined) {
    if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
    contexts.requiredOpen();
    if (event === undefined || event === null) event = { __proto__: null };
    if (typeof event !== "object" && typeof event !== "function") {
      throw new TypeError(
        "Failed to execute 'writeDataPoint' on 'AnalyticsEngine': parameter 1 is not of type 'AnalyticsEngineEvent'.",
      );
    }
    op_analytics_write(
      this.#rid,
      texts(list(event, "indexes")),
      texts(list(event, "blobs")),
      numbers(list(event, "doubles")),
    );
  }
}
ObjectDefineProperty(AnalyticsEngine.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "AnalyticsEngine",
  configurable: true,
});

return { bind: (rid) => new AnalyticsEngine(internal, rid) };
})();
