// The module `cloudflare:workers`.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ObjectDefineProperty,
  ObjectGetPrototypeOf,
  Proxy,
  ReflectDefineProperty,
  ReflectDeleteProperty,
  ReflectGet,
  ReflectGetOwnPropertyDescriptor,
  ReflectHas,
  ReflectOwnKeys,
  ReflectSet,
  SymbolToStringTag,
  TypeError,
} = primordials;
const { isOn, shared } = internals;
const { get: fromFrame, runWith } = core.loadExtScript("ext:selvedge/frames.js");

function isObject(value) {
  return typeof value === "object" && value !== null || typeof value === "function";
}

/** An object that is another one at each moment. */
function mirror(current) {
  return new Proxy({}, {
    __proto__: null,
    get: (_, key) => ReflectGet(current(), key),
    getPrototypeOf: () => ObjectGetPrototypeOf(current()),
    has: (_, key) => ReflectHas(current(), key),
    ownKeys: () => ReflectOwnKeys(current()),
    getOwnPropertyDescriptor(_, key) {
      const descriptor = ReflectGetOwnPropertyDescriptor(current(), key);
      // (Of a proxy's property that its target does not have, this must be so.)
      if (descriptor !== undefined) descriptor.configurable = true;
      return descriptor;
    },
    set: (_, key, value) => ReflectSet(current(), key, value),
    defineProperty: (_, key, descriptor) => ReflectDefineProperty(current(), key, descriptor),
    deleteProperty: (_, key) => ReflectDeleteProperty(current(), key),
  });
}

function checkCallback(name, index, callback) {
  if (typeof callback === "function") return;
  throw new TypeError(`Failed to execute '${name}' on 'EnvModule': parameter ${index} is not of type 'function'.`);
}

// What stands in for `env` and `exports` is part of the frame: it is there for
// the callback and for all that this starts.
function withEnv(env, callback) {
  checkCallback("withEnv", 2, callback);
  return runStanding("env", env, callback);
}

function withExports(exports, callback) {
  checkCallback("withExports", 2, callback);
  return runStanding("exports", exports, callback);
}

/** What is no object stands for the Worker's own, but that null may say that there is none. */
function runStanding(name, value, callback) {
  const isNone = (value === null || value === undefined) && isOn("env_module_nullable_support");
  const standing = isObject(value) ? value : isNone ? {} : undefined;
  return runWith(name, standing, callback, []);
}

function withEnvAndExports(env, exports, callback) {
  checkCallback("withEnvAndExports", 3, callback);
  return withEnv(env, () => withExports(exports, callback));
}

class WorkflowEntrypoint {
  constructor(ctx, env) {
    if (arguments.length === 0 || !isObject(ctx)) {
      throw new TypeError(
        "Failed to construct 'WorkflowEntrypoint': constructor parameter 1 is not of type 'ExecutionContext'.",
      );
    }
    ObjectDefineProperty(this, "ctx", { __proto__: null, value: ctx, writable: true, configurable: true });
    ObjectDefineProperty(this, "env", { __proto__: null, value: env, writable: true, configurable: true });
  }
}
ObjectDefineProperty(WorkflowEntrypoint.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "WorkflowEntrypoint",
  configurable: true,
});

const parts = internals.cloudflareWorkers();
const ownExports = parts.exports;
/** Loads when somebody looks into it. */
const tracing = () => core.loadExtScript("ext:selvedge/tracing.js").tracing;

/** That of `ctx`, for code without one. */
const cache = () => internals.cachePurger?.() ?? {};

/** That of a Worker that may have it from its handlers alone is empty. */
const importable = isOn("disallow_importable_env") ? {} : undefined;

return {
  ...parts,
  cache: mirror(cache),
  env: mirror(() => fromFrame("env") ?? importable ?? shared.env),
  exports: mirror(() => fromFrame("exports") ?? ownExports),
  tracing: mirror(tracing),
  WorkflowEntrypoint,
  withEnv,
  withEnvAndExports,
  withExports,
};
})();
