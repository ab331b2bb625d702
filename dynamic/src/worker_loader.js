// Worker Loaders: classes WorkerLoader and WorkerStub
// (https://developers.cloudflare.com/dynamic-workers/).
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_loader_fail, op_loader_find, op_loader_ready, op_loader_target } = core.ops;
const {
  FinalizationRegistryPrototypeRegister,
  JSONStringify,
  ObjectDefineProperty,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  SafeFinalizationRegistry,
  SetPrototypeAdd,
  SetPrototypeDelete,
  String,
  Symbol,
  SymbolToStringTag,
  TypeError,
} = primordials;
const { io: contexts } = internals.selvedge;
const { stateOf } = core.loadExtScript("ext:selvedge/rpc/capabilities.js");
core.loadExtScript("ext:selvedge/rpc.js");
const { makeClass } = core.loadExtScript("ext:selvedge/durable_object_class.js");
const { makeStub } = core.loadExtScript("ext:selvedge_dynamic/loaded_stub.js");
const { limitsOf } = core.loadExtScript("ext:selvedge_dynamic/limits.js");
const { give, isObject } = core.loadExtScript("ext:selvedge_dynamic/worker_code.js");

const internal = Symbol("internal");

const NOT_TRANSFERABLE =
  "Entrypoints to dynamically-loaded workers cannot be transferred to other Workers, because the system does not " +
  "know how to reload this Worker from scratch. Instead, have the parent Worker expose an entrypoint which " +
  "constructs the dynamic worker and forwards to it.";
const ABANDONED = "The request that was loading this Worker ended before it gave the code.";

/** Closes the numbers of Workers that nobody here can call any more. */
let forgotten = null;

/** A loaded Worker, as a context knows it. */
class Known {
  io;
  rid;
  /** Settles when the context handed the code over; `null` where another one does. */
  loading = null;

  constructor(io, rid) {
    this.io = io;
    this.rid = rid;
    forgotten ??= new SafeFinalizationRegistry((number) => core.tryClose(number));
    FinalizationRegistryPrototypeRegister(forgotten, this, rid);
  }

  /** Asks for the code and hands it over. */
  load(ask) {
    const { io, rid } = this;
    const { children } = stateOf(io);
    const asking = { __proto__: null, leave: () => op_loader_fail(rid, ABANDONED) };
    SetPrototypeAdd(children, asking);
    let asked;
    try {
      asked = PromiseResolve(ask());
    } catch (error) {
      asked = PromiseReject(error);
    }
    this.loading = PromisePrototypeThen(PromisePrototypeThen(asked, (code) => give(rid, code, io)), () => {
      SetPrototypeDelete(children, asking);
    }, (error) => {
      SetPrototypeDelete(children, asking);
      op_loader_fail(rid, textOf(error));
      throw error;
    });
    // Who calls the Worker learns of it.
    PromisePrototypeThen(this.loading, undefined, () => {});
  }

  /** Settles when the Worker runs and has this entrypoint. */
  ready(io, entrypoint) {
    const ready = () => op_loader_ready(this.rid, io.slot, entrypoint);
    return this.loading === null ? ready() : PromisePrototypeThen(this.loading, ready);
  }
}

function textOf(error) {
  try {
    return isObject(error) ? String(error.message) : String(error);
  } catch {
    return "The code of this Worker could not be loaded.";
  }
}

/** A loaded Worker. */
class WorkerStub {
  #known;

  constructor(token, known) {
    if (token !== internal) throw new TypeError("Illegal constructor");
    this.#known = known;
  }

  getEntrypoint(name = undefined, options = undefined) {
    const known = this.#known;
    contexts.checkOwner(known.io);
    const entrypoint = name === undefined || name === null ? "" : String(name);
    const given = optionsOf(options, "getEntrypoint");
    const { cpuMs, subRequests } = limitsOf(given.limits, "EntrypointOptions");
    const props = propsOf(given.props);
    const named = entrypoint === "default" ? "" : entrypoint;
    return makeStub({
      refusal: NOT_TRANSFERABLE,
      ready: (io) => {
        contexts.checkOwner(known.io);
        return known.ready(io, named);
      },
      way: () => op_loader_target(known.rid, named, props, cpuMs, subRequests),
    });
  }

  getDurableObjectClass(name = undefined, options = undefined) {
    const known = this.#known;
    contexts.checkOwner(known.io);
    const className = name === undefined || name === null ? "" : String(name);
    const given = optionsOf(options, "getDurableObjectClass");
    const { cpuMs, subRequests } = limitsOf(given.limits, "EntrypointOptions");
    const props = propsOf(given.props);
    const named = className === "default" ? "" : className;
    return makeClass({
      __proto__: null,
      className: named,
      props,
      ready: (io) => {
        contexts.checkOwner(known.io);
        return known.ready(io, "");
      },
      way: () => op_loader_target(known.rid, named, props, cpuMs, subRequests),
    }, NOT_TRANSFERABLE);
  }
}

function optionsOf(options, method) {
  if (options === undefined || options === null) return { __proto__: null };
  if (isObject(options)) return options;
  throw new TypeError(
    `Failed to execute '${method}' on 'WorkerStub': parameter 2 is not of type 'EntrypointOptions'.`,
  );
}

/** `ctx.props` as JSON. */
function propsOf(props) {
  if (props === undefined) return "";
  if (!isObject(props)) {
    throw new TypeError("Incorrect type for the 'props' field on 'EntrypointOptions': the provided value is not of type 'Object'.");
  }
  return JSONStringify(props);
}

/** The binding. */
class WorkerLoader {
  #rid;

  constructor(token, rid) {
    if (token !== internal) throw new TypeError("Illegal constructor");
    this.#rid = rid;
  }

  get(id, callback) {
    if (arguments.length === 0) {
      throw new TypeError("Failed to execute 'get' on 'WorkerLoader': parameter 1 is not of type 'string'.");
    }
    if (typeof callback !== "function") {
      throw new TypeError("Failed to execute 'get' on 'WorkerLoader': parameter 2 is not of type 'function'.");
    }
    const io = contexts.requiredOpen();
    const hasId = id !== undefined && id !== null;
    const found = op_loader_find(this.#rid, hasId ? String(id) : "", hasId);
    const known = new Known(io, found[0]);
    if (found[1]) known.load(() => callback());
    return new WorkerStub(internal, known);
  }

  load(code) {
    if (!isObject(code)) {
      throw new TypeError("Failed to execute 'load' on 'WorkerLoader': parameter 1 is not of type 'WorkerCode'.");
    }
    const io = contexts.requiredOpen();
    const known = new Known(io, op_loader_find(this.#rid, "", false)[0]);
    // What is wrong with the code is told at once.
    give(known.rid, code, io);
    return new WorkerStub(internal, known);
  }
}

const named = [[WorkerLoader, "WorkerLoader"], [WorkerStub, "WorkerStub"]];
for (let i = 0; i < named.length; i++) {
  ObjectDefineProperty(named[i][0].prototype, SymbolToStringTag, {
    __proto__: null,
    value: named[i][1],
    configurable: true,
  });
}

return { bind: (rid) => new WorkerLoader(internal, rid) };
})();
