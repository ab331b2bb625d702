// What a Worker exports: handlers, classes, named entrypoints.
import { core, primordials } from "ext:selvedge/core.js";
import { contextOf } from "ext:selvedge/events/execution_context.js";
import { hears } from "ext:selvedge/events/service_worker.js";
import { lazy } from "ext:selvedge/lazy.js";
import { shared } from "ext:selvedge/shared.js";

const {
  ArrayPrototypeFilter,
  ArrayPrototypePush,
  FunctionPrototypeToString,
  JSONStringify,
  ObjectDefineProperty,
  ObjectKeys,
  ObjectPrototypeIsPrototypeOf,
  StringPrototypeStartsWith,
  SymbolToStringTag,
  TypeError,
} = primordials;

/** Handlers that events are delivered to. */
const HANDLERS = ["fetch", "scheduled", "queue", "email", "tail", "trace", "tailStream", "test", "connect"];

/** The same of named exports, among them those of Durable Objects. */
const NAMED_HANDLERS = [...HANDLERS, "alarm", "webSocketMessage", "webSocketClose", "webSocketError"];

class WorkerEntrypoint {
  constructor(ctx, env) {
    ObjectDefineProperty(this, "ctx", { __proto__: null, value: ctx, writable: true, configurable: true });
    ObjectDefineProperty(this, "env", { __proto__: null, value: env, writable: true, configurable: true });
  }
}

class DurableObject {
  constructor(ctx, env) {
    ObjectDefineProperty(this, "ctx", { __proto__: null, value: ctx, writable: true, configurable: true });
    ObjectDefineProperty(this, "env", { __proto__: null, value: env, writable: true, configurable: true });
  }
}

class RpcTarget {}

const exceptions = lazy("ext:deno_web/01_dom_exception.js");

// What structuredClone() asks: an object like this goes by reference, or not at all.
ObjectDefineProperty(RpcTarget.prototype, core.hostObjectBrand, {
  __proto__: null,
  value() {
    const { DOMException } = exceptions();
    throw new DOMException("Remote RPC references can only be serialized for RPC.", "DataCloneError");
  },
});

const named = [[WorkerEntrypoint, "WorkerEntrypoint"], [DurableObject, "DurableObject"], [
  RpcTarget,
  "RpcTarget",
]];
for (let i = 0; i < named.length; i++) {
  ObjectDefineProperty(named[i][0].prototype, SymbolToStringTag, {
    __proto__: null,
    value: named[i][1],
    configurable: true,
  });
}

/** How events reach the Worker. */
const entry = {
  __proto__: null,
  /** The default export where it is an object. */
  object: null,
  /** The default export where it is a class. */
  constructor: null,
  /** Whether listeners on the global object take the events. */
  listeners: false,
  /** Named exports that may be entrypoints. */
  named: { __proto__: null },
};

/** Whether a classic script listens to anything that may come. */
function hearsAny() {
  for (let i = 0; i < HANDLERS.length; i++) if (hears(HANDLERS[i])) return true;
  return false;
}

function isEntrypointClass(value) {
  return typeof value === "function" &&
    ObjectPrototypeIsPrototypeOf(WorkerEntrypoint.prototype, value.prototype);
}

/** The class that objects are made of, by the name of an export. */
function objectClass(name) {
  const value = entry.named[name];
  return typeof value === "function" && !isEntrypointClass(value) ? value : null;
}

/** Whether an export is a class that extends `DurableObject`. */
function isObjectClass(name) {
  const value = objectClass(name);
  return value !== null && ObjectPrototypeIsPrototypeOf(DurableObject.prototype, value.prototype);
}

/**
 * Takes note of the exports of the main module, or of the listeners of a
 * classic script. Returns a text that says what is wrong, if something is.
 */
function register(namespace) {
  if (namespace === undefined) {
    entry.listeners = true;
    return hearsAny() ? undefined : "";
  }
  const keys = ObjectKeys(namespace);
  for (let i = 0; i < keys.length; i++) {
    if (keys[i] !== "default") entry.named[keys[i]] = namespace[keys[i]];
  }
  const name = shared.entrypoint;
  if (name !== null && namespace[name] === undefined) {
    return `The Worker has no export named "${name}".`;
  }
  const main = name === null ? namespace.default : namespace[name];
  if (main === undefined) {
    entry.listeners = true;
    return hearsAny() ? undefined : "";
  }
  if (isEntrypointClass(main)) {
    entry.constructor = main;
    return undefined;
  }
  if (typeof main === "function" && name === null && isClass(main)) {
    // As on workerd: the Worker starts, for its other exports may be what is called.
    core.loadExtScript("ext:selvedge/console.js").console.error(NO_ENTRYPOINT);
    return undefined;
  }
  if (typeof main === "function") {
    return "The default export is a function; it must be an object with handlers or a class " +
      "that extends WorkerEntrypoint.";
  }
  if (typeof main !== "object" || main === null) {
    return `The default export is ${main === null ? "null" : `a ${typeof main}`}; it must be an ` +
      "object with handlers or a class that extends WorkerEntrypoint.";
  }
  for (let i = 0; i < HANDLERS.length; i++) {
    const handler = main[HANDLERS[i]];
    if (handler !== undefined && typeof handler !== "function") {
      return `The handler "${HANDLERS[i]}" of the default export is not a function but ${
        handler === null ? "null" : `a ${typeof handler}`
      }.`;
    }
  }
  entry.object = main;
  return undefined;
}

function isClass(value) {
  return StringPrototypeStartsWith(FunctionPrototypeToString(value), "class");
}

const NO_ENTRYPOINT = "The default export is a class that does not extend WorkerEntrypoint: it takes no events. " +
  "Other exports are not affected.";

/** The names among `names` that an object, or what a class makes, has as functions. */
function functionsOf(value, names) {
  const found = [];
  const on = typeof value === "function" ? value.prototype : value;
  if (typeof on !== "object" || on === null) return found;
  for (let i = 0; i < names.length; i++) {
    if (typeof on[names[i]] === "function") ArrayPrototypePush(found, names[i]);
  }
  return found;
}

/**
 * What there is to call, as JSON: the handlers of the default export, and the
 * other exports that are classes or have handlers.
 */
function describe() {
  const handlers = entry.listeners
    ? ArrayPrototypeFilter(HANDLERS, (name) => hears(name))
    : functionsOf(entry.object ?? entry.constructor, HANDLERS);
  const named = [];
  const keys = ObjectKeys(entry.named);
  for (let i = 0; i < keys.length; i++) {
    const value = entry.named[keys[i]];
    if (typeof value !== "function" && (typeof value !== "object" || value === null)) continue;
    const found = functionsOf(value, NAMED_HANDLERS);
    if (typeof value === "function" || found.length > 0) {
      ArrayPrototypePush(named, [keys[i], found]);
    }
  }
  return JSONStringify([handlers, named]);
}

/** By entrypoint. */
const common = { __proto__: null };

/**
 * The `ctx` of an event for the default export, or the named one: of its own, or the
 * one that all events of a handler which is no class have, if the Worker wants that.
 */
function eventContext(io, props, name = "default") {
  if (!shared.hasCommonContext) return contextOf(io, props);
  const handler = name === "default" ? entry.object : entry.named[name];
  if (typeof handler !== "object" || handler === null) return contextOf(io, props);
  return common[name] ??= contextOf(null);
}

/** What handles an event of this kind. */
function handlerFor(kind, ctx, env) {
  if (entry.object !== null) return entry.object;
  // A class has its context and bindings from the constructor.
  if (entry.constructor !== null) return new entry.constructor(ctx, env);
  throw new TypeError(
    `Handler does not export a ${kind}() function.`,
  );
}

/** The export that a service binding names. */
function namedHandler(name, ctx, env) {
  const value = entry.named[name];
  if (isEntrypointClass(value)) return new value(ctx, env);
  if (typeof value === "object" && value !== null) return value;
  throw new TypeError(`The Worker has no entrypoint named "${name}".`);
}

/**
 * The entrypoint that a session of remote calls begins with, and what of it is
 * reached. A handler that is no class gets `env` and `ctx` as arguments.
 */
function open(io, name, props, env = shared.env) {
  const ctx = eventContext(io, props, name);
  const value = name === undefined || name === "default" ? entry.object ?? entry.constructor : entry.named[name];
  if (isEntrypointClass(value)) {
    const object = new value(ctx, env);
    return { __proto__: null, object, isOpen: false, isEntrypoint: true, insert: null };
  }
  if (typeof value === "object" && value !== null) {
    const insert = { __proto__: null, env, ctx };
    return { __proto__: null, object: value, isOpen: true, isEntrypoint: true, insert };
  }
  if (entry.listeners && (name === undefined || name === "default")) {
    // A classic script has listeners, which have no names.
    return { __proto__: null, object: {}, isOpen: true, isEntrypoint: true, insert: null };
  }
  throw new TypeError(`The Worker has no entrypoint named "${name}".`);
}

/** The names of all exports, "default" first. */
function exportNames() {
  const names = ["default"];
  const keys = ObjectKeys(entry.named);
  for (let i = 0; i < keys.length; i++) ArrayPrototypePush(names, keys[i]);
  return names;
}

/** Whether other Workers may call the export of this name. */
function isEntrypoint(name) {
  if (name === "default") return entry.object !== null || entry.constructor !== null;
  const value = entry.named[name];
  return isEntrypointClass(value) || typeof value === "object" && value !== null;
}

export { describe, DurableObject, entry, eventContext, exportNames, handlerFor, isEntrypoint, isObjectClass, namedHandler, objectClass, open, register, RpcTarget, WorkerEntrypoint };
