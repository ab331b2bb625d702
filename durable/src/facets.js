// `ctx.facets`: objects within an object, each with storage of its own
// (https://developers.cloudflare.com/dynamic-workers/usage/durable-object-facets/).
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  op_do_facet_close,
  op_do_facet_copy,
  op_do_facet_delete,
  op_do_facet_end,
  op_do_facet_free,
  op_do_facet_lives,
  op_do_facet_start,
} = core.ops;
const {
  Error,
  MapPrototypeDelete,
  MapPrototypeForEach,
  MapPrototypeGet,
  MapPrototypeSet,
  ObjectDefineProperty,
  PromisePrototypeThen,
  PromiseReject,
  SafeMap,
  String,
  SymbolToStringTag,
  TypedArrayPrototypeGetByteLength,
  TypeError,
} = primordials;
const { getAsyncContext, setAsyncContext } = core;
const { io: contexts, request: requests } = internals.selvedge;
const { makeService, newFetcher } = core.loadExtScript("ext:selvedge/rpc.js");
const { later } = core.loadExtScript("ext:selvedge/rpc/later.js");
const classes = core.loadExtScript("ext:selvedge/durable_object_class.js");
const { breakActor, endHome, flagged, newHome, overOf } = core.loadExtScript("ext:selvedge_durable/actor.js");
const { again, tunnelled } = core.loadExtScript("ext:selvedge_durable/errors.js");
const { fetchObject, idParts, ownClass } = core.loadExtScript("ext:selvedge_durable/namespace.js");
const { connectTo } = core.loadExtScript("ext:selvedge_durable/rpc.js");

const internal = { __proto__: null };

/** Objects within each other, with the one that is nobody's facet. */
const MAX_DEPTH = 4;
const MAX_NAME_BYTES = 256;

const NOT_A_CLASS = "Incorrect type for the 'class' field on 'StartupOptions': the provided value is not of type " +
  "'DurableObjectClass or LoopbackDurableObjectNamespace or LoopbackColoLocalActorNamespace'.";
const NOT_TRANSFERABLE = "Stubs pointing to Durable Object facets are not serializable.";

function missing(method, position, type) {
  return new TypeError(
    `Failed to execute '${method}' on 'DurableObjectFacets': parameter ${position} is not of type '${type}'.`,
  );
}

/** One time of a facet: from the first call of it until it is over. */
class Facet {
  actor;
  name;
  #callback;
  /** Why it is over, if it is; what calls of its stubs learn. */
  broken = null;
  /** What its calls go to, once it is known. */
  target = null;
  /** What keeps it from being over: a number of the host's. */
  #owner = -1;
  #starting = null;
  /** Where it is, once its class is known and until it is over. */
  home = null;

  constructor(actor, name, callback) {
    this.actor = actor;
    this.name = name;
    this.#callback = callback;
  }

  /** `null` when it can be called, or a promise that settles then. */
  start() {
    contexts.checkOwner(this.actor.io);
    this.look();
    if (this.broken !== null) throw again(this.broken);
    if (this.target !== null) return null;
    return this.#starting ??= this.#begin();
  }

  async #begin() {
    const callback = this.#callback;
    const options = await callback();
    if (typeof options !== "object" || options === null) {
      throw new TypeError("Incorrect type for Promise: the Promise did not resolve to 'StartupOptions'.");
    }
    const parts = classes.partsOf(options.class) ?? ownClass(options.class);
    if (parts === undefined) throw new TypeError(NOT_A_CLASS);
    const id = partsOfId(options.id === undefined ? this.actor.id : options.id);
    await parts.ready(this.actor.io);
    this.#check();
    const { home, hex } = this.#take(parts, id);
    await op_do_facet_free(home.rid);
    this.#check();
    this.target = { __proto__: null, home, hex, id: home.facet.id, name: undefined, jurisdiction: undefined };
  }

  #take(parts, id) {
    const { actor, name } = this;
    const way = parts.way === null ? null : parts.way();
    try {
      const { className, props } = parts;
      const started = op_do_facet_start({ parent: actor.home.rid, hex: actor.hex, name, class: className, props, way, id });
      this.#owner = started[1];
      this.home = newHome(started[0]);
      return { __proto__: null, home: this.home, hex: started[2] };
    } finally {
      if (way !== null) core.tryClose(way);
    }
  }

  /** It may have ended while something was waited for. */
  #check() {
    if (this.broken !== null) throw again(this.broken);
    if (this.actor.broken !== null) throw again(this.actor.broken);
  }

  /** Takes note of it if it failed by itself. */
  look() {
    if (this.home === null) return;
    const error = this.broken ?? overOf(this.home);
    if (error !== null) this.#forget(error);
  }

  /** Whether it, or a socket of it, is in memory. */
  lives() {
    return this.home !== null && this.target !== null && op_do_facet_lives(this.home.rid, this.target.hex);
  }

  /** Ends it. */
  end(error) {
    this.look();
    if (this.broken !== null) return;
    if (this.home !== null) {
      const { name, message } = textsOf(error);
      op_do_facet_end(this.home.rid, name, message, false);
    }
    this.#forget(error);
  }

  #forget(error) {
    this.broken = error;
    const { home } = this;
    if (home === null) return;
    this.home = null;
    endHome(home, error);
    op_do_facet_close(home.rid);
    core.tryClose(this.#owner);
  }
}

function textsOf(error) {
  const copy = tunnelled(error);
  const isError = typeof copy === "object" && copy !== null;
  return {
    __proto__: null,
    name: isError ? String(copy.name) : "Error",
    message: isError ? String(copy.message) : String(copy),
  };
}

/** What the host is told of an id. */
function partsOfId(id) {
  const known = idParts(id);
  if (known === undefined) return { text: String(id), isObject: false, name: null, jurisdiction: null };
  return { text: known.hex, isObject: true, name: known.name ?? null, jurisdiction: known.jurisdiction ?? null };
}

/** What calls a facet, and begins it with the first call. */
function stub(facet) {
  const fetch = {
    fetch(input, init = undefined) {
      try {
        if (arguments.length === 0) {
          throw new TypeError("Failed to execute 'fetch' on 'Fetcher': parameter 1 is not of type 'Request or string'.");
        }
        const io = contexts.requiredOpen();
        const request = new requests.Request(input, init);
        const waited = facet.start();
        if (waited === null) return fetchObject(io, facet.target, facet, request);
        return PromisePrototypeThen(waited, () => fetchObject(io, facet.target, facet, request));
      } catch (error) {
        return PromiseReject(error);
      }
    },
  }.fetch;
  const socket = {
    connect(address, options = undefined) {
      const { connectObject } = core.loadExtScript("ext:selvedge_durable/connections.js");
      return connectObject(facet.target, facet, () => facet.start(), address, options);
    },
  }.connect;
  const connect = (io) => {
    const waited = facet.start();
    if (waited === null) return connectTo(io, facet.target, facet);
    return later(io, waited, () => connectTo(io, facet.target, facet), facet);
  };
  const within = { __proto__: null, refusal: NOT_TRANSFERABLE };
  return makeService(newFetcher(), { __proto__: null, fetch, connect: socket }, connect, null, "Fetcher", undefined, within);
}

/** The facets of an object in memory. */
class Facets {
  actor;
  known = new SafeMap();
  /** Settles when what was deleted and copied is done. */
  work = null;

  constructor(actor) {
    this.actor = actor;
  }

  /** The facet of this name, begun anew where it is over. */
  get(name, callback) {
    let facet = MapPrototypeGet(this.known, name);
    facet?.look();
    if (facet === undefined || facet.broken !== null) {
      facet = new Facet(this.actor, name, callback);
      MapPrototypeSet(this.known, name, facet);
    }
    return facet;
  }

  end(name, error) {
    const facet = MapPrototypeGet(this.known, name);
    if (facet === undefined) return;
    MapPrototypeDelete(this.known, name);
    facet.end(error);
  }

  endAll(error) {
    MapPrototypeForEach(this.known, (facet) => facet.end(error));
    this.known = new SafeMap();
  }

  /** What leaves the object waits for this. */
  waitFor(done) {
    const before = getAsyncContext();
    setAsyncContext(undefined);
    const both = this.work === null ? done : PromisePrototypeThen(this.work, () => done);
    const work = PromisePrototypeThen(both, () => {
      if (this.work === work) this.work = null;
    }, (error) => {
      breakActor(this.actor, flagged(error, "durableObjectReset"));
      throw error;
    });
    PromisePrototypeThen(work, undefined, () => {});
    this.work = work;
    setAsyncContext(before);
  }

  /** Whether one of them is in memory. */
  live() {
    let lives = false;
    MapPrototypeForEach(this.known, (facet) => {
      lives ||= facet.lives();
    });
    return lives;
  }
}

function facetsOf(actor) {
  return actor.facets ??= new Facets(actor);
}

/** `deleteAll()` takes the facets along. */
function deleteAll(actor) {
  const facets = facetsOf(actor);
  facets.endAll(new Error("Facet was deleted."));
  facets.waitFor(op_do_facet_delete(actor.home.rid, actor.hex, null));
}

class DurableObjectFacets {
  #actor;

  constructor(marker, actor) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
    this.#actor = actor;
  }

  get(name, callback) {
    const actor = this.#actor;
    if (arguments.length === 0) throw missing("get", 1, "string");
    const known = checkedName(name);
    if (typeof callback !== "function") throw missing("get", 2, "function");
    if (depthOf(actor) + 1 >= MAX_DEPTH) {
      throw new Error(`Facet nesting depth limit exceeded. The maximum depth including the root Durable Object is ${MAX_DEPTH}.`);
    }
    if (actor.broken !== null) throw again(actor.broken);
    return stub(facetsOf(actor).get(known, () => callback()));
  }

  abort(name, reason) {
    if (arguments.length === 0) throw missing("abort", 1, "string");
    if (arguments.length === 1) throw missing("abort", 2, "Value");
    facetsOf(this.#actor).end(checkedName(name), reason);
  }

  delete(name) {
    if (arguments.length === 0) throw missing("delete", 1, "string");
    const actor = this.#actor;
    const known = checkedName(name);
    const facets = facetsOf(actor);
    facets.end(known, new Error("Facet was deleted."));
    facets.waitFor(op_do_facet_delete(actor.home.rid, actor.hex, known));
  }

  clone(from, to) {
    if (arguments.length === 0) throw missing("clone", 1, "string");
    if (arguments.length === 1) throw missing("clone", 2, "string");
    const actor = this.#actor;
    const source = checkedName(from);
    const target = checkedName(to);
    if (source === target) return;
    const facets = facetsOf(actor);
    facets.end(target, new Error("Facet was cloned-over."));
    facets.waitFor(op_do_facet_copy(actor.home.rid, actor.hex, source, target));
  }
}

function checkedName(name) {
  const text = String(name);
  if (text === "") throw new TypeError("Facet name cannot be empty.");
  if (TypedArrayPrototypeGetByteLength(core.encode(text)) > MAX_NAME_BYTES) {
    throw new TypeError(`Facet name is too long (max ${MAX_NAME_BYTES} characters).`);
  }
  return text;
}

function depthOf(actor) {
  return actor.home.facet === null ? 0 : actor.home.facet.depth;
}

ObjectDefineProperty(DurableObjectFacets.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "DurableObjectFacets",
  configurable: true,
});

function makeFacets(actor) {
  return new DurableObjectFacets(internal, actor);
}

return { deleteAll, makeFacets };
})();
