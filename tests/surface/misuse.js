// What the platform says when it is used wrongly, and how its classes look: one line each, a path and what
// came of it. Runs on every runtime; the lines of two are compared.

/** Classes of the platform, by name. What JavaScript itself has is V8's everywhere. */
const CLASSES = [
  "AbortController", "AbortSignal", "Blob", "ByteLengthQueuingStrategy", "Cache", "CacheStorage", "CloseEvent",
  "CompressionStream", "CountQueuingStrategy", "Crypto", "CryptoKey", "CustomEvent", "DecompressionStream",
  "DOMException", "ErrorEvent", "Event", "EventTarget", "ExtendableEvent", "FetchEvent", "File",
  "FixedLengthStream", "FormData", "Headers", "HTMLRewriter", "IdentityTransformStream", "MessageChannel",
  "MessageEvent", "MessagePort", "Navigator", "Performance", "PerformanceEntry", "PerformanceMark",
  "PerformanceMeasure", "PerformanceObserver", "PerformanceObserverEntryList", "PromiseRejectionEvent",
  "ReadableByteStreamController", "ReadableStream", "ReadableStreamBYOBReader", "ReadableStreamBYOBRequest",
  "ReadableStreamDefaultController", "ReadableStreamDefaultReader", "Request", "Response", "ScheduledEvent",
  "SubtleCrypto", "TailEvent", "TextDecoder", "TextDecoderStream", "TextEncoder", "TextEncoderStream", "TraceEvent",
  "TransformStream", "TransformStreamDefaultController", "URL", "URLPattern", "URLSearchParams", "WebSocket",
  "WebSocketPair", "WebSocketRequestResponsePair", "WritableStream", "WritableStreamDefaultController",
  "WritableStreamDefaultWriter",
];

/** Functions of the global scope. */
const FUNCTIONS = [
  "addEventListener", "atob", "btoa", "clearImmediate", "clearInterval", "clearTimeout", "dispatchEvent", "fetch",
  "queueMicrotask", "removeEventListener", "reportError", "setImmediate", "setInterval", "setTimeout",
  "structuredClone",
];

/** An instance of each class that has any here, made anew for each call. */
const INSTANCES = {
  AbortController: () => new AbortController(),
  AbortSignal: () => new AbortController().signal,
  Blob: () => new Blob(["x"]),
  ByteLengthQueuingStrategy: () => new ByteLengthQueuingStrategy({ highWaterMark: 1 }),
  Cache: () => caches.default,
  CacheStorage: () => caches,
  CloseEvent: () => new CloseEvent("x"),
  CompressionStream: () => new CompressionStream("gzip"),
  CountQueuingStrategy: () => new CountQueuingStrategy({ highWaterMark: 1 }),
  Crypto: () => crypto,
  CustomEvent: () => new CustomEvent("x"),
  DecompressionStream: () => new DecompressionStream("gzip"),
  DOMException: () => new DOMException("x"),
  ErrorEvent: () => new ErrorEvent("x"),
  Event: () => new Event("x"),
  EventTarget: () => new EventTarget(),
  File: () => new File(["x"], "y"),
  FixedLengthStream: () => new FixedLengthStream(1),
  FormData: () => new FormData(),
  Headers: () => new Headers(),
  HTMLRewriter: () => new HTMLRewriter(),
  IdentityTransformStream: () => new IdentityTransformStream(),
  MessageChannel: () => new MessageChannel(),
  MessageEvent: () => new MessageEvent("x"),
  MessagePort: () => new MessageChannel().port1,
  Navigator: () => navigator,
  Performance: () => performance,
  PerformanceMark: () => new PerformanceMark("x"),
  PerformanceObserver: () => new PerformanceObserver(() => {}),
  ReadableByteStreamController: () => controllerOf({ type: "bytes" }),
  ReadableStream: () => new ReadableStream(),
  ReadableStreamBYOBReader: () => new ReadableStream({ type: "bytes" }).getReader({ mode: "byob" }),
  ReadableStreamDefaultController: () => controllerOf({}),
  ReadableStreamDefaultReader: () => new ReadableStream().getReader(),
  Request: () => new Request("http://x.test/"),
  Response: () => new Response("x"),
  SubtleCrypto: () => crypto.subtle,
  TextDecoder: () => new TextDecoder(),
  TextDecoderStream: () => new TextDecoderStream(),
  TextEncoder: () => new TextEncoder(),
  TextEncoderStream: () => new TextEncoderStream(),
  TransformStream: () => new TransformStream(),
  TransformStreamDefaultController() {
    let made;
    new TransformStream({ start: (controller) => void (made = controller) });
    return made;
  },
  URL: () => new URL("http://x.test/"),
  URLPattern: () => new URLPattern({ pathname: "/x" }),
  URLSearchParams: () => new URLSearchParams(),
  WebSocket: () => Object.values(new WebSocketPair())[0],
  WebSocketPair: () => new WebSocketPair(),
  WebSocketRequestResponsePair: () => new WebSocketRequestResponsePair("x", "y"),
  WritableStream: () => new WritableStream(),
  WritableStreamDefaultController() {
    let made;
    new WritableStream({ start: (controller) => void (made = controller) });
    return made;
  },
  WritableStreamDefaultWriter: () => new WritableStream().getWriter(),
};

function controllerOf(source) {
  let made;
  new ReadableStream({ ...source, start: (controller) => void (made = controller) });
  return made;
}

/** First arguments that constructors take, after which a wrong second one is tried. */
const FIRST = {
  Blob: ["x"],
  CloseEvent: "x",
  CustomEvent: "x",
  ErrorEvent: "x",
  Event: "x",
  EventSource: "http://x.test/",
  File: ["x"],
  FixedLengthStream: 1,
  MessageEvent: "x",
  PerformanceMark: "x",
  PromiseRejectionEvent: "x",
  ReadableStream: {},
  Request: "http://x.test/",
  Response: "x",
  TextDecoder: "utf-8",
  TextDecoderStream: "utf-8",
  TransformStream: {},
  URL: "/x",
  URLPattern: "/x",
  WebSocketRequestResponsePair: "x",
  WritableStream: {},
};

/** An object that tells who looks into it. */
const TRAP = new Proxy({}, {
  get() {
    throw new Error("trapped");
  },
});

/** What arguments are wrong in most places, by the name they have in a path. */
const WRONG = {
  "": [],
  "null": [null],
  "5": [5],
  "Symbol()": [Symbol("given")],
  "trap": [TRAP],
};

/** What is no object of any class here, by the name it has in a path. */
function strangers(name) {
  return {
    "{}": {},
    "undefined": undefined,
    [name === "Headers" ? "URL" : "Headers"]: name === "Headers" ? new URL("http://x.test/") : new Headers(),
    "prototype": globalThis[name].prototype,
  };
}

const ILLEGAL = "Illegal invocation: function called with incorrect `this` reference. See " +
  "https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.";

function describeError(error) {
  if (error === null || typeof error !== "object") return `a ${typeof error}`;
  const kind = error instanceof DOMException ? `DOMException ${error.name}` : error.name;
  return `${kind}: ${`${error.message}`.replace(ILLEGAL, "ILLEGAL").replaceAll("\n", "\\n")}`;
}

function describeValue(value) {
  if (value === null) return "null";
  if (value === TRAP) return "trap";
  if (typeof value === "function") return "a function";
  if (typeof value !== "object") return typeof value;
  return Object.prototype.toString.call(value).slice(8, -1);
}

class Walk {
  lines = [];
  waiting = [];

  say(path, text) {
    this.lines.push(`${path} -> ${text}`);
  }

  /** Calls and tells what came of it; a promise is looked at until it rejects. */
  try(path, call) {
    let value;
    try {
      value = call();
    } catch (error) {
      this.say(path, `throws ${describeError(error)}`);
      return;
    }
    if (!(value instanceof Promise)) {
      this.say(path, `gives ${describeValue(value)}`);
      return;
    }
    const at = this.lines.length;
    this.say(path, "gives Promise");
    this.waiting.push(value.then(() => {}, (error) => {
      this.lines[at] = `${path} -> rejects ${describeError(error)}`;
    }));
  }

  /** Until all promises are settled, or have had the time for it. */
  async settle() {
    const late = new Promise((done) => setTimeout(done, 1000));
    await Promise.race([Promise.all(this.waiting), late]);
  }
}

function flagsOf(descriptor) {
  const { writable, enumerable, configurable } = descriptor;
  const flags = [];
  if (writable) flags.push("writable");
  if (enumerable) flags.push("enumerable");
  if (configurable) flags.push("configurable");
  return flags.join(" ") || "fixed";
}

function keyName(key) {
  return typeof key === "symbol" ? `[${key.description}]` : key;
}

/** Symbols other than JavaScript's own are how a runtime is built. */
function isInner(key) {
  return typeof key === "symbol" && !key.description?.startsWith("Symbol.");
}

/** What a property is, without where it stands. */
function kindOf({ value, get, set }) {
  if (get || set) return [get && "getter", set && "setter"].filter(Boolean).join(", ");
  if (typeof value === "function") return "method";
  return typeof value === "object" ? describeValue(value) : JSON.stringify(value) ?? "undefined";
}

function say(walk, path, descriptor) {
  walk.say(`kind of ${path}`, kindOf(descriptor));
  walk.say(`flags of ${path}`, flagsOf(descriptor));
  for (const part of ["value", "get", "set"]) {
    if (typeof descriptor[part] !== "function") continue;
    const of = part === "value" ? path : `${part} ${path}`;
    walk.say(`name of ${of}`, JSON.stringify(descriptor[part].name));
    walk.say(`length of ${of}`, `${descriptor[part].length}`);
  }
}

/** Keys, names and descriptors of what an object has or inherits. */
function allMembers(object) {
  const found = new Map();
  for (let at = object; at !== null && at !== Object.prototype && at !== Function.prototype; at = Object.getPrototypeOf(at)) {
    for (const key of Reflect.ownKeys(at)) {
      if (isInner(key) || found.has(key) || key === "constructor") continue;
      found.set(key, [key, keyName(key), Reflect.getOwnPropertyDescriptor(at, key)]);
    }
  }
  return [...found.values()];
}

/** Statics of a class, without those of the class that it extends. */
function statics(Class) {
  const skipped = new Set(["arguments", "caller", "length", "name", "prototype"]);
  return Reflect.ownKeys(Class).filter((key) => !isInner(key) && !skipped.has(key)).map((key) => [
    key,
    keyName(key),
    Reflect.getOwnPropertyDescriptor(Class, key),
  ]);
}

function membersOf(name) {
  const make = INSTANCES[name];
  // (Elements of an object are its content.)
  return allMembers(make ? make() : globalThis[name].prototype).filter(([key]) => !/^[0-9]+$/.test(String(key)));
}

function shapes(walk, name) {
  const Class = globalThis[name];
  walk.say(`flags of globalThis.${name}`, flagsOf(allMembers(globalThis).find(([key]) => key === name)[2]));
  walk.say(`name of ${name}`, JSON.stringify(Class.name));
  walk.say(`length of ${name}`, `${Class.length}`);
  walk.say(`flags of ${name}.prototype`, flagsOf(Reflect.getOwnPropertyDescriptor(Class, "prototype")));
  walk.say(`constructor of ${name}.prototype`, `${Class.prototype.constructor === Class}`);
  walk.say(`flags of ${name}.prototype.constructor`, flagsOf(Reflect.getOwnPropertyDescriptor(Class.prototype, "constructor")));
  const parent = Object.getPrototypeOf(Class);
  walk.say(`parent of ${name}`, parent === Function.prototype ? "none" : parent?.name ?? "null");
  const above = Object.getPrototypeOf(Class.prototype);
  walk.say(`parent of ${name}.prototype`, above === Object.prototype ? "Object" : above?.constructor?.name ?? "null");
  for (const [, label, descriptor] of statics(Class)) say(walk, `${name}.${label}`, descriptor);
  for (const [, label, descriptor] of membersOf(name)) say(walk, `${name}#${label}`, descriptor);
}

function constructors(walk, name) {
  const Class = globalThis[name];
  walk.try(`${name}()`, () => Class());
  for (const [label, given] of Object.entries(WRONG)) {
    walk.try(`new ${name}(${label})`, () => new Class(...given));
    if (name in FIRST && given.length > 0) walk.try(`new ${name}(.., ${label})`, () => new Class(FIRST[name], ...given));
  }
}

function calls(walk, name) {
  const Class = globalThis[name];
  for (const [key, label, { value }] of statics(Class)) {
    if (typeof value !== "function") continue;
    for (const [kind, given] of Object.entries(WRONG)) walk.try(`${name}.${label}(${kind})`, () => Class[key](...given));
  }
  const make = INSTANCES[name];
  for (const [, label, { value, get, set }] of membersOf(name)) {
    const path = `${name}#${label}`;
    for (const [kind, self] of Object.entries(strangers(name))) {
      if (typeof value === "function") walk.try(`${path} of ${kind}`, () => value.call(self));
      if (get) walk.try(`get ${path} of ${kind}`, () => get.call(self));
      if (set) walk.try(`set ${path} of ${kind}`, () => set.call(self, null));
    }
    if (!make) continue;
    for (const [kind, given] of Object.entries(WRONG)) {
      if (typeof value === "function") walk.try(`${path}(${kind})`, () => value.call(make(), ...given));
      if (set && given.length > 0) walk.try(`${path} = ${kind}`, () => set.call(make(), ...given));
    }
    if (get) walk.try(`get ${path}`, () => get.call(make()));
  }
}

export async function misuse() {
  const walk = new Walk();
  for (const name of CLASSES) {
    if (typeof globalThis[name] !== "function") {
      walk.say(name, "is not there");
      continue;
    }
    shapes(walk, name);
    constructors(walk, name);
    calls(walk, name);
  }
  for (const name of FUNCTIONS) {
    const call = globalThis[name];
    walk.say(`name of ${name}`, JSON.stringify(call.name));
    walk.say(`length of ${name}`, `${call.length}`);
    for (const [kind, given] of Object.entries(WRONG)) walk.try(`${name}(${kind})`, () => call(...given));
    for (const self of [{}, 5]) walk.try(`${name} of ${typeof self}`, () => call.call(self));
  }
  await walk.settle();
  return walk.lines;
}
