// `caches`: classes Cache and CacheStorage, as
// https://developers.cloudflare.com/workers/runtime-apis/cache/ has them. What
// may be kept is decided by the ops; here are the shape and the texts.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  op_cache_body,
  op_cache_delete,
  op_cache_head,
  op_cache_match,
  op_cache_match_later,
  op_cache_purge,
  op_cache_put,
} = core.ops;
const {
  ArrayIsArray,
  Error,
  Number,
  ObjectDefineProperties,
  ObjectDefineProperty,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  StringPrototypeSplit,
  StringPrototypeTrim,
  Symbol,
  SymbolToStringTag,
  TypeError,
} = primordials;
const { bodies, headers: h, io: contexts, request: requests, response: responses } = internals.selvedge;
const { upload } = core.loadExtScript("ext:selvedge/streams.js");

const internal = Symbol("internal");
/** Names of caches that were opened have this before them: the default one is "". */
const OPENED = "open:";

/** What a match found that is no body with its headers. */
const NOTHING = -1;
const LATER = -2;

/** The number of the isolate's cache. */
let handle = -1;

/** The request that a key stands for. */
function requestOf(method, input) {
  if (requests.isRequest(input)) return requests.partsOf(input);
  if (input === undefined || input === null || typeof input === "symbol") {
    throw new TypeError(
      `Failed to execute '${method}' on 'Cache': parameter 1 is not of type 'Request or string'.`,
    );
  }
  if (typeof input !== "string") return requests.partsOf(new requests.Request(input));
  if (input !== lastKey) {
    lastParts = requests.partsOf(new requests.Request(input));
    lastKey = input;
  }
  return lastParts;
}

/** Most Workers ask for the same URL again: what it was parsed to. */
let lastKey = null;
let lastParts = null;

/** Fragments are nothing that a server sees. */
function urlOf(parts) {
  const hash = StringPrototypeIndexOf(parts.url, "#");
  return hash < 0 ? parts.url : StringPrototypeSlice(parts.url, 0, hash);
}

function ignoresMethod(options) {
  return options !== undefined && options !== null && !!options.ignoreMethod;
}

/** Status, its text and the headers come as one string with NULs between them. */
function toResponse(io, head, body) {
  const first = StringPrototypeIndexOf(head, "\0");
  let second = StringPrototypeIndexOf(head, "\0", first + 1);
  if (second < 0) second = head.length;
  if (body >= 0) contexts.ownBody(io, body);
  return responses.fromNetwork({
    status: Number(StringPrototypeSlice(head, 0, first)),
    statusText: StringPrototypeSlice(head, first + 1, second),
    headers: h.fromBlob(StringPrototypeSlice(head, second + 1), true),
    body: body >= 0 ? bodies.nativeBody(io, body) : null,
    url: "",
    redirected: false,
    webSocket: null,
  });
}

function variesByAnything(headers) {
  const vary = h.getRaw(headers, "vary");
  if (vary === null) return false;
  const names = StringPrototypeSplit(vary, ",");
  for (let i = 0; i < names.length; i++) {
    if (StringPrototypeTrim(names[i]) === "*") return true;
  }
  return false;
}

function notImplemented(type, method) {
  throw new Error(`Failed to execute '${method}' on '${type}': the method is not implemented.`);
}


class Cache {
  #name;

  constructor(mark, name) {
    if (mark !== internal) throw new TypeError("Illegal constructor");
    this.#name = name;
  }

  match(request, options = undefined) {
    try {
      const name = this.#name;
      const parts = requestOf("match", request);
      const io = contexts.required();
      if (parts.method !== "GET" && !ignoresMethod(options)) return PromiseResolve(undefined);
      const url = urlOf(parts);
      const asked = h.toBlob(parts.headers);
      const found = op_cache_match(handle, io.slot, name, url, asked);
      if (found >= 0) return PromiseResolve(responses.fromHost(io, found));
      if (found === NOTHING) return PromiseResolve(undefined);
      if (found !== LATER) {
        return PromiseResolve(toResponse(io, op_cache_head(handle), op_cache_body(handle)));
      }
      return PromisePrototypeThen(
        op_cache_match_later(handle, io.slot, name, url, asked),
        (hit) => hit === null || hit === undefined ? undefined : toResponse(io, hit.head, hit.body),
      );
    } catch (error) {
      return PromiseReject(error);
    }
  }

  put(request, response) {
    try {
      return this.#put(request, response);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  #put(request, response) {
    const name = this.#name;
    const parts = requestOf("put", request);
    if (!responses.isResponse(response)) {
      throw new TypeError("Failed to execute 'put' on 'Cache': parameter 2 is not of type 'Response'.");
    }
    const io = contexts.required();
    if (parts.method !== "GET") throw new TypeError("Cannot cache response to non-GET request.");
    const inner = responses.innerOf(response);
    const { headers } = response;
    if (inner.status === 206) {
      throw new TypeError("Cannot cache response to a range request (206 Partial Content).");
    }
    if (variesByAnything(headers)) throw new TypeError("Cannot cache response with 'Vary: *' header.");
    if (inner.webSocket !== null) {
      throw new TypeError("Cannot cache WebSocket upgrade response.");
    }
    let broken = false;
    let reason;
    let rid = -1;
    if (inner.body !== null) {
      if (bodies.isUsed(inner.body)) throw new TypeError(bodies.USED);
      rid = upload(io, inner.body, (error) => {
        broken = true;
        reason = error;
      });
    }
    return PromisePrototypeThen(
      op_cache_put(
        handle,
        io.slot,
        name,
        urlOf(parts),
        `${inner.status} ${inner.statusText}`,
        h.toBlob(parts.headers),
        h.toBlob(headers),
        rid,
      ),
      () => undefined,
      // What broke the body is told as the Worker threw it.
      (error) => {
        throw broken ? reason : error;
      },
    );
  }

  delete(request, options = undefined) {
    try {
      const name = this.#name;
      const parts = requestOf("delete", request);
      const io = contexts.required();
      if (parts.method !== "GET" && !ignoresMethod(options)) return PromiseResolve(false);
      return op_cache_delete(handle, io.slot, name, urlOf(parts));
    } catch (error) {
      return PromiseReject(error);
    }
  }

  add(_request) {
    notImplemented("Cache", "add");
  }

  addAll(_requests) {
    notImplemented("Cache", "addAll");
  }

  matchAll(_request = undefined, _options = undefined) {
    notImplemented("Cache", "matchAll");
  }

  keys(_request = undefined, _options = undefined) {
    notImplemented("Cache", "keys");
  }
}

class CacheStorage {
  #default = new Cache(internal, "");

  constructor(mark) {
    if (mark !== internal) throw new TypeError("Illegal constructor");
  }

  get default() {
    return this.#default;
  }

  open(name) {
    try {
      void this.#default;
      if (arguments.length === 0) {
        throw new TypeError("Failed to execute 'open' on 'CacheStorage': parameter 1 is not of type 'string'.");
      }
      return PromiseResolve(new Cache(internal, OPENED + `${name}`));
    } catch (error) {
      return PromiseReject(error);
    }
  }

  match(_request, _options = undefined) {
    notImplemented("CacheStorage", "match");
  }

  has(_name) {
    notImplemented("CacheStorage", "has");
  }

  delete(_name) {
    notImplemented("CacheStorage", "delete");
  }

  keys() {
    notImplemented("CacheStorage", "keys");
  }
}

const enumerable = { __proto__: null, enumerable: true };
function describe(type, name, methods) {
  ObjectDefineProperty(type.prototype, SymbolToStringTag, {
    __proto__: null,
    value: name,
    configurable: true,
  });
  const all = { __proto__: null };
  for (let i = 0; i < methods.length; i++) all[methods[i]] = enumerable;
  ObjectDefineProperties(type.prototype, all);
}
describe(Cache, "Cache", ["match", "put", "delete", "add", "addAll", "matchAll", "keys"]);
describe(CacheStorage, "CacheStorage", ["default", "open", "match", "has", "delete", "keys"]);

function listOf(value, name) {
  if (value === undefined || value === null) return [];
  if (!ArrayIsArray(value)) throw new TypeError(`The option "${name}" of purge() is not an array.`);
  const list = [];
  for (let i = 0; i < value.length; i++) {
    ObjectDefineProperty(list, i, {
      __proto__: null,
      value: `${value[i]}`,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return list;
}

/** `ctx.cache`: forgets responses by tag or prefix, or all. */
const purger = {
  __proto__: null,
  purge(options) {
    try {
      const io = contexts.required();
      if (options === undefined || options === null || typeof options !== "object") {
        throw new TypeError("Failed to execute 'purge': parameter 1 is not of type 'CachePurgeOptions'.");
      }
      const tags = listOf(options.tags, "tags");
      const prefixes = listOf(options.pathPrefixes, "pathPrefixes");
      op_cache_purge(handle, io.slot, { tags, prefixes, everything: !!options.purgeEverything });
      return PromiseResolve({ success: true, errors: [] });
    } catch (error) {
      return PromiseReject(error);
    }
  },
};

let caches = null;

/** What the global of this name is. */
function bind(rid, name) {
  if (name === "Cache") return Cache;
  if (name === "CacheStorage") return CacheStorage;
  handle = rid;
  if (name === "purger") return purger;
  caches ??= new CacheStorage(internal);
  return caches;
}

const { checkReceivers } = core.loadExtScript("ext:selvedge/receivers.js");
checkReceivers(Cache);
checkReceivers(CacheStorage);

return { bind };
})();
