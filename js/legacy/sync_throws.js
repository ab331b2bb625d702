// Asynchronous methods of older compatibility dates: what is wrong with their
// arguments is thrown at once. What else fails rejects their promise, as always.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ObjectDefineProperty,
  ObjectGetPrototypeOf,
  ObjectKeys,
  PromisePrototypeThen,
  ReflectApply,
  ReflectGetOwnPropertyDescriptor,
  RegExpPrototypeExec,
  SafeRegExp,
  SymbolToStringTag,
} = primordials;

/** What is said of arguments that are not of their type. */
const OF_TYPES = new SafeRegExp(
  "^Failed to execute '[^']*' on '[^']*': parameter [0-9]+ is not of type '" +
    "|^Incorrect type for the '[^']*' field on '" +
    "|^The '[^']*' field on '[^']*' is not implemented[.]$",
);
const REJECTED = 2;

/** Classes by the scripts that export them, and their methods. */
const EXPORTED = {
  __proto__: null,
  "ext:deno_web/06_streams.js": {
    __proto__: null,
    ReadableStream: ["cancel", "pipeTo"],
    ReadableStreamBYOBReader: ["read"],
  },
};

/** Classes of bindings and other objects by their names. */
const NAMED = {
  __proto__: null,
  Cache: ["delete", "match", "put"],
  CacheStorage: ["open"],
  DurableObjectStorage: [
    "delete",
    "deleteAlarm",
    "deleteAll",
    "get",
    "getAlarm",
    "list",
    "put",
    "setAlarm",
    "transaction",
  ],
  KvNamespace: ["delete", "get", "getWithMetadata", "list", "put"],
  R2Bucket: ["createMultipartUpload", "delete", "get", "head", "list", "put"],
  SubtleCrypto: [
    "decrypt",
    "deriveBits",
    "deriveKey",
    "digest",
    "encrypt",
    "exportKey",
    "generateKey",
    "importKey",
    "sign",
    "unwrapKey",
    "verify",
    "wrapKey",
  ],
  WorkerQueue: ["send", "sendBatch"],
};

function nothing() {}

function isOfTypes(error) {
  if (typeof error !== "object" || error === null) return false;
  const message = ReflectGetOwnPropertyDescriptor(error, "message")?.value;
  return typeof message === "string" && RegExpPrototypeExec(OF_TYPES, message) !== null;
}

/** What `crypto` says of arguments; it settles a promise of its own later. */
function checkCryptoArguments(name, args) {
  try {
    core.loadExtScript("ext:selvedge/crypto/checks.js").check(name, args);
  } catch (error) {
    if (isOfTypes(error)) throw error;
  }
}

/** The function; name and length stay. */
function throwing(original, check = nothing) {
  const { wrapper } = {
    wrapper(...args) {
      check(args);
      const result = ReflectApply(original, this, args);
      if (!core.isPromise(result)) return result;
      const details = core.getPromiseDetails(result);
      if (details[0] !== REJECTED || !isOfTypes(details[1])) return result;
      // Whoever gets the exception gets it once.
      PromisePrototypeThen(result, undefined, nothing);
      throw details[1];
    },
  };
  const like = (key) =>
    ObjectDefineProperty(wrapper, key, { __proto__: null, ...ReflectGetOwnPropertyDescriptor(original, key) });
  like("name");
  like("length");
  return wrapper;
}

function change(prototype, names) {
  for (let i = 0; i < names.length; i++) {
    const member = ReflectGetOwnPropertyDescriptor(prototype, names[i]);
    if (member === undefined || typeof member.value !== "function") continue;
    const check = names === NAMED.SubtleCrypto ? (args) => checkCryptoArguments(names[i], args) : nothing;
    ObjectDefineProperty(prototype, names[i], { __proto__: null, ...member, value: throwing(member.value, check) });
  }
}

/** Of dates that have no tags, the class's own name. */
function nameOf(prototype) {
  const valueOf = (key) => ReflectGetOwnPropertyDescriptor(prototype, key)?.value;
  return valueOf(SymbolToStringTag) ?? valueOf("constructor")?.name;
}

/** Changes the class of an object, if it is one of those. */
function changeClassOf(object) {
  if (typeof object !== "object" || object === null || core.isProxy(object)) return;
  const prototype = ObjectGetPrototypeOf(object);
  if (prototype === null) return;
  const names = NAMED[nameOf(prototype)];
  if (names !== undefined && !changed.has(prototype)) {
    changed.add(prototype);
    change(prototype, names);
  }
}

const changed = new primordials.SafeSet();

function apply() {
  const scripts = ObjectKeys(EXPORTED);
  for (let i = 0; i < scripts.length; i++) {
    const classes = EXPORTED[scripts[i]];
    core.whenLoaded(scripts[i], (exports) => {
      const names = ObjectKeys(classes);
      for (let j = 0; j < names.length; j++) change(exports[names[j]].prototype, classes[names[j]]);
    });
  }
  core.whenLoaded("ext:selvedge/fetch/fetch.js", (exports) => {
    exports.fetch = throwing(exports.fetch);
  });
  core.whenLoaded("ext:selvedge/crypto.js", ({ crypto }) => changeClassOf(crypto.subtle));
  core.whenLoaded("ext:selvedge_cache/cache.js", (exports) => {
    const { bind } = exports;
    exports.bind = (rid, name) => {
      const object = bind(rid, name);
      changeClassOf(object);
      changeClassOf(object.default);
      return object;
    };
  });
  core.whenLoaded("ext:selvedge_durable/storage.js", (exports) => {
    const { openStorage } = exports;
    exports.openStorage = (actor) => {
      const opened = openStorage(actor);
      changeClassOf(opened?.api);
      return opened;
    };
  });
  change(internals.selvedge.timers.scheduler, ["wait"]);
  const env = internals.env();
  const keys = ObjectKeys(env);
  for (let i = 0; i < keys.length; i++) changeClassOf(env[keys[i]]);
}

return { apply, throwing };
})();
