// `ctx.exports`: bindings to the Worker's own entrypoints, which need no
// configuration (https://developers.cloudflare.com/workers/runtime-apis/context/#exports).
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_service_open } = core.ops;
const {
  JSONStringify,
  ObjectDefineProperty,
  ObjectSetPrototypeOf,
  PromisePrototypeThen,
  PromiseReject,
  Proxy,
  ReflectGet,
  ReflectGetOwnPropertyDescriptor,
  ReflectHas,
  ReflectOwnKeys,
  SymbolToStringTag,
  TypeError,
} = primordials;
const { fetchService } = core.loadExtScript("ext:selvedge/fetch/fetch.js");
const { connectHere, makeService, ServiceStub } = core.loadExtScript("ext:selvedge/rpc.js");
const { notCloneable } = core.loadExtScript("ext:selvedge/rpc/errors.js");
const { decode, release } = core.loadExtScript("ext:selvedge/rpc/messages.js");
const { encode } = core.loadExtScript("ext:selvedge/rpc/values.js");
const { makeLoopback } = core.loadExtScript("ext:selvedge/durable_object_class.js");
const { entrypoints } = internals.selvedge;
const { methodsOf, missingInput } = core.loadExtScript("ext:selvedge/service.js");

const internal = { __proto__: null };

class LoopbackServiceStub {
  constructor(marker) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
  }
}
ObjectDefineProperty(LoopbackServiceStub.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "LoopbackServiceStub",
  configurable: true,
});
ObjectSetPrototypeOf(LoopbackServiceStub.prototype, ServiceStub.prototype);

/** A function without properties that is an instance of the class. */
function callable() {
  const target = () => {};
  delete target.name;
  delete target.length;
  return ObjectSetPrototypeOf(target, LoopbackServiceStub.prototype);
}

/** An entrypoint with these `ctx.props`. */
function stub(name, props, canSpecialize) {
  const entrypoint = name === "default" ? undefined : name;
  const methods = methodsOf(undefined);
  methods.fetch = {
    fetch(input, init = undefined) {
      if (arguments.length === 0) return PromiseReject(missingInput());
      const text = props === undefined ? null : JSONStringify(props);
      const rid = op_service_open({ service: "", entrypoint: entrypoint ?? null, props: text });
      const done = () => core.tryClose(rid);
      const answer = fetchService(rid, input, init);
      PromisePrototypeThen(answer, done, done);
      return answer;
    },
  }.fetch;
  methods.connect = {
    connect(address, options = undefined) {
      return core.loadExtScript("ext:selvedge/sockets/workers.js").connectOver(way, null, address, options);
    },
  }.connect;
  if (canSpecialize) {
    methods.__call = (args) => {
      const options = args[0];
      if (typeof options !== "object" || options === null) {
        throw new TypeError(
          "Failed to execute '(called as function)' on 'LoopbackServiceStub': parameter 1 is not of type 'Options'.",
        );
      }
      return stub(name, copied(options.props), false);
    };
  }
  // Each session gets props of its own.
  const connect = (io) => connectHere(entrypoint, props === undefined ? undefined : copied(props))(io);
  const way = () => {
    const text = props === undefined ? null : JSONStringify(props);
    return op_service_open({ service: "", entrypoint: entrypoint ?? null, props: text });
  };
  return makeService(callable(), methods, connect, null, "LoopbackServiceStub", undefined, { __proto__: null, way });
}

/** A copy of props, which are plain data. */
function copied(props) {
  if (props === undefined) return undefined;
  if (typeof props === "function") throw notCloneable(`${props} could not be cloned.`);
  const message = encode(props, null, true);
  const { externals } = message;
  for (let i = 0; externals !== null && i < externals.length; i++) {
    if (externals[i].kind !== "error" && externals[i].kind !== "headers") {
      release(message);
      throw notCloneable("The props of an entrypoint are plain data: nothing in them goes by reference.");
    }
  }
  return decode(message, null, null);
}

let all = null;

/** `object[key] = value`, whatever a Worker made of `Object.prototype`. */
function put(object, key, value) {
  ObjectDefineProperty(object, key, {
    __proto__: null,
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

/** The object that `ctx.exports` is: the default export, entrypoints, classes of objects, by name. */
function exportsObject() {
  if (all !== null) return all;
  all = {};
  const { hidden } = internals.shared;
  for (let i = 0; i < hidden.length; i++) core.loadExtScript(hidden[i][0]).bind(hidden[i][1], "");
  const namespaces = { __proto__: null };
  const bound = internals.objectNamespaces?.() ?? [];
  for (let i = 0; i < bound.length; i += 2) namespaces[bound[i]] = bound[i + 1];
  const names = entrypoints.exportNames();
  for (let i = 0; i < names.length; i++) {
    if (entrypoints.isEntrypoint(names[i])) put(all, names[i], stub(names[i], undefined, true));
  }
  // Durable Objects, of classes that are bound or declared; others are for facets.
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (namespaces[name] !== undefined) put(all, name, namespaces[name]);
    else if (entrypoints.isObjectClass(name)) put(all, name, makeLoopback(name, copied));
  }
  return all;
}

/** `exports` of `cloudflare:workers`: the same, but it is there before the Worker's exports are. */
function moduleExports() {
  return new Proxy({}, {
    __proto__: null,
    get: (_, key) => ReflectGet(exportsObject(), key),
    has: (_, key) => ReflectHas(exportsObject(), key),
    ownKeys: () => ReflectOwnKeys(exportsObject()),
    getOwnPropertyDescriptor: (_, key) => ReflectGetOwnPropertyDescriptor(exportsObject(), key),
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
  });
}

return { exportsObject, moduleExports };
})();
