// What a Worker must not reach or change: shared memory, the running clock of
// a server that strangers use, the built-ins that the platform itself uses.
import { core, primordials } from "ext:core/mod.js";
import { op_now_frozen } from "ext:core/ops";

const {
  Date: OriginalDate,
  DatePrototype,
  ObjectDefineProperty,
  ReflectConstruct,
  TypeError,
} = primordials;

/** Takes away what V8 offers and Workers do not. */
function closeGlobals() {
  delete globalThis.SharedArrayBuffer;
  const { Memory } = WebAssembly;
  const proxy = function Memory_(descriptor) {
    if (!new.target) throw new TypeError("WebAssembly.Memory must be invoked with 'new'");
    if (descriptor?.shared) throw new TypeError("Shared WebAssembly memory is not supported.");
    return ReflectConstruct(Memory, [descriptor], new.target === proxy ? Memory : new.target);
  };
  proxy.prototype = Memory.prototype;
  ObjectDefineProperty(proxy, "name", { __proto__: null, value: "Memory", configurable: true });
  ObjectDefineProperty(Memory.prototype, "constructor", {
    __proto__: null,
    value: proxy,
    writable: true,
    configurable: true,
  });
  ObjectDefineProperty(WebAssembly, "Memory", {
    __proto__: null,
    value: proxy,
    writable: true,
    enumerable: false,
    configurable: true,
  });
}

const { DateNow } = primordials;

/** The present, as a Worker may know it. */
function now() {
  const frozen = op_now_frozen();
  return frozen !== frozen ? DateNow() : frozen;
}

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
  delete globalThis.Temporal;

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
  globalThis.performance = frozenPerformance(now);
}

function frozenPerformance(now) {
  const origin = now();
  return { timeOrigin: origin, now: () => now() - origin, toJSON: () => ({ timeOrigin: origin }) };
}

export { closeGlobals, freezeClocks, now };
