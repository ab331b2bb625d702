// How classes of the platform look to a Worker. Workers see a function in place of
// each class: it says what Cloudflare says when it is called without `new`, which
// V8 would tell in its own words, and hands on to the class what it is called with.
import { primordials } from "ext:selvedge/core/lists.js";

const {
  Function,
  FunctionPrototype,
  FunctionPrototypeToString,
  MapPrototypeForEach,
  MapPrototypeGet,
  MapPrototypeHas,
  MapPrototypeSet,
  ObjectDefineProperty,
  ObjectGetPrototypeOf,
  ObjectPrototype,
  ObjectSetPrototypeOf,
  ReflectConstruct,
  ReflectGetOwnPropertyDescriptor,
  ReflectOwnKeys,
  SafeMap,
  StringPrototypeStartsWith,
  SymbolToStringTag,
  TypeError,
} = primordials;

/** Objects of these are made by the platform only. */
const ILLEGAL = {
  __proto__: null,
  AbortSignal: 1,
  Cache: 1,
  CacheStorage: 1,
  Crypto: 1,
  CryptoKey: 1,
  ExtendableEvent: 1,
  FetchEvent: 1,
  MessagePort: 1,
  Navigator: 1,
  Performance: 1,
  PerformanceEntry: 1,
  PerformanceMeasure: 1,
  PerformanceObserverEntryList: 1,
  PromiseRejectionEvent: 1,
  ReadableByteStreamController: 1,
  ReadableStreamBYOBRequest: 1,
  ReadableStreamDefaultController: 1,
  ScheduledEvent: 1,
  SubtleCrypto: 1,
  TailEvent: 1,
  TransformStreamDefaultController: 1,
  WritableStreamDefaultController: 1,
};

/** Events say themselves what is wrong with what they are made of: the name of its type. */
const INITS = {
  __proto__: null,
  CloseEvent: "Initializer",
  CustomEvent: "CustomEventInit",
  ErrorEvent: "ErrorEventInit",
  Event: "Init",
  MessageEvent: "Initializer",
};

/** Of these many objects are made. */
const HOT = [
  "AbortController",
  "Event",
  "EventTarget",
  "Headers",
  "Request",
  "Response",
  "TextDecoder",
  "TextEncoder",
  "URL",
  "URLSearchParams",
];

/**
 * The object that a function got of V8, for a class to make its own; and which class. `none` is what stands for no
 * object: something, where each object that is made is to be seen.
 */
const state = { __proto__: null, given: undefined, receiver: undefined, none: undefined };

/**
 * What a class extends that a Worker sees as a function: its constructor works on
 * the object that the function was called with, whose prototype is that of the
 * Worker's class where there is one. Without such an object it makes one.
 */
function Given() {
  const object = state.given;
  if (object === undefined) return;
  const isOwn = new.target === state.receiver && object !== state.none;
  if (isOwn) state.given = state.none;
  if (old.decorate !== null) return old.decorate(isOwn ? object : this, new.target);
  if (isOwn) return object;
}
Given.prototype = ObjectPrototype;

function withoutNew(name) {
  return new TypeError(
    ILLEGAL[name] === 1
      ? "Illegal constructor"
      : `Failed to construct '${name}': Please use the 'new' operator, this object constructor cannot be called as a function.`,
  );
}

/** What an event is made of: nothing, if it is null. */
function checkInit(name, count, init) {
  const wrong = count === 0 ? "string" : typeof init === "object" || typeof init === "function" ? null : INITS[name];
  if (wrong !== null && !(count > 0 && init === undefined)) {
    throw new TypeError(
      `Failed to construct '${name}': constructor parameter ${count === 0 ? 1 : 2} is not of type '${wrong}'.`,
    );
  }
  return init ?? undefined;
}

/** The function for a class that a Worker may make objects of; `check` looks at what it is made of. */
function callable(Class, name, check) {
  const { [name]: shown } = {
    [name]: function (a, b, c) {
      if (new.target === undefined) throw withoutNew(name);
      if (check !== undefined) b = check(name, arguments.length, b);
      // What the class makes is what is wanted. (The object of the function is not even made, where it is inlined.)
      if (new.target === shown && state.given === undefined) {
        switch (arguments.length) {
          case 0:
            return new Class();
          case 1:
            return new Class(a);
          case 2:
            return new Class(a, b);
          default:
            return new Class(a, b, c);
        }
      }
      return construct(Class, this, new.target, arguments.length, a, b, c);
    },
  };
  return shown;
}

/** Has a class work on the object of a class of the Worker's. */
function construct(Class, object, target, count, a, b, c) {
  const before = state.given;
  const beforeFor = state.receiver;
  // A class of the platform that extends this one has its object already.
  const isPassed = before !== state.none && target === beforeFor;
  state.given = isPassed ? before : object;
  state.receiver = Class;
  try {
    return count === 0 ? new Class() : count === 1 ? new Class(a) : count === 2 ? new Class(a, b) : new Class(a, b, c);
  } finally {
    state.given = isPassed ? state.none : before;
    state.receiver = beforeFor;
  }
}

/**
 * Copies of `callable`: what V8 learns of one class it need not forget for the others. Debuggers take them for what they
 * are, a script of the platform.
 */
const copies = { __proto__: null };
for (let i = 0; i < HOT.length; i++) {
  const body = `return ${FunctionPrototypeToString(callable)}\n//# sourceURL=ext:selvedge/core/interfaces.js/${HOT[i]}`;
  const copy = ReflectConstruct(Function, ["state", "construct", "withoutNew", body]);
  copies[HOT[i]] = copy(state, construct, withoutNew);
}

function illegal(name) {
  return {
    [name]: function () {
      throw new TypeError("Illegal constructor");
    },
  }[name];
}

/** The functions for classes, and the classes for functions. */
const functions = new SafeMap();
const classes = new SafeMap();

function isCallable(Class) {
  let base = Class;
  while (ObjectGetPrototypeOf(base) !== FunctionPrototype) base = ObjectGetPrototypeOf(base);
  return base === Given || MapPrototypeHas(classes, base);
}

const HIDDEN = { __proto__: null, constructor: 1, length: 1, name: 1, prototype: 1 };

/** Of members of classes, as Web IDL has it. */
function isEnumerable(key, member) {
  return typeof key === "symbol" || HIDDEN[key] === 1 ? member.enumerable : true;
}

/** Members are enumerable, and a class says its name. */
function tidy(prototype, name) {
  const keys = ReflectOwnKeys(prototype);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    const member = ReflectGetOwnPropertyDescriptor(prototype, key);
    if (!member.configurable || member.enumerable === isEnumerable(key, member)) continue;
    ObjectDefineProperty(prototype, key, { __proto__: null, enumerable: true });
  }
  if (old.isUntagged) {
    delete prototype[SymbolToStringTag];
    return;
  }
  ObjectDefineProperty(prototype, SymbolToStringTag, {
    __proto__: null,
    value: name,
    writable: false,
    enumerable: false,
    configurable: true,
  });
}

/** What older compatibility dates, and flags that no date brings, have changed. */
const old = { __proto__: null, isUntagged: false, isLocked: false, decorate: null };

/** Classes have no tag for `Object.prototype.toString()`: those that are known, and all that come. */
function untag() {
  old.isUntagged = true;
  MapPrototypeForEach(functions, (_shown, Class) => {
    delete Class.prototype[SymbolToStringTag];
  });
}

/** Shows each object of a class that Workers can construct to a function, with its class, before it has any fields. */
function decorateObjects(decorate) {
  old.decorate = decorate;
  state.none = state.given = { __proto__: null };
}

/** The property `prototype` of a class cannot be set: the same. */
function lockPrototypes() {
  old.isLocked = true;
  MapPrototypeForEach(functions, (shown) => {
    ObjectDefineProperty(shown, "prototype", { __proto__: null, writable: false });
  });
}

/**
 * (What is static in the class stays as it is: to change it would make a dictionary of its properties, and V8 would
 * try again and again to optimize what calls its constructor.)
 */
function copyStatics(from, to) {
  const keys = ReflectOwnKeys(from);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (key === "prototype") continue;
    const member = ReflectGetOwnPropertyDescriptor(from, key);
    ObjectDefineProperty(to, key, { __proto__: null, ...member, enumerable: isEnumerable(key, member) });
  }
}

/** A class between two that others have for themselves: its members become those of the one below. */
function flatten(Class) {
  const between = ObjectGetPrototypeOf(Class);
  if (!StringPrototypeStartsWith(between.name, "_")) return;
  const keys = ReflectOwnKeys(between.prototype);
  for (let i = 0; i < keys.length; i++) {
    if (keys[i] === "constructor") continue;
    const member = ReflectGetOwnPropertyDescriptor(between.prototype, keys[i]);
    ObjectDefineProperty(Class.prototype, keys[i], { __proto__: null, ...member });
  }
  ObjectSetPrototypeOf(Class.prototype, ObjectGetPrototypeOf(between.prototype));
}

/** What Workers see of a class by this name. */
function expose(Class, name = Class.name) {
  if (MapPrototypeHas(classes, Class)) return Class;
  const known = MapPrototypeGet(functions, Class);
  if (known !== undefined) return known;
  const isIllegal = ILLEGAL[name] === 1;
  if (!isIllegal && !isCallable(Class)) throw new TypeError(`${name} does not extend Given`);
  flatten(Class);
  tidy(Class.prototype, name);
  const check = INITS[name] === undefined ? undefined : checkInit;
  const shown = isIllegal ? illegal(name) : (copies[name] ?? callable)(Class, name, check);
  copyStatics(Class, shown);
  ObjectSetPrototypeOf(shown, parentOf(Class));
  ObjectDefineProperty(shown, "prototype", {
    __proto__: null,
    value: Class.prototype,
    writable: !old.isLocked,
    enumerable: false,
    configurable: false,
  });
  ObjectDefineProperty(Class.prototype, "constructor", { __proto__: null, value: shown });
  MapPrototypeSet(functions, Class, shown);
  MapPrototypeSet(classes, shown, Class);
  return shown;
}

/** The class that a Worker sees one extend. */
function parentOf(Class) {
  let parent = ObjectGetPrototypeOf(Class);
  if (StringPrototypeStartsWith(parent.name, "_")) parent = ObjectGetPrototypeOf(parent);
  return parent === Given ? FunctionPrototype : MapPrototypeGet(functions, parent) ?? parent;
}

/** The class behind what Workers see of it: the platform makes objects of it that they cannot. */
function classOf(shown) {
  return MapPrototypeGet(classes, shown) ?? shown;
}

/** Classes that scripts of others export. */
const EXPOSED = {
  __proto__: null,
  "ext:deno_web/00_url.js": ["URL", "URLSearchParams"],
  "ext:deno_web/01_dom_exception.js": ["DOMException"],
  "ext:deno_web/01_urlpattern.js": ["URLPattern"],
  "ext:deno_web/02_event.js": [
    "Event",
    "EventTarget",
    "CloseEvent",
    "CustomEvent",
    "ErrorEvent",
    "MessageEvent",
    "PromiseRejectionEvent",
  ],
  "ext:deno_web/03_abort_signal.js": ["AbortController", "AbortSignal"],
  "ext:deno_web/06_streams.js": [
    "ByteLengthQueuingStrategy",
    "CountQueuingStrategy",
    "ReadableByteStreamController",
    "ReadableStream",
    "ReadableStreamBYOBReader",
    "ReadableStreamBYOBRequest",
    "ReadableStreamDefaultController",
    "ReadableStreamDefaultReader",
    "TransformStream",
    "TransformStreamDefaultController",
    "WritableStream",
    "WritableStreamDefaultController",
    "WritableStreamDefaultWriter",
  ],
  "ext:deno_web/08_text_encoding.js": ["TextDecoder", "TextDecoderStream", "TextEncoder", "TextEncoderStream"],
  "ext:deno_web/09_file.js": ["Blob", "File"],
  "ext:deno_web/13_message_port.js": ["MessageChannel", "MessagePort"],
  "ext:deno_web/14_compression.js": ["CompressionStream", "DecompressionStream"],
  "ext:deno_web/15_performance.js": [
    "Performance",
    "PerformanceEntry",
    "PerformanceMark",
    "PerformanceMeasure",
    "PerformanceObserver",
    "PerformanceObserverEntryList",
  ],
};

/** Of a script that was just loaded: its classes become what Workers see of them. Whether it has any. */
function exposeExports(specifier, exports) {
  const names = EXPOSED[specifier];
  if (names === undefined) return false;
  for (let i = 0; i < names.length; i++) exports[names[i]] = expose(exports[names[i]], names[i]);
  return true;
}

export { classOf, decorateObjects, expose, exposeExports, Given, lockPrototypes, untag };
