// The objects through which a Worker calls others: `RpcStub`, the promise of a
// call, a property that was not asked for yet, and service bindings. Every name
// on one is a method or property of the other side
// (https://developers.cloudflare.com/workers/runtime-apis/rpc/).
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ArrayPrototypePush,
  ArrayPrototypeUnshift,
  Error,
  FunctionPrototypeCall,
  ObjectDefineProperty,
  ObjectKeys,
  ObjectSetPrototypeOf,
  PromisePrototypeCatch,
  PromisePrototypeFinally,
  PromisePrototypeThen,
  PromiseReject,
  Proxy,
  ReflectDefineProperty,
  ReflectDeleteProperty,
  ReflectGetOwnPropertyDescriptor,
  ReflectOwnKeys,
  ReflectSet,
  SetPrototypeAdd,
  SetPrototypeDelete,
  SymbolDispose,
  SymbolToStringTag,
  TypeError,
} = primordials;
const { isOff } = internals;
const { io: contexts } = internals.selvedge;
const { notCloneable, PROMISE_DISPOSED, STUB_DISPOSED, unsupported } = core.loadExtScript("ext:selvedge/rpc/errors.js");
// Fills in what the others leave to it.
const rpc = internals.rpc;
const { decode, External } = core.loadExtScript("ext:selvedge/rpc/messages.js");
const { encodeArgs } = core.loadExtScript("ext:selvedge/rpc/values.js");
const { Forwarded, LocalAnswer, stateOf: contextState, Target } = core.loadExtScript(
  "ext:selvedge/rpc/capabilities.js",
);

/** Properties that may follow one another before something is called. */
const MAX_DEPTH = 64;

// ----- What is behind each of the objects. -----

/** Hangs a state on an object in a way that nobody else can see or fake. */
class Stamp {
  constructor(object) {
    return object;
  }
}

let stateOf;

class Stamped extends Stamp {
  #state;

  constructor(object, state) {
    super(object);
    this.#state = state;
  }

  static {
    stateOf = (value) =>
      (typeof value === "object" && value !== null || typeof value === "function") && #state in value
        ? value.#state
        : undefined;
  }
}

/** The traps of the proxies, and what all of them have. */
class State {
  kind;
  /** What a Worker set on the object itself. */
  own = null;

  get(target, key) {
    if (this.own !== null && key in this.own) return this.own[key];
    if (typeof key === "symbol" || key in target) return target[key];
    // Whoever resolves a promise with it asks whether it is one.
    if (key === "then") return undefined;
    return this.property(key);
  }

  property(name) {
    return propertyOf(this, name, 0);
  }

  has(target, key) {
    return typeof key === "string" || key in target;
  }

  set(_target, key, value) {
    this.own ??= { __proto__: null };
    this.own[key] = value;
    return true;
  }

  defineProperty(_target, key, descriptor) {
    this.own ??= { __proto__: null };
    this.own[key] = descriptor.value;
    return descriptor.configurable === true;
  }

  deleteProperty(_target, key) {
    if (this.own !== null) delete this.own[key];
    return true;
  }

  ownKeys() {
    return this.own === null ? [] : ObjectKeys(this.own);
  }

  getOwnPropertyDescriptor(_target, key) {
    if (this.own === null || !(key in this.own)) return undefined;
    return { __proto__: null, value: this.own[key], writable: true, enumerable: true, configurable: true };
  }

  setPrototypeOf() {
    return false;
  }

  preventExtensions() {
    return false;
  }

  apply(_target, _self, args) {
    return call(this, [], args);
  }
}

// What looks for a trap must not find a Worker's.
ObjectSetPrototypeOf(State.prototype, null);

/** A function without properties, whose methods are those of a class. */
function callableOf(Class) {
  const target = () => {};
  delete target.name;
  delete target.length;
  ObjectSetPrototypeOf(target, Class.prototype);
  return target;
}

function proxied(target, state) {
  const proxy = new Proxy(target, state);
  new Stamped(proxy, state);
  return proxy;
}

// ----- Calls. -----

/**
 * Calls what is at the end of `path` from the root of `state`; without `args`,
 * reads it. Gives the answer; it never throws.
 */
function start(state, path, args) {
  let answer = null;
  try {
    const io = contexts.requiredOpen();
    const cap = state.connect(io);
    try {
      const message = args === null ? null : encodeArgs(args, io, rpc.dupParams());
      answer = new LocalAnswer(io);
      answer.bond = cap.bond;
      if (io.gate === null || io.canRelease()) {
        cap.send(path, message, answer);
      } else {
        // The output gate: a call leaves when what was written is on disk.
        cap.addRef();
        io.release(() => {
          cap.send(path, message, answer);
          cap.release();
        });
      }
    } finally {
      cap.release();
    }
  } catch (error) {
    return { __proto__: null, answer: null, promise: PromiseReject(error), error };
  }
  return { __proto__: null, answer, promise: answer.promise, error: undefined };
}

/** The root of a chain of properties, and the names from there. */
function resolve(state) {
  const path = [];
  while (state.kind === "property") {
    ArrayPrototypeUnshift(path, state.name);
    state = state.parent;
  }
  return { __proto__: null, root: state, path };
}

function call(state, path, args) {
  const from = state.kind === "property" ? resolve(state) : { __proto__: null, root: state, path };
  return makePromise(start(from.root, from.path, args));
}

function read(state) {
  const { root, path } = resolve(state);
  return start(root, path, null).promise;
}

// ----- RpcStub. -----

class RpcStub {
  constructor(object) {
    if (typeof object !== "object" && typeof object !== "function" || object === null) {
      throw new TypeError("Failed to construct 'JsRpcStub': constructor parameter 1 is not of type 'Object'.");
    }
    const io = contexts.requiredOpen();
    const inner = stateOf(object);
    const kind = inner === undefined ? rpc.wrappable(object) : undefined;
    if (kind === undefined) {
      throw new TypeError("RpcStubs can only wrap plain objects, functions, and RpcTarget derivatives.");
    }
    return makeStub(rpc.exportObject(io, object, kind), io, null);
  }

  dup() {
    const state = needed(this, "stub");
    contexts.checkOwner(state.io);
    return makeStub(state.open().addRef(), state.io, null);
  }

  [SymbolDispose]() {
    needed(this, "stub").dispose();
  }
}

function needed(value, kind) {
  const state = stateOf(value);
  if (state === undefined || state.kind !== kind) throw new TypeError("Illegal invocation");
  return state;
}

class StubState extends State {
  cap;
  io;
  group;

  constructor(cap, io, group) {
    super();
    this.kind = "stub";
    this.cap = cap;
    this.io = io;
    this.group = group;
  }

  open() {
    if (this.cap === null) throw new Error(STUB_DISPOSED);
    return this.cap;
  }

  /** A reference for one call. */
  connect(io) {
    if (io !== this.io) contexts.checkOwner(this.io);
    return this.open().addRef();
  }

  dispose() {
    const { cap, io } = this;
    if (cap === null) return;
    this.cap = null;
    cap.release();
    const state = contextState(io);
    SetPrototypeDelete(state.stubs, this);
    state.settle();
  }
}

const stubTarget = callableOf(RpcStub);

/** A stub of the context `io`; it takes the reference over. */
function makeStub(cap, io, group) {
  const state = new StubState(cap, io, group);
  SetPrototypeAdd(contextState(io).stubs, state);
  if (group !== null) ArrayPrototypePush(group.stubs, state);
  return proxied(stubTarget, state);
}

/** The stubs that came with the arguments or the result of one call. */
class Group {
  stubs = [];
  /** Of a result that has a disposer on the other side. */
  answer = null;

  dispose() {
    const { stubs, answer } = this;
    this.stubs = [];
    this.answer = null;
    for (let i = 0; i < stubs.length; i++) stubs[i].dispose();
    if (answer !== null) answer.drop();
  }
}

/** What a call gives its caller, with a disposer for all that came with it. */
function receiveResult(answer, message, hasDisposer) {
  const group = new Group();
  const value = decode(message, answer.io, group);
  if ((typeof value !== "object" || value === null) && typeof value !== "function") {
    answer.drop();
    return value;
  }
  const state = stateOf(value);
  if (state !== undefined && state.kind !== "service") {
    answer.drop();
    return value;
  }
  if (hasDisposer) group.answer = answer;
  else answer.drop();
  ObjectDefineProperty(value, SymbolDispose, {
    __proto__: null,
    value: () => group.dispose(),
    writable: true,
    enumerable: false,
    configurable: true,
  });
  return value;
}

// ----- RpcPromise. -----

const internal = { __proto__: null };

class RpcPromise {
  constructor(marker) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
  }

  then(onFulfilled = undefined, onRejected = undefined) {
    return PromisePrototypeThen(needed(this, "promise").promise, onFulfilled, onRejected);
  }

  catch(onRejected = undefined) {
    return PromisePrototypeCatch(needed(this, "promise").promise, onRejected);
  }

  finally(onFinally = undefined) {
    return PromisePrototypeFinally(needed(this, "promise").promise, onFinally);
  }

  [SymbolDispose]() {
    needed(this, "promise").dispose();
  }
}

class PromiseState extends State {
  promise;
  answer;
  #error;
  #result = undefined;
  /** 0: the result is to come; 1: it is there; 2: it was disposed. */
  #stage = 0;

  constructor(started) {
    super();
    this.kind = "promise";
    this.promise = started.promise;
    this.answer = started.answer;
    this.#error = started.error;
    if (this.answer === null) return;
    this.answer.onResult = (value) => {
      if (this.#stage === 0) {
        this.#stage = 1;
        this.#result = value;
      } else {
        disposeValue(value);
      }
    };
  }

  property(name) {
    // A chain that goes on tells of its failure at its end.
    PromisePrototypeThen(this.promise, undefined, () => {});
    return propertyOf(this, name, 0);
  }

  connect(io) {
    if (this.answer === null) throw this.#error;
    if (io !== this.answer.io) contexts.checkOwner(this.answer.io);
    PromisePrototypeThen(this.promise, undefined, () => {});
    switch (this.#stage) {
      case 0:
        return { __proto__: null, bond: null, addRef() {}, release() {}, send: (path, args, to) => this.answer.send(path, args, to) };
      case 1: {
        const result = this.#result;
        const stub = stateOf(result);
        if (stub !== undefined) return stub.connect(io);
        if (typeof result !== "object" || result === null) {
          throw new TypeError("Can't pipeline on RPC that did not return an object.");
        }
        return new Target(io, result, "plain");
      }
      default:
        throw new Error(PROMISE_DISPOSED);
    }
  }

  dispose() {
    if (this.#stage === 1) disposeValue(this.#result);
    this.#stage = 2;
    this.#result = undefined;
  }
}

function disposeValue(value) {
  if ((typeof value !== "object" || value === null) && typeof value !== "function") return;
  const dispose = value[SymbolDispose];
  if (typeof dispose === "function") FunctionPrototypeCall(dispose, value);
}

const promiseTarget = callableOf(RpcPromise);

function makePromise(started) {
  return proxied(promiseTarget, new PromiseState(started));
}

// ----- RpcProperty. -----

class RpcProperty {
  constructor(marker) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
  }

  then(onFulfilled = undefined, onRejected = undefined) {
    return PromisePrototypeThen(read(needed(this, "property")), onFulfilled, onRejected);
  }

  catch(onRejected = undefined) {
    return PromisePrototypeCatch(read(needed(this, "property")), onRejected);
  }

  finally(onFinally = undefined) {
    return PromisePrototypeFinally(read(needed(this, "property")), onFinally);
  }
}

class PropertyState extends State {
  parent;
  name;
  depth;

  constructor(parent, name, depth) {
    super();
    this.kind = "property";
    this.parent = parent;
    this.name = name;
    this.depth = depth;
  }

  property(name) {
    return propertyOf(this, name, this.depth + 1);
  }
}

const propertyTarget = callableOf(RpcProperty);

function propertyOf(parent, name, depth) {
  if (depth > MAX_DEPTH) {
    throw new TypeError(`RPC pipelined property path is too deep (max ${MAX_DEPTH}).`);
  }
  return proxied(propertyTarget, new PropertyState(parent, name, depth));
}

// ----- Objects that are no stubs but have methods of the other side. -----

/** The prototype of service bindings and of all that is like them. */
class Fetcher {
  constructor(marker) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
  }
}

/** The names that a Worker without remote calls was told of. */
const told = { __proto__: null };

/** Tells a Worker of an old date that a name is no remote method here, once for each. */
function warnOf(name) {
  if (told[name] === true) return;
  told[name] = true;
  globalThis.console.warn(
    `Tried to access method or property '${name}' on a Service Binding or Durable Object stub. Are you trying to use ` +
      "RPC? If so, please enable the 'rpc' compat flag or update your compat date to 2024-04-03 or later (see " +
      "https://developers.cloudflare.com/workers/configuration/compatibility-dates/ ). If you are not trying to use " +
      "RPC, please note that in the future, this property (and all other property names) will appear to be present as " +
      "an RPC method.",
  );
}

/** A binding: `methods` are those that are no remote ones. */
class ServiceState extends State {
  methods;
  /** Gives a reference for one call of a context. */
  connect;
  /** What it is where it is sent on; `null`: it cannot be. */
  target;
  /** The name of its class. */
  className;
  /** Whether other names are methods of the other side. */
  isOpen;
  /** Of one without a target: the way there, for who makes a Worker, or why it is refused. */
  within;
  /** What it is made of, if it is a class of Durable Objects. */
  objectClass = undefined;

  constructor(methods, connect, target, className, isOpen, within) {
    super();
    this.kind = "service";
    this.methods = methods;
    this.connect = connect;
    this.target = target;
    this.className = className;
    this.isOpen = isOpen;
    this.within = within;
  }

  get(target, key) {
    const method = typeof key === "string" && key !== "__call" ? this.methods[key] : undefined;
    if (method !== undefined) return method;
    if (!this.isOpen && !(key in target)) {
      if (typeof key === "string" && isOff("rpc")) warnOf(key);
      return undefined;
    }
    return super.get(target, key);
  }

  has(target, key) {
    if (typeof key !== "string" || this.isOpen) return super.has(target, key);
    return key in target || key !== "__call" && this.methods[key] !== undefined;
  }

  set(target, key, value) {
    return ReflectSet(target, key, value);
  }

  defineProperty(target, key, descriptor) {
    return ReflectDefineProperty(target, key, descriptor);
  }

  deleteProperty(target, key) {
    return ReflectDeleteProperty(target, key);
  }

  ownKeys(target) {
    return ReflectOwnKeys(target);
  }

  getOwnPropertyDescriptor(target, key) {
    return ReflectGetOwnPropertyDescriptor(target, key);
  }

  apply(_target, _self, args) {
    if (this.methods.__call !== undefined) return this.methods.__call(args);
    throw new TypeError("The binding is not a function.");
  }
}

/** A binding's object: an instance of `object`'s class with methods of the other side. */
function makeService(object, methods, connect, target = null, className = "Fetcher", isOpen = !isOff("rpc"), within = null) {
  if (isOff("fetcher_no_get_put_delete") || isOff("capture_async_api_throws")) {
    core.loadExtScript("ext:selvedge/legacy/fetcher.js").makeOlder(methods);
  }
  return proxied(object, new ServiceState(methods, connect, target, className, isOpen, within));
}

function newFetcher() {
  return new Fetcher(internal);
}

/** A stub or binding on its way in a message. */
function encodeStub(encoder, state, _value) {
  switch (state.kind) {
    case "stub": {
      contexts.checkOwner(state.io);
      const cap = new Forwarded(encoder.io, state.open().addRef());
      if (encoder.given !== null) ArrayPrototypePush(encoder.given, state);
      return new External("stub", cap, null);
    }
    case "promise":
      throw unsupported(null, "RpcPromise");
    case "property":
      throw unsupported(null, "RpcProperty");
    default:
      if (state.target !== null) return new External("service", null, state.target);
      if (state.within !== null && state.within.refusal !== undefined) throw notCloneable(state.within.refusal);
      if (state.within === null || !encoder.isEnv) throw unsupported(null, state.className);
      return new External("service", null, state.within);
  }
}

const named = [[RpcStub, "JsRpcStub"], [RpcPromise, "JsRpcPromise"], [RpcProperty, "JsRpcProperty"], [
  Fetcher,
  "Fetcher",
]];
for (let i = 0; i < named.length; i++) {
  ObjectDefineProperty(named[i][0].prototype, SymbolToStringTag, {
    __proto__: null,
    value: named[i][1],
    configurable: true,
  });
}

rpc.stateOf = stateOf;
rpc.kindOf = (value) => stateOf(value)?.kind;
/** The way that a binding or stub leads: a number that must be closed; `undefined`: it is none. */
rpc.wayOf = (value) => {
  const state = stateOf(value);
  if (state === undefined || state.kind !== "service") return undefined;
  return (state.target ?? state.within)?.way?.();
};
rpc.makeStub = makeStub;
rpc.encodeStub = encodeStub;
rpc.receiveResult = receiveResult;
rpc.Group = Group;

return { makeService, newFetcher, RpcPromise, RpcProperty, RpcStub, ServiceStub: Fetcher };
})();
