// Dispatch namespaces: class DispatchNamespace
// (https://developers.cloudflare.com/cloudflare-for-platforms/workers-for-platforms/).
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_dispatch_target } = core.ops;
const {
  JSONStringify,
  ObjectDefineProperty,
  ObjectKeys,
  String,
  Symbol,
  SymbolToStringTag,
  TypeError,
} = primordials;
core.loadExtScript("ext:selvedge/rpc.js");
const { makeStub } = core.loadExtScript("ext:selvedge_dynamic/loaded_stub.js");
const { limitsOf } = core.loadExtScript("ext:selvedge_dynamic/limits.js");

const internal = Symbol("internal");

const NOT_TRANSFERABLE = "Stubs of a dispatch namespace cannot be transferred to other Workers: their limits and " +
  "their outbound Worker hold where get() was called.";

function isObject(value) {
  return typeof value === "object" && value !== null;
}

/** An optional argument that is an object. */
function objectOr(value, at, type) {
  if (value === undefined || value === null) return { __proto__: null };
  if (isObject(value)) return value;
  throw new TypeError(`Failed to execute 'get' on 'DispatchNamespace': parameter ${at} is not of type '${type}'.`);
}

/** What is left of what a Worker throws, for older dates. */
function emptyFailure(error) {
  if (!isObject(error) || error.remote !== true) throw error;
  return new internals.selvedge.response.Response(null, { __proto__: null, status: 500 });
}

/** The binding. */
class DispatchNamespace {
  #rid;

  constructor(token, rid) {
    if (token !== internal) throw new TypeError("Illegal constructor");
    this.#rid = rid;
  }

  get(name, args = undefined, options = undefined) {
    if (arguments.length === 0) {
      throw new TypeError("Failed to execute 'get' on 'DispatchNamespace': parameter 1 is not of type 'string'.");
    }
    const rid = this.#rid;
    const worker = String(name);
    if (ObjectKeys(objectOr(args, 2, "Object")).length > 0) {
      throw new TypeError("Selvedge hands no arguments to Workers of a dispatch namespace: the second argument of get() must be empty.");
    }
    const { limits, outbound } = objectOr(options, 3, "DynamicDispatchOptions");
    const { cpuMs, subRequests } = limitsOf(limits, "DynamicDispatchOptions");
    if (outbound !== undefined && !isObject(outbound)) {
      throw new TypeError("Incorrect type for the 'outbound' field on 'DynamicDispatchOptions': the provided value is not of type 'Object'.");
    }
    const given = outbound === undefined ? "" : JSONStringify(outbound);
    const target = (isCall) => op_dispatch_target(rid, worker, given, cpuMs, subRequests, isCall);
    // What the options say must be right before the first call.
    core.tryClose(target(false));
    const failed = internals.isOff("dynamic_dispatch_tunnel_exceptions") ? emptyFailure : undefined;
    return makeStub({ refusal: NOT_TRANSFERABLE, ready: () => null, way: () => target(true), failed });
  }
}
ObjectDefineProperty(DispatchNamespace.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "DispatchNamespace",
  configurable: true,
});

return { bind: (rid) => new DispatchNamespace(internal, rid) };
})();
