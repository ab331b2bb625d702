// What a method, a getter or a setter says that is called on something else: without this
// it would be V8's words for a private field that is missing, or what comes of an argument.
// For interfaces whose members are not called a million times a second; those that are
// look for themselves.
(function () {
const { core, primordials } = __bootstrap;
const {
  MapPrototypeGet,
  MapPrototypeHas,
  MapPrototypeSet,
  ObjectDefineProperty,
  ObjectKeys,
  ObjectPrototypeIsPrototypeOf,
  ReflectApply,
  ReflectGetOwnPropertyDescriptor,
  ReflectOwnKeys,
  SafeMap,
} = primordials;

/** Members of others that give a promise, which Cloudflare does not do for a wrong `this`. */
const PROMISING = { __proto__: null, Blob: ["arrayBuffer", "bytes", "text"] };

/** Interfaces of deno_web that do not look at their `this`, or look at arguments first. */
const UNCHECKED = [
  "CloseEvent",
  "CustomEvent",
  "ErrorEvent",
  "MessageEvent",
  "MessagePort",
  "Performance",
  "PerformanceEntry",
  "PerformanceMark",
  "PerformanceMeasure",
  "PerformanceObserver",
  "PerformanceObserverEntryList",
  "PromiseRejectionEvent",
];

/** The function, for objects that have `prototype` in their chain. Name and length stay. */
function checked(prototype, original) {
  // (A method, so that it is no constructor.)
  const { wrapper } = {
    wrapper(...args) {
      if (!ObjectPrototypeIsPrototypeOf(prototype, this)) throw core.illegalInvocation();
      return ReflectApply(original, this, args);
    },
  };
  const like = (key) =>
    ObjectDefineProperty(wrapper, key, { __proto__: null, ...ReflectGetOwnPropertyDescriptor(original, key) });
  like("name");
  like("length");
  return wrapper;
}

/** Has all members of an interface look at their `this` first. */
function checkReceivers(Interface) {
  const { prototype } = Interface;
  const keys = ReflectOwnKeys(prototype);
  // One function may be the value of two properties, as entries() and Symbol.iterator are.
  const known = new SafeMap();
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    const member = ReflectGetOwnPropertyDescriptor(prototype, key);
    if (key === "constructor" || !member.configurable) continue;
    const wrap = (part) => {
      const original = member[part];
      if (typeof original !== "function") return;
      if (!MapPrototypeHas(known, original)) MapPrototypeSet(known, original, checked(prototype, original));
      member[part] = MapPrototypeGet(known, original);
    };
    wrap("value");
    wrap("get");
    wrap("set");
    ObjectDefineProperty(prototype, key, { __proto__: null, ...member });
  }
}

function checkMembers({ prototype }, keys) {
  for (let i = 0; i < keys.length; i++) {
    const member = ReflectGetOwnPropertyDescriptor(prototype, keys[i]);
    ObjectDefineProperty(prototype, keys[i], { __proto__: null, ...member, value: checked(prototype, member.value) });
  }
}

/** Does so with those of a script of deno_web that do not. */
function checkExports(exports) {
  for (let i = 0; i < UNCHECKED.length; i++) {
    const Interface = exports[UNCHECKED[i]];
    if (Interface !== undefined) checkReceivers(Interface);
  }
  const names = ObjectKeys(PROMISING);
  for (let i = 0; i < names.length; i++) {
    const Interface = exports[names[i]];
    if (Interface !== undefined) checkMembers(Interface, PROMISING[names[i]]);
  }
}

return { checkExports, checkReceivers };
})();
