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
  RegExpPrototypeExec,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
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

/** A key as it was given: a request, or the text of whatever else. */
function keyOf(method, input, count) {
  if (count === 0) {
    throw new TypeError(
      `Failed to execute '${method}' on 'Cache': parameter 1 is not of type 'Request or string'.`,
    );
  }
  return requests.isRequest(input) ? input : `${input}`;
}

/** The request that a key stands for. */
function requestOf(key) {
  if (typeof key !== "string") return requests.partsOf(key, null);
  if (key !== lastKey) {
    lastParts = requests.partsOf(new requests.Request(key), null);
    lastKey = key;
  }
  return lastParts;
}

/** Most Workers ask for the same URL again: what it was parsed to. */
let lastKey = null;
let lastParts = null;

/** What something can be kept by: URLs with a host, and without a user. */
const KEY = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@]*(?:[/?#]|$)/i;
/** What something can be found by. */
const HTTP = /^https?:/i;

/** What was found good last. */
let lastChecked = null;

function checkUrl(url, finds) {
  if (url === lastChecked) return;
  if (RegExpPrototypeExec(KEY, url) === null) {
    throw new TypeError("Invalid URL. Cache API keys must be fully-qualified, valid URLs.");
  }
  if (finds && RegExpPrototypeExec(HTTP, url) === null) {
    throw new TypeError(`Fetch API cannot load: ${url}`);
  }
  if (finds) lastChecked = url;
}

/** Fragments are nothing that a server sees. */
function urlOf(parts) {
  const hash = StringPrototypeIndexOf(parts.url, "#");
  return hash < 0 ? parts.url : StringPrototypeSlice(parts.url, 0, hash);
}

/** Whether the option is set. */
function ignoresMethod(method, options) {
  if (options === undefined || options === null) return false;
  if (typeof options !== "object" && typeof options !== "function") {
    throw new TypeError(
      `Failed to execute '${method}' on 'Cache': parameter 2 is not of type 'CacheQueryOptions'.`,
    );
  }
  return !!options.ignoreMethod;
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

/** Any asterisk counts, as in workerd. */
function variesByAnything(headers) {
  const vary = h.getRaw(headers, "vary");
  return vary !== null && StringPrototypeIndexOf(vary, "*") >= 0;
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
      const key = keyOf("match", request, arguments.length);
      const isAny = ignoresMethod("match", options);
      const io = contexts.required();
      const parts = requestOf(key);
      if (parts.method !== "GET" && !isAny) return PromiseResolve(undefined);
      const url = urlOf(parts);
      checkUrl(url, true);
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
      return this.#put(keyOf("put", request, arguments.length), response);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  #put(key, response) {
    const name = this.#name;
    if (!responses.isResponse(response)) {
      throw new TypeError("Failed to execute 'put' on 'Cache': parameter 2 is not of type 'Response'.");
    }
    if (response.type === "error") throw new TypeError("Cache is unable to store an error response");
    const parts = requestOf(key);
    const io = contexts.required();
    if (parts.method !== "GET") throw new TypeError("Cannot cache response to non-GET request.");
    const inner = responses.innerOf(response);
    const { headers } = response;
    if (inner.status === 206) {
      throw new TypeError("Cannot cache response to a range request (206 Partial Content).");
    }
    if (variesByAnything(headers)) throw new TypeError("Cannot cache response with 'Vary: *' header.");
    // It is no response that could be kept, and that is no error: its body stays as it is.
    if (inner.status === 304) return PromiseResolve(undefined);
    if (inner.body !== null && bodies.isUsed(inner.body)) throw new TypeError(bodies.USED);
    if (inner.webSocket !== null) {
      throw new TypeError(
        'Worker tried to return a WebSocket in a response to a request which did not contain the header "Upgrade: websocket".',
      );
    }
    checkUrl(urlOf(parts), false);
    let broken = false;
    let reason;
    let rid = -1;
    if (inner.body !== null) {
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
      const key = keyOf("delete", request, arguments.length);
      const isAny = ignoresMethod("delete", options);
      const io = contexts.required();
      const parts = requestOf(key);
      if (parts.method !== "GET" && !isAny) return PromiseResolve(false);
      checkUrl(urlOf(parts), true);
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
  if (value === undefined) return null;
  if (!ArrayIsArray(value)) {
    throw new TypeError(
      `Incorrect type for the '${name}' field on 'CachePurgeOptions': the provided value is not of type 'Array'.`,
    );
  }
  const list = [];
  for (let i = 0; i < value.length; i++) {
    set(list, i, `${value[i]}`);
  }
  return list;
}

/** Why a purge is refused. The code is that of Cloudflare's API for what says nothing. */
function refused(message) {
  return PromiseResolve({ success: false, errors: [{ code: 1012, message }] });
}

/** Prefixes as paths begin: what has a host, a query or a fragment is none. */
function pathsOf(prefixes) {
  for (let i = 0; i < prefixes.length; i++) {
    const prefix = prefixes[i];
    if (prefix === "" || RegExpPrototypeExec(NO_PATH, prefix) !== null) return null;
    if (StringPrototypeSlice(prefix, 0, 1) !== "/") set(prefixes, i, `/${prefix}`);
  }
  return prefixes;
}
const NO_PATH = /^[a-z][a-z0-9+.-]*:|^\/\/|[?#]/i;

/** `list[i] = value`, whatever a Worker made of prototypes. */
function set(list, i, value) {
  ObjectDefineProperty(list, i, {
    __proto__: null,
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

/** `ctx.cache`: forgets responses before the export that asks, by tag or path, or all. */
const purger = {
  __proto__: null,
  purge(options) {
    try {
      const io = contexts.required();
      if (options === undefined || options === null || typeof options !== "object") {
        throw new TypeError("Failed to execute 'purge': parameter 1 is not of type 'CachePurgeOptions'.");
      }
      const tags = listOf(options.tags, "tags");
      const given = listOf(options.pathPrefixes, "pathPrefixes");
      const everything = !!options.purgeEverything;
      if (everything && (tags !== null || given !== null)) {
        return refused("purgeEverything goes without tags and pathPrefixes.");
      }
      if (!everything && (tags ?? []).length + (given ?? []).length === 0) {
        return refused("A purge must have one of purgeEverything, tags or pathPrefixes.");
      }
      const prefixes = pathsOf(given ?? []);
      if (prefixes === null) {
        return refused("pathPrefixes are paths, without a scheme, host, query or fragment.");
      }
      op_cache_purge(handle, io.slot, { tags: tags ?? [], prefixes, everything });
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

return { bind, Cache, CacheStorage };
})();
