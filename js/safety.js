// What a Worker must not reach or change: shared memory, the running clock of
// a server that strangers use, the built-ins that the platform itself uses.
import { core, internals, primordials } from "ext:selvedge/core.js";
import { op_now_frozen } from "ext:core/ops";

const {
  ArrayPrototypePush,
  Date: OriginalDate,
  DatePrototype,
  FunctionPrototypeCall,
  FunctionPrototypeToString,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ObjectKeys,
  ObjectPrototypeIsPrototypeOf,
  ReflectConstruct,
  Promise,
  StringPrototypeStartsWith,
  SymbolSpecies,
  TypeError,
} = primordials;

/**
 * deno_core calls async ops with `op.call(..)`. A Worker that replaces
 * `Function.prototype.call` would come by the ops themselves that way, so each
 * gets a `call` of its own. Nobody else can see those functions. Gives each with
 * what deno_core made of it.
 */
function pinAsyncOps() {
  const descriptor = ObjectGetOwnPropertyDescriptor(Function.prototype, "call");
  const found = [];
  const stubs = [];
  const names = ObjectKeys(core.ops);
  for (let i = 0; i < names.length; i++) {
    const op = core.ops[names[i]];
    if (typeof op !== "function") continue;
    if (StringPrototypeStartsWith(FunctionPrototypeToString(op), "function async_op_")) {
      ArrayPrototypePush(stubs, op);
    }
  }
  ObjectDefineProperty(Function.prototype, "call", {
    __proto__: null,
    value() {
      ArrayPrototypePush(found, this);
      return null;
    },
    configurable: true,
  });
  for (let i = 0; i < stubs.length; i++) {
    const stub = stubs[i];
    stub();
  }
  ObjectDefineProperty(Function.prototype, "call", descriptor);
  if (found.length === 0 || found.length !== stubs.length) {
    throw new TypeError("deno_core does not call its async ops as it used to");
  }
  const ops = [];
  for (let i = 0; i < found.length; i++) {
    ObjectDefineProperty(found[i], "call", { __proto__: null, value: descriptor.value, configurable: true });
    ArrayPrototypePush(ops, [found[i], stubs[i]]);
  }
  return ops;
}

/**
 * Whatever waits for a promise (`await`, `then`, each async op of deno_core) asks
 * `promise.constructor` which class the next promise is of. Of promises in general
 * that is settled here, once; a class that extends Promise has a constructor of
 * its own.
 */
function pinPromises() {
  const own = { __proto__: null, writable: false, configurable: false };
  ObjectDefineProperty(Promise.prototype, "constructor", own);
  ObjectDefineProperty(Promise, SymbolSpecies, { __proto__: null, configurable: false });
}

/** Takes away what V8 offers and Workers do not. */
function closeGlobals() {
  const { prototype: SharedPrototype } = globalThis.SharedArrayBuffer;
  delete globalThis.SharedArrayBuffer;
  // Code that is not part of the Worker.
  delete WebAssembly.compileStreaming;
  delete WebAssembly.instantiateStreaming;
  const { Memory: OriginalMemory, Module } = WebAssembly;
  internals.compileWasm = (bytes) => new Module(bytes, WASM_BUILT_INS);
  const { prototype } = OriginalMemory;
  const own = { __proto__: null, writable: true, enumerable: false, configurable: true };

  const closed = function Memory(descriptor) {
    if (!new.target) throw new TypeError("WebAssembly.Memory must be invoked with 'new'");
    const target = new.target === closed ? OriginalMemory : new.target;
    return ReflectConstruct(OriginalMemory, [notShared(descriptor)], target);
  };
  closed.prototype = prototype;
  ObjectDefineProperty(prototype, "constructor", { ...own, value: closed });
  ObjectDefineProperty(WebAssembly, "Memory", { ...own, value: closed });

  // A module may declare shared memory of its own.
  const { get: bufferOf } = ObjectGetOwnPropertyDescriptor(prototype, "buffer");
  ObjectDefineProperty(prototype, "buffer", {
    __proto__: null,
    get: function buffer() {
      const value = FunctionPrototypeCall(bufferOf, this);
      if (ObjectPrototypeIsPrototypeOf(SharedPrototype, value)) throw sharedMemory();
      return value;
    },
    enumerable: true,
    configurable: true,
  });
  for (const name of ["toFixedLengthBuffer", "toResizableBuffer"]) {
    const original = prototype[name];
    if (original === undefined) continue;
    ObjectDefineProperty(prototype, name, {
      ...own,
      enumerable: true,
      value: function () {
        if (ObjectPrototypeIsPrototypeOf(SharedPrototype, FunctionPrototypeCall(bufferOf, this))) {
          throw sharedMemory();
        }
        return FunctionPrototypeCall(original, this);
      },
    });
  }
}

function sharedMemory() {
  return new TypeError("Shared WebAssembly memory is not supported.");
}

/** A copy of what describes a memory: a getter may answer differently when it is asked again. */
function notShared(descriptor) {
  if (descriptor === null || typeof descriptor !== "object" && typeof descriptor !== "function") {
    return descriptor;
  }
  if (descriptor.shared) throw sharedMemory();
  const copy = { __proto__: null };
  const { initial, minimum, maximum, address } = descriptor;
  if (initial !== undefined) copy.initial = initial;
  if (minimum !== undefined) copy.minimum = minimum;
  if (maximum !== undefined) copy.maximum = maximum;
  if (address !== undefined) copy.address = address;
  return copy;
}

const { DateNow } = primordials;

/** The present, as a Worker may know it. */
function now() {
  const frozen = op_now_frozen();
  return frozen !== frozen ? DateNow() : frozen;
}

/** What WebAssembly that is imported has from JavaScript, by its integration with ES modules. */
const WASM_BUILT_INS = {
  __proto__: null,
  builtins: ["js-string"],
  importedStringConstants: "wasm:js/string-constants",
};

/** Makes clocks stand still between I/O, so that nobody can time the machine. */
function freezeClocks() {
  function Date(...args) {
    if (!new.target) return new OriginalDate(now()).toString();
    if (args.length === 0) return ReflectConstruct(OriginalDate, [now()], new.target);
    return ReflectConstruct(OriginalDate, args, new.target);
  }
  Date.prototype = DatePrototype;
  const own = { __proto__: null, writable: true, enumerable: false, configurable: true };
  ObjectDefineProperty(Date, "now", { ...own, value: now });
  ObjectDefineProperty(Date, "parse", { ...own, value: OriginalDate.parse });
  ObjectDefineProperty(Date, "UTC", { ...own, value: OriginalDate.UTC });
  ObjectDefineProperty(Date, "length", { __proto__: null, value: 7, configurable: true });
  ObjectDefineProperty(DatePrototype, "constructor", { ...own, value: Date });
  ObjectDefineProperty(globalThis, "Date", { ...own, value: Date });
  if (globalThis.Temporal !== undefined) freezeTemporal(globalThis.Temporal);

  // Formatting without an argument formats the present.
  const { DateTimeFormat } = Intl;
  const { formatToParts } = DateTimeFormat.prototype;
  const format = core.ops ? Reflect.getOwnPropertyDescriptor(DateTimeFormat.prototype, "format").get : null;
  ObjectDefineProperty(DateTimeFormat.prototype, "formatToParts", {
    ...own,
    value: function (date = now()) {
      return primordials.FunctionPrototypeCall(formatToParts, this, date);
    },
  });
  ObjectDefineProperty(DateTimeFormat.prototype, "format", {
    __proto__: null,
    configurable: true,
    get() {
      const bound = primordials.FunctionPrototypeCall(format, this);
      return (date = now()) => bound(date);
    },
  });
  const origin = now();
  internals.performanceOrigin = origin;
  internals.performanceNow = () => now() - origin;
}

/** The same for `Temporal.Now`, where a Worker has it. */
function freezeTemporal({ Instant, Now }) {
  const { fromEpochMilliseconds } = Instant;
  const { toZonedDateTimeISO } = Instant.prototype;
  const { toPlainDate, toPlainDateTime, toPlainTime } = globalThis.Temporal.ZonedDateTime.prototype;
  const { timeZoneId } = Now;
  const call = FunctionPrototypeCall;
  const instant = () => call(fromEpochMilliseconds, Instant, now());
  const zoned = (zone = timeZoneId()) => call(toZonedDateTimeISO, instant(), zone);
  const clocks = {
    instant: () => instant(),
    plainDateISO: (zone) => call(toPlainDate, zoned(zone)),
    plainDateTimeISO: (zone) => call(toPlainDateTime, zoned(zone)),
    plainTimeISO: (zone) => call(toPlainTime, zoned(zone)),
    zonedDateTimeISO: (zone) => zoned(zone),
  };
  const own = { __proto__: null, writable: true, enumerable: false, configurable: true };
  for (const name in clocks) ObjectDefineProperty(Now, name, { ...own, value: clocks[name] });
}

export { closeGlobals, freezeClocks, now, pinAsyncOps, pinPromises };
