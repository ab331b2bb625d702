// A namespace of Durable Objects in `env`, the ids of its objects, and the
// stubs that call them
// (https://developers.cloudflare.com/durable-objects/api/namespace/).
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  op_do_alarm_done,
  op_do_call,
  op_do_class,
  op_do_id_check,
  op_do_id_jurisdiction,
  op_do_id_named,
  op_do_id_unique,
  op_do_is_own,
  op_do_namespace,
  op_request_cf,
  op_rpc_depth,
} = core.ops;
const {
  JSONParse,
  ArrayPrototypePush,
  Error,
  ObjectDefineProperty,
  PromisePrototypeThen,
  PromiseReject,
  RangeError,
  String,
  RegExpPrototypeExec,
  SafeRegExp,
  SymbolToStringTag,
  TypeError,
} = primordials;
const { bodies, headers, io: contexts, request: requests, response: responses } = internals.selvedge;
const { call, FETCH, find, homeOf } = core.loadExtScript("ext:selvedge_durable/actor.js");
const { newFetcher } = core.loadExtScript("ext:selvedge/rpc.js");
const { objectCapability, remoteStub } = core.loadExtScript("ext:selvedge_durable/rpc.js");
const { failureResponse, packed, sendElsewhere, way } = core.loadExtScript("ext:selvedge_durable/elsewhere.js");
const { again, tunnelled } = core.loadExtScript("ext:selvedge_durable/errors.js");
const { packBody, unpackBody } = core.loadExtScript("ext:selvedge_durable/transfer.js");

/** Loaded with the first connection. */
const connections = () => core.loadExtScript("ext:selvedge_durable/connections.js");
const atOnce = () => null;
const fetches = () => core.loadExtScript("ext:selvedge/fetch/fetch.js");
const internal = { __proto__: null };
const HTTP = new SafeRegExp("^https?:");
/** As many redirects are followed as by `fetch()`. */
const MAX_REDIRECTS = 20;
const JURISDICTIONS = { __proto__: null, eu: 1, fedramp: 1, "fedramp-high": 1, us: 1 };

let partsOf;
let homeOfNamespace;

class DurableObjectId {
  #hex;
  #name;
  #jurisdiction;
  #home;

  constructor(marker, home, hex, name, jurisdiction) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
    this.#home = home;
    this.#hex = hex;
    this.#name = name;
    this.#jurisdiction = jurisdiction;
    if (name !== undefined) this.name = name;
    if (jurisdiction !== undefined) this.jurisdiction = jurisdiction;
  }

  toString() {
    return this.#hex;
  }

  equals(other) {
    if (typeof other !== "object" || other === null || !(#hex in other)) {
      throw new TypeError(
        "Failed to execute 'equals' on 'DurableObjectId': parameter 1 is not of type 'DurableObjectId'.",
      );
    }
    return this.#hex === other.#hex;
  }

  static {
    partsOf = (id) => typeof id === "object" && id !== null && #hex in id
      ? { __proto__: null, home: id.#home, hex: id.#hex, name: id.#name, jurisdiction: id.#jurisdiction }
      : undefined;
  }
}

class DurableObjectNamespace {
  #home;
  #jurisdiction;

  constructor(marker, home, jurisdiction = undefined) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
    this.#home = home;
    this.#jurisdiction = jurisdiction;
  }

  newUniqueId(options = undefined) {
    checkOptions(options, "newUniqueId", 1, "NewUniqueIdOptions");
    const asked = options?.jurisdiction ?? this.#jurisdiction;
    const jurisdiction = checkedJurisdiction(asked);
    const hex = op_do_id_unique(this.#home.rid, jurisdiction ?? "");
    return new DurableObjectId(internal, this.#home, hex, undefined, jurisdiction);
  }

  idFromName(name) {
    if (arguments.length === 0) {
      throw new TypeError(
        "Failed to execute 'idFromName' on 'DurableObjectNamespace': parameter 1 is not of type 'string'.",
      );
    }
    name = String(name);
    const hex = op_do_id_named(this.#home.rid, name, this.#jurisdiction ?? "");
    return new DurableObjectId(internal, this.#home, hex, name, this.#jurisdiction);
  }

  idFromString(text) {
    if (arguments.length === 0) {
      throw new TypeError(
        "Failed to execute 'idFromString' on 'DurableObjectNamespace': parameter 1 is not of type 'string'.",
      );
    }
    return idOf(this.#home, op_do_id_check(this.#home.rid, String(text)));
  }

  get(id, options = undefined) {
    const parts = partsOf(id);
    if (parts === undefined) {
      throw new TypeError(
        "Failed to execute 'get' on 'DurableObjectNamespace': parameter 1 is not of type 'DurableObjectId'.",
      );
    }
    if (parts.home !== this.#home) {
      throw new TypeError("Durable Object ID is not valid for this namespace.");
    }
    if (this.#jurisdiction !== undefined && parts.jurisdiction !== this.#jurisdiction) {
      throw new TypeError("get called on jurisdictional subnamespace with an ID from a different jurisdiction");
    }
    checkOptions(options, "get", 2, "GetDurableObjectOptions");
    const routing = options?.routingMode;
    if (routing !== undefined && `${routing}` !== "primary-only") throw new RangeError(`unknown routingMode: ${routing}`);
    return stub(this.#home, id, parts.hex);
  }

  getByName(name, options = undefined) {
    if (arguments.length === 0) {
      throw new TypeError(
        "Failed to execute 'getByName' on 'DurableObjectNamespace': parameter 1 is not of type 'string'.",
      );
    }
    checkOptions(options, "getByName", 2, "GetDurableObjectOptions");
    return this.get(this.idFromName(name), options);
  }

  jurisdiction(name = undefined) {
    return new DurableObjectNamespace(internal, this.#home, checkedJurisdiction(name));
  }

  static {
    homeOfNamespace = (value) => typeof value === "object" && value !== null && #home in value ? value.#home : undefined;
  }
}

/** Options are an object, or none. */
function checkOptions(options, method, position, type) {
  if (options === undefined || options === null || typeof options === "object" || typeof options === "function") return;
  throw new TypeError(
    `Failed to execute '${method}' on 'DurableObjectNamespace': parameter ${position} is not of type '${type}'.`,
  );
}

function checkedJurisdiction(name) {
  if (name === undefined || name === null) return undefined;
  name = String(name);
  if (JURISDICTIONS[name] !== 1) throw new TypeError(`Invalid jurisdiction: ${name}`);
  return name;
}

class DurableObject {
  constructor(marker) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
  }
}

const named = [[DurableObjectId, "DurableObjectId"], [DurableObjectNamespace, "DurableObjectNamespace"], [
  DurableObject,
  "DurableObject",
]];
for (let i = 0; i < named.length; i++) {
  ObjectDefineProperty(named[i][0].prototype, SymbolToStringTag, {
    __proto__: null,
    value: named[i][1],
    configurable: true,
  });
}

/** What calls an object: `fetch()`, and every other name as a method of its class. */
function stub(home, id, hex) {
  const { name, jurisdiction } = partsOf(id);
  const self = new DurableObject(internal);
  ObjectDefineProperty(self, "name", { __proto__: null, value: name, enumerable: true });
  ObjectDefineProperty(self, "id", { __proto__: null, value: id, enumerable: true });
  return stubOn(self, { __proto__: null, home, hex, id, name, jurisdiction });
}

/** `self` with the methods of an object. */
function stubOn(self, target) {
  /** Why the stub leads nowhere any more: a call of it found its object reset. */
  const bond = { __proto__: null, broken: null };
  const fetch = {
    fetch(input, init = undefined) {
      try {
        if (arguments.length === 0) {
          throw new TypeError(
            "Failed to execute 'fetch' on 'Fetcher': parameter 1 is not of type 'Request or string'.",
          );
        }
        const io = contexts.requiredOpen();
        if (bond.broken !== null) throw again(bond.broken);
        return fetchObject(io, target, bond, new requests.Request(input, init));
      } catch (error) {
        return PromiseReject(error);
      }
    },
  }.fetch;
  const connect = {
    connect(address, options = undefined) {
      return connections().connectObject(target, bond, atOnce, address, options);
    },
  }.connect;
  return remoteStub(self, { __proto__: null, fetch, connect }, target, bond, passedOn(target));
}

/** A stub on its way to another context or Worker: there it is a `Fetcher`. */
function passedOn(target) {
  return {
    __proto__: null,
    again: () => stubOn(newFetcher(), target),
    /** The way to the object as another isolate can take it: a number to close. */
    way: () => way(target, ""),
  };
}

/** The same, of a stub that came from another isolate. */
function passedHere(rid, hex, name, jurisdiction) {
  const home = homeOf(op_do_namespace(rid), op_do_class(rid), rid);
  const id = new DurableObjectId(internal, home, hex, name, jurisdiction);
  return passedOn({ __proto__: null, home, hex, id, name, jurisdiction });
}

/** Sends a request to an object, and again where it redirects to, if it may. */
async function fetchObject(io, target, bond, request) {
  let parts = requests.partsOf(request, "https://fake-host/");
  const follows = parts.redirect === "follow";
  for (let redirects = 0;; redirects++) {
    let response;
    try {
      response = await sendTo(io, target, parts, redirects > 0);
    } catch (error) {
      if (typeof error === "object" && error !== null && error.durableObjectReset === true) bond.broken ??= error;
      throw error;
    }
    const next = follows ? redirected(parts, response) : null;
    if (next === null) return response;
    if (redirects === MAX_REDIRECTS) throw new TypeError("Too many redirects.");
    parts = next;
  }
}

/** The request that a redirect asks for (https://fetch.spec.whatwg.org/#http-redirect-fetch). */
function redirected(parts, response) {
  const { status } = response;
  if (status !== 301 && status !== 302 && status !== 303 && status !== 307 && status !== 308) return null;
  const location = headers.getRaw(response.headers, "location");
  if (location === null) return null;
  const { URL } = core.loadExtScript("ext:deno_web/00_url.js");
  let url;
  try {
    url = new URL(location, parts.url).href;
  } catch {
    throw new TypeError("Invalid Location header; unable to follow redirect.");
  }
  const isPost = parts.method === "POST";
  const becomesGet = (status === 301 || status === 302) && isPost ||
    status === 303 && parts.method !== "GET" && parts.method !== "HEAD";
  if (!becomesGet && parts.body !== null && parts.body.used && parts.body.kind === bodies.NATIVE) {
    throw new TypeError("A request with a one-time-use body (it was initialized from a stream, not a buffer) encountered a redirect requiring the body to be retransmitted. To avoid this error in the future, construct this request from a buffer-like body initializer.");
  }
  return {
    __proto__: null,
    method: becomesGet ? "GET" : parts.method,
    url,
    headers: parts.headers,
    body: becomesGet ? null : parts.body,
    signal: parts.signal,
    cf: parts.cf,
    keepEncoding: parts.keepEncoding,
  };
}

/** Sends a request to an object, in whichever isolate that lives. `isHandedOn`: it was on its way there already. */
function sendTo(io, target, parts, isRedirect, isHandedOn = false) {
  if (parts.signal !== null && parts.signal.aborted) throw parts.signal.reason;
  let actor;
  try {
    actor = find(target.home, target);
  } catch (error) {
    throw tunnelled(error);
  }
  if (actor === null) return sendElsewhere(io, target, parts, isRedirect);
  if (RegExpPrototypeExec(HTTP, parts.url) === null) fetches().asHttp(parts.url);
  const depth = op_do_call(io.slot, contexts.eventDepth(), isHandedOn);
  const sent = isRedirect ? sentAgain(parts.body) : packBody(io, parts.body);
  return call(actor, (instance, actor) => {
    if (typeof instance.fetch !== "function") throw new Error("Handler does not export a fetch() function.");
    const result = instance.fetch(requests.adopt(parts, unpackBody(actor.io, sent)));
    return core.isPromise(result)
      ? PromisePrototypeThen(result, (response) => pack(actor, response))
      : pack(actor, result);
  }, (answer) => {
    const body = unpackBody(contexts.current(), answer.body);
    return responses.adopt(answer.inner, body, parts.url, isRedirect);
  }, { __proto__: null, kind: FETCH, text: parts.method, url: parts.url, depth });
}

function sentAgain(body) {
  return body === null ? null : { __proto__: null, kind: body.kind, source: body.source };
}

/** A response on its way out of its object. */
function pack(actor, response) {
  if (!responses.isResponse(response)) {
    throw new TypeError("Incorrect type for Promise: the Promise did not resolve to 'Response'.");
  }
  const inner = responses.innerOf(response);
  return { __proto__: null, inner, body: packBody(actor.io, inner.body) };
}

/** The id of an object that is known by its text. */
function idOf(home, hex, name = undefined) {
  const jurisdiction = op_do_id_jurisdiction(home.rid, hex);
  return new DurableObjectId(internal, home, hex, name, jurisdiction === "" ? undefined : jurisdiction);
}

/** Remote calls that come from another isolate, through what `via` names. */
function receiveCalls(channel, via, rid, hex, name, jurisdiction) {
  const home = homeOf(op_do_namespace(rid), op_do_class(rid), rid);
  const id = new DurableObjectId(internal, home, hex, name, jurisdiction);
  core.loadExtScript("ext:selvedge/rpc/session.js").acceptObject(channel, objectCapability({ __proto__: null, home, hex, id, name, jurisdiction }, op_rpc_depth(via)));
}

/** A connection to an object, from another isolate or from a client. */
function receiveConnection(io, arrived, addresses, rid, hex, name, jurisdiction) {
  const home = homeOf(op_do_namespace(rid), op_do_class(rid), rid);
  const id = new DurableObjectId(internal, home, hex, name, jurisdiction);
  return connections().receiveFor({ __proto__: null, home, hex, id, name, jurisdiction }, io, arrived, addresses);
}

/** The alarm of an object goes off; `io` is the context that waits for its end. */
function receiveAlarm(io, rid, hex, name, lost) {
  const home = homeOf(op_do_namespace(rid), op_do_class(rid), rid);
  const id = idOf(home, hex, name);
  const { run } = core.loadExtScript("ext:selvedge_durable/alarms.js");
  PromisePrototypeThen(run({ __proto__: null, home, hex, id, name, jurisdiction: id.jurisdiction }, lost), (end) => {
    op_do_alarm_done(io.slot, end);
    contexts.end(io);
  });
}

/** A request that came from another isolate: its answer, which tells of failures, too. */
async function receive(io, request, rid, hex, name, jurisdiction) {
  try {
    const home = homeOf(op_do_namespace(rid), op_do_class(rid), rid);
    const id = new DurableObjectId(internal, home, hex, name, jurisdiction);
    return packed(await sendTo(io, { home, hex, id, name, jurisdiction }, incomingParts(io, request), false, true));
  } catch (error) {
    return failureResponse(error);
  }
}

/** What of a request came over the pipe, as another context's `partsOf` would give it. */
function incomingParts(io, { method, url, headBlob, hasBody }) {
  const { newSignal, signalAbort } = core.loadExtScript("ext:deno_web/03_abort_signal.js");
  const signal = newSignal();
  io.onGone = (reason) => signal[signalAbort](reason);
  const { body } = requests.partsOf(requests.incoming(io, method, url, "", hasBody, ""));
  const cf = op_request_cf(io.slot);
  return {
    __proto__: null,
    method,
    url,
    headers: headers.fromBlob(headBlob, false),
    body,
    redirect: "manual",
    signal,
    cf: cf === null || cf === undefined ? undefined : JSONParse(cf),
    keepEncoding: false,
  };
}

/** What an id is made of; `undefined`: it is none. */
function idParts(id) {
  return partsOf(id);
}

/** The id that a facet was given. */
function idGiven(home, { text, isObject, name, jurisdiction }) {
  return isObject ? new DurableObjectId(internal, home, text, name ?? undefined, jurisdiction ?? undefined) : text;
}

/** The class of a namespace, if that is one of this Worker's. */
function ownClass(value) {
  const home = homeOfNamespace(value);
  if (home === undefined || !op_do_is_own(home.rid)) return undefined;
  return { __proto__: null, className: home.className, props: "", ready: () => null, way: null };
}

/** The Worker's own classes, and their namespaces in turn. */
const own = [];
internals.objectNamespaces = () => own;

function bind(rid, _name) {
  const className = op_do_class(rid);
  const namespace = new DurableObjectNamespace(internal, homeOf(op_do_namespace(rid), className, rid));
  if (op_do_is_own(rid)) ArrayPrototypePush(own, className, namespace);
  return namespace;
}

return { bind, fetchObject, idGiven, idOf, idParts, ownClass, passedHere, receive, receiveAlarm, receiveCalls, receiveConnection };
})();
