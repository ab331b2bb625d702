// Rate limiting: class Ratelimit, as
// https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/ has it.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_ratelimit_limit } = core.ops;
const {
  ArrayPrototypeJoin,
  ArrayPrototypePush,
  Error,
  ObjectDefineProperty,
  ObjectKeys,
  PromiseReject,
  PromiseResolve,
  Symbol,
  SymbolToStringTag,
  TypeError,
} = primordials;
const { io: contexts } = internals.selvedge;

const internal = Symbol("internal");
/** What stands for the numbers of the configuration. */
const CONFIGURED = -1;

function check(holds, text) {
  if (!holds) throw new Error(text);
}

/** A limit. */
class Ratelimit {
  #rid;

  constructor(token, rid) {
    if (token !== internal) throw new TypeError("Illegal constructor");
    this.#rid = rid;
  }

  limit(options) {
    try {
      const rid = this.#rid;
      contexts.requiredOpen();
      check(typeof options === "object" && options !== null, "invalid rate limit options");
      const names = ObjectKeys(options);
      const bad = [];
      for (let i = 0; i < names.length; i++) {
        const name = names[i];
        if (name !== "key" && name !== "limit" && name !== "period") ArrayPrototypePush(bad, name);
      }
      check(bad.length === 0, `bad rate limit options: [${ArrayPrototypeJoin(bad, ",")}]`);
      const { key = "", limit, period } = options;
      check(typeof key === "string", `invalid key: ${key}`);
      check(limit === undefined || typeof limit === "number", `limit must be a number: ${limit}`);
      check(period === undefined || typeof period === "number", `period must be a number: ${period}`);
      check(period === undefined || period === 10 || period === 60, `unsupported period: ${period}`);
      const most = limit === undefined ? CONFIGURED : limit > 0 ? limit : 0;
      const success = op_ratelimit_limit(rid, key, most, period === undefined ? CONFIGURED : period);
      return PromiseResolve({ success });
    } catch (error) {
      return PromiseReject(error);
    }
  }
}
ObjectDefineProperty(Ratelimit.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "Ratelimit",
  configurable: true,
});

return { bind: (rid) => new Ratelimit(internal, rid) };
})();
