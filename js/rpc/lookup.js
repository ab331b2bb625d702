// Which properties of an object remote callers reach: own ones of plain objects
// and functions, those of the class of anything else, never those that every
// object has
// (https://developers.cloudflare.com/workers/runtime-apis/rpc/visibility/).
(function () {
const { internals, primordials } = __bootstrap;
const {
  ObjectGetPrototypeOf,
  ObjectHasOwn,
  ObjectPrototype,
  TypeError,
} = primordials;
const RpcTargetPrototype = internals.selvedge.entrypoints.RpcTarget.prototype;
const rpc = internals.rpc;

/** Names that mean something else, on everything and on entrypoints. */
const RESERVED = { __proto__: null, constructor: 1, dup: 1 };
const ENTRYPOINT_RESERVED = {
  __proto__: null,
  alarm: 1,
  connect: 1,
  constructor: 1,
  dup: 1,
  fetch: 1,
  webSocketClose: 1,
  webSocketError: 1,
  webSocketMessage: 1,
};

function missing(name) {
  return new TypeError(`The RPC receiver does not implement the method "${name}".`);
}

function property(object, name, isOpen, reserved) {
  if (reserved[name] === 1) {
    throw new TypeError(`'${name}' is a reserved method and cannot be called over RPC.`);
  }
  if (isOpen) {
    if (!ObjectHasOwn(object, name)) throw missing(name);
    return object[name];
  }
  if (ObjectHasOwn(object, name)) throw missing(name);
  const value = object[name];
  if (value === ObjectPrototype[name]) throw missing(name);
  return value;
}

function isTarget(object) {
  for (let at = ObjectGetPrototypeOf(object); at !== null; at = ObjectGetPrototypeOf(at)) {
    if (at === RpcTargetPrototype) return true;
  }
  return false;
}

/**
 * What a path of names leads to from `scope.object`, and the object that has it.
 * `scope.isOpen`: own properties are reached, and no others.
 */
function lookup(scope, path) {
  let { object, isOpen } = scope;
  const reserved = scope.isEntrypoint ? ENTRYPOINT_RESERVED : RESERVED;
  if (path.length === 0) return { __proto__: null, value: object, self: object };
  let inStub = false;
  for (let i = 0; i < path.length - 1; i++) {
    const name = path[i];
    const next = property(object, name, isOpen, reserved);
    if ((typeof next !== "object" || next === null) && typeof next !== "function") throw missing(name);
    object = next;
    const stub = rpc.kindOf(object);
    if (stub === "stub" || stub === "service" || inStub && stub === "property") {
      isOpen = false;
      inStub = true;
    } else if (stub !== undefined) {
      throw missing(name);
    } else if (ObjectGetPrototypeOf(object) === ObjectPrototype) {
      isOpen = true;
    } else if (isTarget(object)) {
      isOpen = false;
    } else if (typeof object === "function") {
      isOpen = true;
    } else {
      throw missing(name);
    }
  }
  return { __proto__: null, value: property(object, path[path.length - 1], isOpen, reserved), self: object };
}

/** What a stub may wrap, and as what; `undefined` if it may not. */
function wrappable(object) {
  if (ObjectGetPrototypeOf(object) === ObjectPrototype) return "plain";
  if (isTarget(object)) return "target";
  return typeof object === "function" ? "function" : undefined;
}

rpc.wrappable = wrappable;

return { lookup };
})();
