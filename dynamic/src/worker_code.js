// Reads the code that a callback of a Worker Loader gave, checks it and hands it to
// the host.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_loader_begin, op_loader_module, op_loader_value } = core.ops;
const {
  ArrayIsArray,
  ArrayPrototypePush,
  Error,
  JSONStringify,
  ObjectKeys,
  RangeError,
  String,
  StringPrototypeEndsWith,
  TypeError,
} = primordials;
const { notCloneable } = core.loadExtScript("ext:selvedge/rpc/errors.js");
const { release, toBytes } = core.loadExtScript("ext:selvedge/rpc/messages.js");
const { encode } = core.loadExtScript("ext:selvedge/rpc/values.js");
const { limitsOf } = core.loadExtScript("ext:selvedge_dynamic/limits.js");
const { rpc, viewOf } = internals;

const KINDS = ["js", "cjs", "text", "data", "json", "py", "wasm"];

function isObject(value) {
  return typeof value === "object" && value !== null;
}

function wrong(field, type, of = "WorkerCode") {
  return new TypeError(`Incorrect type for the '${field}' field on '${of}': the provided value is not of type '${type}'.`);
}

/** Hands modules to the host. */
function giveModules(rid, modules) {
  if (!isObject(modules)) throw wrong("modules", "object");
  const names = ObjectKeys(modules);
  if (names.length === 0) throw new TypeError("Dynamic Worker code must contain at least one module.");
  for (let i = 0; i < names.length; i++) giveModule(rid, names[i], modules[names[i]]);
}

function giveModule(rid, name, content) {
  if (!isObject(content)) {
    const isPython = StringPrototypeEndsWith(name, ".py");
    if (!isPython && !StringPrototypeEndsWith(name, ".js")) {
      throw new TypeError(
        `Module name must end with '.js' or '.py' (or the content must be an object indicating the type explicitly). Got: ${name}`,
      );
    }
    content = isPython ? { py: content } : { js: content };
  }
  let kind;
  let count = 0;
  for (let i = 0; i < KINDS.length; i++) {
    if (content[KINDS[i]] === undefined) continue;
    kind = KINDS[i];
    count++;
  }
  if (count !== 1) {
    throw new TypeError(
      `Each module must contain exactly one of 'js', 'cjs', 'text', 'data', 'json', 'py', or 'wasm'. Module '${name}' contained ${count} properties.`,
    );
  }
  op_loader_module(rid, name, kind, bytesOf(kind, name, content[kind]));
}

function bytesOf(kind, name, value) {
  switch (kind) {
    case "py":
      throw new Error(`Selvedge does not run Python: the module '${name}' cannot be loaded.`);
    case "json": {
      const text = JSONStringify(value);
      if (text === undefined) throw new TypeError(`The JSON of the module '${name}' is not a value of JSON.`);
      return core.encode(text);
    }
    case "data":
    case "wasm": {
      const bytes = viewOf(value);
      if (bytes === null) throw wrong(kind, "ArrayBuffer or ArrayBufferView", "Module");
      return bytes;
    }
    default:
      return core.encode(String(value));
  }
}

/** Hands the values of `env` to the host, each with what goes by reference in it. */
function giveEnv(rid, env, io) {
  if (env === undefined) return;
  if (!isObject(env)) throw wrong("env", "Object");
  const names = ObjectKeys(env);
  for (let i = 0; i < names.length; i++) giveValue(rid, names[i], env[names[i]], io);
}

function giveValue(rid, name, value, io) {
  if (typeof value === "function" && rpc.kindOf(value) === undefined) throw notCloneable(`${value} could not be cloned.`);
  const message = encode(value, io, true, null, true);
  const ways = [];
  try {
    checkExternals(message);
    const packed = toBytes(message, (made) => describe(made, ways));
    op_loader_value(rid, name, packed.bytes, core.serialize(packed.externals), ways);
  } finally {
    release(message);
    for (let i = 0; i < ways.length; i++) core.tryClose(ways[i]);
  }
}

/** Only plain data, bindings and entrypoints outlive the request that gives them. */
function checkExternals({ externals }) {
  for (let i = 0; externals !== null && i < externals.length; i++) {
    const { kind } = externals[i];
    if (kind !== "error" && kind !== "headers" && kind !== "service") {
      throw notCloneable(`A ${kind} belongs to a request: it cannot be in the env of a dynamically-loaded Worker.`);
    }
  }
}

function describe(made, ways) {
  if (made.kind !== "service") return [made.kind, made.data];
  ArrayPrototypePush(ways, made.data.way());
  return ["way", ways.length - 1];
}

/** The way that `globalOutbound` asks for; it must be closed. */
function outboundOf(value) {
  if (value === undefined || value === null) return undefined;
  const way = rpc.wayOf(value);
  if (way === undefined) throw wrong("globalOutbound", "Fetcher");
  return way;
}

/** Each event is told to all of them. */
const MOST_TAILS = 10;

/** The ways to those who are told of events; they must be closed. */
function addTails(ways, tails, name) {
  if (tails === undefined) return;
  if (!ArrayIsArray(tails)) throw wrong(name, "Array");
  for (let i = 0; i < tails.length; i++) {
    if (rpc.kindOf(tails[i]) !== "service") {
      throw new TypeError(`Incorrect type for array element ${i}: the provided value is not of type 'Fetcher'.`);
    }
  }
  if (tails.length > MOST_TAILS) throw new RangeError(`A dynamically-loaded Worker has up to ${MOST_TAILS} "${name}".`);
  for (let i = 0; i < tails.length; i++) {
    const way = rpc.wayOf(tails[i]);
    if (way === undefined) throw new TypeError(`"${name}" of a dynamically-loaded Worker are bindings and entrypoints.`);
    ArrayPrototypePush(ways, way);
  }
}

function flagsOf(value) {
  if (value === undefined) return [];
  if (!ArrayIsArray(value)) throw wrong("compatibilityFlags", "Array");
  const flags = [];
  for (let i = 0; i < value.length; i++) ArrayPrototypePush(flags, String(value[i]));
  return flags;
}

const EXPERIMENTAL =
  "Streaming tail workers are experimental. You must pass the option 'allowExperimental: true' to the worker loader to use them";

/** Hands the code, which the context `io` has, to the host: that starts an isolate for it. */
function give(rid, code, io) {
  if (!isObject(code)) {
    throw new TypeError("Incorrect type for Promise: the Promise did not resolve to 'WorkerCode'.");
  }
  giveModules(rid, code.modules);
  giveEnv(rid, code.env, io);
  const { cpuMs, subRequests } = limitsOf(code.limits, "WorkerCode");
  const main = String(code.mainModule);
  const date = String(code.compatibilityDate);
  const flags = flagsOf(code.compatibilityFlags);
  const { allowExperimental, streamingTails: streams } = code;
  if (streams !== undefined && !allowExperimental) throw new Error(EXPERIMENTAL);
  const tails = [];
  const streamingTails = [];
  let outbound;
  try {
    addTails(tails, code.tails, "tails");
    addTails(streamingTails, streams, "streamingTails");
    outbound = outboundOf(code.globalOutbound);
    const isClosed = code.globalOutbound === null;
    op_loader_begin(rid, { main, date, flags, cpuMs, subRequests, isClosed, outbound, tails, streamingTails });
  } finally {
    if (outbound !== undefined) core.tryClose(outbound);
    for (let i = 0; i < tails.length; i++) core.tryClose(tails[i]);
    for (let i = 0; i < streamingTails.length; i++) core.tryClose(streamingTails[i]);
  }
}

return { give, isObject };
})();
