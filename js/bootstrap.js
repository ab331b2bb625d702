// Globals, set last; the hooks that Rust calls.
import { core, internals, primordials } from "ext:selvedge/core.js";
import * as dispatch from "ext:selvedge/dispatch.js";
import * as entrypoints from "ext:selvedge/entrypoints.js";
import { contextOf, ExecutionContext, reportRejection } from "ext:selvedge/events/execution_context.js";
import {
  addEventListener,
  describeThrown,
  dispatchEvent,
  eventClasses,
  handlerEvent,
  eventHub,
  rejectionHandled,
  removeEventListener,
  reportException,
  uncaught,
  unhandledRejection,
} from "ext:selvedge/events/service_worker.js";
import * as bodies from "ext:selvedge/fetch/body.js";
import * as headers from "ext:selvedge/fetch/headers.js";
import * as request from "ext:selvedge/fetch/request.js";
import * as response from "ext:selvedge/fetch/response.js";
import * as gates from "ext:selvedge/gates.js";
import * as io from "ext:selvedge/io_context.js";
import { builtIn, require, requireModule } from "ext:selvedge/commonjs.js";
import { applyLegacy } from "ext:selvedge/legacy.js";
import { lazy, load } from "ext:selvedge/lazy.js";
import { closeGlobals, freezeClocks, now, pinAsyncOps, pinPromises } from "ext:selvedge/safety.js";
import * as timers from "ext:selvedge/timers.js";
import { scoped } from "ext:selvedge/scope.js";
import { isOff, isOn, setFlags, shared } from "ext:selvedge/shared.js";
import { viewOf } from "ext:selvedge/views.js";

const {
  DatePrototype,
  JSONParse,
  ObjectDefineProperty,
  ObjectFreeze,
  ObjectKeys,
  SymbolToStringTag,
  TypeError,
} = primordials;

/** Globals that exist from the start. */
const eager = {
  __proto__: null,
  addEventListener: scoped("addEventListener", addEventListener),
  dispatchEvent: scoped("dispatchEvent", dispatchEvent),
  ExecutionContext,
  Headers: core.expose(headers.Headers),
  queueMicrotask: scoped("queueMicrotask", queueMicrotask, true),
  removeEventListener: scoped("removeEventListener", removeEventListener),
  Request: core.expose(request.Request),
  Response: core.expose(response.Response),
  clearImmediate: timers.clearImmediate,
  clearInterval: timers.clearInterval,
  clearTimeout: timers.clearTimeout,
  scheduler: timers.scheduler,
  setImmediate: timers.setImmediate,
  setInterval: timers.setInterval,
  setTimeout: timers.setTimeout,
};

const web = (file) => `ext:deno_web/${file}.js`;

/** Globals that load when they are first touched: name, script, export. */
const onDemand = [
  ["AbortController", web("03_abort_signal")],
  ["AbortSignal", web("03_abort_signal")],
  ["atob", web("05_base64")],
  ["Blob", web("09_file")],
  ["btoa", web("05_base64")],
  ["ByteLengthQueuingStrategy", web("06_streams")],
  ["CloseEvent", web("02_event")],
  ["CompressionStream", web("14_compression")],
  ["console", "ext:selvedge/console.js"],
  ["CountQueuingStrategy", web("06_streams")],
  ["Crypto", "ext:selvedge/crypto.js"],
  ["crypto", "ext:selvedge/crypto.js"],
  ["CryptoKey", "ext:selvedge/crypto.js"],
  ["CustomEvent", web("02_event")],
  ["DecompressionStream", web("14_compression")],
  ["DOMException", web("01_dom_exception")],
  ["ErrorEvent", web("02_event")],
  ["Event", web("02_event")],
  ["EventSource", "ext:selvedge/event_source.js"],
  ["EventTarget", web("02_event")],
  ["fetch", "ext:selvedge/fetch/fetch.js"],
  ["File", web("09_file")],
  ["FixedLengthStream", "ext:selvedge/streams.js"],
  ["FormData", "ext:selvedge/fetch/form_data.js"],
  ["HTMLRewriter", "ext:selvedge/html_rewriter.js"],
  ["IdentityTransformStream", "ext:selvedge/streams.js"],
  ["MessageChannel", web("13_message_port")],
  ["MessageEvent", web("02_event")],
  ["MessagePort", web("13_message_port")],
  ["Performance", web("15_performance")],
  ["PerformanceEntry", web("15_performance")],
  ["PerformanceMark", web("15_performance")],
  ["PerformanceMeasure", web("15_performance")],
  ["PerformanceObserver", web("15_performance")],
  ["PerformanceObserverEntryList", web("15_performance")],
  ["PromiseRejectionEvent", web("02_event")],
  ["ReadableByteStreamController", web("06_streams")],
  ["ReadableStream", web("06_streams")],
  ["ReadableStreamBYOBReader", web("06_streams")],
  ["ReadableStreamBYOBRequest", web("06_streams")],
  ["ReadableStreamDefaultController", web("06_streams")],
  ["ReadableStreamDefaultReader", web("06_streams")],
  ["structuredClone", web("13_message_port")],
  ["SubtleCrypto", "ext:selvedge/crypto.js"],
  ["TextDecoder", web("08_text_encoding")],
  ["TextDecoderStream", web("08_text_encoding")],
  ["TextEncoder", web("08_text_encoding")],
  ["TextEncoderStream", web("08_text_encoding")],
  ["TransformStream", web("06_streams")],
  ["TransformStreamDefaultController", web("06_streams")],
  ["URL", web("00_url")],
  ["URLPattern", web("01_urlpattern")],
  ["URLSearchParams", web("00_url")],
  ["WebSocket", "ext:selvedge/websocket.js"],
  ["WebSocketPair", "ext:selvedge/websocket.js"],
  ["WebSocketRequestResponsePair", "ext:selvedge/websocket/request_response_pair.js"],
  ["WritableStream", web("06_streams")],
  ["WritableStreamDefaultController", web("06_streams")],
  ["WritableStreamDefaultWriter", web("06_streams")],
];

/** Functions among them. */
const SCOPED = { __proto__: null, atob: 1, btoa: 1, fetch: 1, structuredClone: 1 };

function defineGlobal(name, value, isEnumerable = false) {
  ObjectDefineProperty(globalThis, name, {
    __proto__: null,
    value,
    writable: true,
    enumerable: isEnumerable,
    configurable: true,
  });
}

/** A property that becomes a plain one when it is first read or written. */
function defineLazyGlobal(name, get) {
  ObjectDefineProperty(globalThis, name, {
    __proto__: null,
    get() {
      const value = get();
      defineGlobal(name, value);
      return value;
    },
    set(value) {
      defineGlobal(name, value);
    },
    enumerable: false,
    configurable: true,
  });
}

const names = ObjectKeys(eager);
for (let i = 0; i < names.length; i++) defineGlobal(names[i], eager[names[i]]);
for (let i = 0; i < onDemand.length; i++) {
  const name = onDemand[i][0];
  const script = onDemand[i][1];
  defineLazyGlobal(name, () => SCOPED[name] === 1 ? scoped(name, load(script)[name]) : load(script)[name]);
}
const eventNames = ["ExtendableEvent", "FetchEvent", "ScheduledEvent", "TailEvent"];
for (let i = 0; i < eventNames.length; i++) {
  const name = eventNames[i];
  defineLazyGlobal(name, () => core.expose(eventClasses()[name]));
}
// The same class by another name.
defineLazyGlobal("TraceEvent", () => core.expose(eventClasses().TailEvent));
defineLazyGlobal("reportError", () => {
  const { reportError } = load(web("02_event"));
  return scoped("reportError", function (error) {
    if (arguments.length === 0) {
      throw new TypeError(
        "Failed to execute 'reportError' on 'ServiceWorkerGlobalScope': parameter 1 is not of type 'Value'.",
      );
    }
    reportError(error);
  });
});
defineLazyGlobal("performance", () => {
  const { performance, setTimeOrigin } = load(web("15_performance"));
  setTimeOrigin();
  return performance;
});
defineGlobal("self", globalThis, true);
// What an origin is that has no name.
defineGlobal("origin", "null", true);

const navigatorKey = { __proto__: null };

class Navigator {
  #isOwn = true;

  constructor(key) {
    if (key !== navigatorKey) throw new TypeError("Illegal constructor");
  }

  sendBeacon(url, body = undefined) {
    if (this === undefined || this === null || !(#isOwn in this)) throw core.illegalInvocation();
    if (arguments.length === 0) {
      throw new TypeError("Failed to execute 'sendBeacon' on 'Navigator': parameter 1 is not of type 'string'.");
    }
    return load("ext:selvedge/beacon.js").sendBeacon(url, body);
  }

  get userAgent() {
    return "Cloudflare-Workers";
  }

  get language() {
    return "en";
  }

  get languages() {
    return ["en"];
  }

  get hardwareConcurrency() {
    return 1;
  }

  get platform() {
    return "";
  }
}
ObjectDefineProperty(Navigator.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "Navigator",
  configurable: true,
});

let env = null;

/**
 * Takes the configuration as JSON, and names and values for `env` that JSON
 * cannot hold, in turns; `true` puts the bindings on the global object.
 */
function configure(text, values) {
  if (text === true) {
    const keys = ObjectKeys(env);
    for (let i = 0; i < keys.length; i++) defineGlobal(keys[i], env[keys[i]]);
    return;
  }
  const config = JSONParse(text);
  // First: scripts ask for flags when they load.
  setFlags(config.off, config.on);
  env = {};
  for (let i = 0; i < config.env.length; i++) env[config.env[i][0]] = config.env[i][1];
  for (let i = 0; i < values.length; i += 2) env[values[i]] = values[i + 1];
  for (let i = 0; i < config.bindings.length; i++) {
    const name = config.bindings[i][0];
    env[name] = load(config.bindings[i][1]).bind(config.bindings[i][2], name);
  }
  for (let i = 0; i < config.globals.length; i++) {
    const name = config.globals[i][0];
    const script = config.globals[i][1];
    const rid = config.globals[i][2];
    defineLazyGlobal(name, () => {
      const value = load(script).bind(rid, name);
      return typeof value === "function" ? core.expose(value) : value;
    });
    if (name === "caches") internals.cachePurger = () => load(script).bind(rid, "purger");
  }
  shared.env = env;
  shared.colors = config.colors;
  shared.entrypoint = config.entrypoint;
  shared.hidden = config.hidden;
  shared.mail = config.mail;
  shared.production = config.production;
  shared.hasCommonContext = isOn("nonclass_entrypoint_reuses_ctx_across_invocations");
  shared.partialProcess = config.partialProcess;
  dispatch.setEnv(env);
  // V8 has it before its date.
  if (isOff("temporal")) {
    delete globalThis.Temporal;
    delete DatePrototype.toTemporalInstant;
  }
  if (isOff("enable_navigator_language")) {
    delete Navigator.prototype.language;
    delete Navigator.prototype.languages;
  }
  if (!isOff("global_navigator")) {
    defineGlobal("navigator", new Navigator(navigatorKey));
    defineGlobal("Navigator", core.expose(Navigator));
  }
  // The closure keeps this text and not the whole configuration.
  const { flags } = config;
  defineLazyGlobal("Cloudflare", () => ({
    compatibilityFlags: ObjectFreeze(JSONParse(flags)),
  }));
  if (!isOff("nodejs_compat_v2")) {
    defineNodeGlobals(!isOff("enable_nodejs_global_timers") && !isOff("nodejs_compat"));
  }
  applyLegacy(config.off, config.on);
  if (config.production) freezeClocks();
  // V8's inspector has loaded it already, to add what debuggers have.
  if (config.inspected) load("ext:selvedge/console.js").tellDebuggers();
}

const nodeLoader = () => load("ext:selvedge_node/loader.js");
internals.requireNode = (name) => nodeLoader().require(name);
internals.requireFrom = require;
/** Ends the present request as a failed one, whoever catches what is thrown next. */
internals.exitRequest = (error) => {
  const own = io.current();
  if (own !== undefined && !own.over) dispatch.fail(own, error);
};

/** What programs for Node.js find on the global object. Its timers are objects. */
function defineNodeGlobals(hasTimers) {
  defineGlobal("global", globalThis);
  defineLazyGlobal("process", () => internals.requireNode("process"));
  defineLazyGlobal("Buffer", () => internals.requireNode("buffer").Buffer);
  if (!hasTimers) return;
  const names = ["clearImmediate", "clearInterval", "clearTimeout", "setImmediate", "setInterval", "setTimeout"];
  for (let i = 0; i < names.length; i++) defineLazyGlobal(names[i], () => internals.requireNode("timers")[names[i]]);
}

/** DOMExceptions that ops of deno_web and deno_crypto throw, by their class there. */
const domExceptions = [
  "AbortError",
  "DataCloneError",
  "DataError",
  "EncodingError",
  "InvalidAccessError",
  "InvalidCharacterError",
  "InvalidStateError",
  "NetworkError",
  "NotSupportedError",
  "OperationError",
  "QuotaExceededError",
  "SyntaxError",
  "TimeoutError",
  "TypeMismatchError",
];
for (let i = 0; i < domExceptions.length; i++) {
  const name = domExceptions[i];
  core.registerErrorBuilder(`DOMException${name}`, (message) => {
    const { DOMException } = load(web("01_dom_exception"));
    return new DOMException(message, name);
  });
}

/** Runs in each isolate, before any Worker's code. */
function finish() {
  closeGlobals();
  core.setUnhandledPromiseRejectionHandler(unhandledRejection);
  core.setHandledPromiseRejectionHandler(rejectionHandled);
  core.ops.op_set_format_exception_callback(describeThrown);
}

gates.knowAsyncOps(pinAsyncOps());
pinPromises();
// Without this a microtask that throws would end the turn of the event loop.
core.setReportExceptionCallback(uncaught);

// What the scripts that load later share with those that are here already.
internals.shared = shared;
internals.defineLazyGlobal = defineLazyGlobal;
internals.isOff = isOff;
internals.isOn = isOn;
internals.declareLength = bodies.declareLength;
internals.env = () => env;
internals.eventHub = eventHub;
internals.now = now;
internals.reportException = reportException;
internals.reportRejection = reportRejection;
internals.rpc = { __proto__: null };
internals.contextOf = contextOf;
internals.contextClass = ExecutionContext;
// (Those who ask whether a script is loaded learn of it.)
internals.load = load;
internals.sleep = (ms) => timers.scheduler.wait(ms);
internals.viewOf = viewOf;
internals.selvedge = {
  bodies,
  entrypoints,
  gates,
  headers,
  io,
  listeners: { __proto__: null, handlerEvent },
  request,
  response,
  timers,
  websockets: lazy("ext:selvedge/websocket.js"),
};
const remote = lazy("ext:selvedge/rpc.js");
const sessions = lazy("ext:selvedge/rpc/session.js");
const connections = lazy("ext:selvedge/sockets/workers.js");
const ownExports = lazy("ext:selvedge/exports.js");
internals.exportsObject = () => ownExports().exportsObject();
internals.cloudflareWorkers = () => ({
  DurableObject: entrypoints.DurableObject,
  env: shared.env,
  exports: ownExports().moduleExports(),
  RpcPromise: remote().RpcPromise,
  RpcProperty: remote().RpcProperty,
  RpcStub: remote().RpcStub,
  RpcTarget: entrypoints.RpcTarget,
  ServiceStub: remote().ServiceStub,
  waitUntil: (promise) => io.waitUntil(io.required(), promise, reportRejection),
  WorkerEntrypoint: entrypoints.WorkerEntrypoint,
});

globalThis.__selvedge = {
  // What names the object: see `fetch` in dispatch.js.
  alarm: (slot, receiver, namespace, object, name, lost) => {
    gates.beginTurn();
    const own = new io.IoContext(slot);
    io.runIn(own, () => load(receiver).receiveAlarm(own, namespace, object, name, lost));
  },
  abort: dispatch.abort,
  builtIn,
  discard: dispatch.discardContext,
  endObjects: (atOnce) => {
    gates.beginTurn();
    shared.endsObjects = true;
    // Set by their script, where it is loaded.
    internals.objects?.end(atOnce);
  },
  compileWasm: (bytes) => internals.compileWasm(bytes),
  configure,
  evict: (namespace, object, force, counts) => {
    gates.beginTurn();
    internals.objects?.evict(namespace, object, force, counts);
  },
  expired: dispatch.expired,
  fetch: dispatch.fetch,
  finish,
  hung: dispatch.hung,
  overMemory: () => {
    gates.beginTurn();
    gates.wakeAgain();
    return internals.objects?.overMemory() ?? 0;
  },
  register: entrypoints.register,
  // `arrived` is the host's number of the connection. What follows is that of `fetch`.
  connect: (slot, arrived, remote, local, entrypoint, props, given, receiver, ...object) => {
    gates.beginTurn();
    const own = new io.IoContext(slot);
    const ownEnv = given === undefined ? env : dispatch.envWith(given);
    const frame = given === undefined ? own : { __proto__: null, io: own, slot, env: ownEnv };
    io.runIn(frame, () => {
      if (receiver === undefined) {
        connections().receive(own, arrived, remote, local, entrypoint, props, ownEnv);
        return;
      }
      const { receiveConnection } = load(receiver);
      const parts = new primordials.SafeArrayIterator(object);
      const enter = (to, rid, addresses) => receiveConnection(to, rid, addresses, ...parts);
      connections().receiveForObject(own, enter, arrived, remote, local);
    });
  },
  describe: entrypoints.describe,
  require: requireModule,
  // `via` is what leads here, which says how deep it is.
  rpc: (channel, via, entrypoint, props, given, receiver, ...object) => {
    gates.beginTurn();
    // What names a Durable Object: see `fetch` in dispatch.js.
    if (receiver !== undefined) load(receiver).receiveCalls(channel, via, ...new primordials.SafeArrayIterator(object));
    else sessions().accept(channel, via, entrypoint, props, given === undefined ? undefined : dispatch.envWith(given));
  },
  scheduled: dispatch.scheduled,
  websocket: dispatch.websocket,
};
