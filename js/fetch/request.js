// Request (https://fetch.spec.whatwg.org/#request-class) with what Workers add:
// `cf`, `fetcher`, `redirect: "manual"` on incoming requests.
import { core, primordials } from "ext:selvedge/core.js";
import { op_request_body, op_request_cf, op_request_ray, op_request_take_text } from "ext:core/ops";
import * as bodies from "ext:selvedge/fetch/body.js";
import { copy, fromBlob, getRaw, headersOf, setImmutable, setRaw } from "ext:selvedge/fetch/headers.js";
import { checkOwner, ownBody } from "ext:selvedge/io_context.js";
import { lazy } from "ext:selvedge/lazy.js";
import { isOff, isOn } from "ext:selvedge/shared.js";

const {
  Error,
  JSONParse,
  ObjectDefineProperties,
  ObjectDefineProperty,
  ObjectPrototype,
  PromiseReject,
  PromiseResolve,
  RegExpPrototypeExec,
  SafeRegExp,
  SafeWeakSet,
  String,
  StringPrototypeStartsWith,
  StringPrototypeToUpperCase,
  SymbolFor,
  SymbolToStringTag,
  TypeError,
  WeakSetPrototypeAdd,
  WeakSetPrototypeHas,
} = primordials;

const urls = lazy("ext:deno_web/00_url.js");
const aborts = lazy("ext:deno_web/03_abort_signal.js");

const NOT_TOKEN = new SafeRegExp("[^!#$%&'*+\\-.^_`|~0-9A-Za-z]");
const STANDARD = { __proto__: null, GET: 1, POST: 1, PUT: 1, DELETE: 1, HEAD: 1, OPTIONS: 1, PATCH: 1 };
/** Where case counts, it does not for these (https://fetch.spec.whatwg.org/#concept-method-normalize). */
const NORMALIZED = { __proto__: null, GET: 1, POST: 1, PUT: 1, DELETE: 1, HEAD: 1, OPTIONS: 1 };
/** Forbidden by fetch, and by Workers. */
const FORBIDDEN = { __proto__: null, CONNECT: 1, TRACK: 1 };

function normalMethod(method) {
  method = `${method}`;
  if (STANDARD[method] === 1) return method;
  const upper = StringPrototypeToUpperCase(method);
  const isStrict = upper !== method && NORMALIZED[upper] !== 1 && isOff("upper_case_all_http_methods");
  if (method.length === 0 || RegExpPrototypeExec(NOT_TOKEN, method) !== null || FORBIDDEN[upper] === 1 || isStrict) {
    throw new TypeError(`Invalid HTTP method string: ${method}`);
  }
  return upper;
}

function normalCache(value) {
  if (isOff("cache_option_enabled")) {
    throw new Error("The 'cache' field on 'RequestInitializerDict' is not implemented.");
  }
  const cache = String(value);
  const isKnown = cache === "no-store" ||
    (cache === "no-cache" && !isOff("cache_no_cache_enabled")) ||
    (cache === "reload" && isOn("cache_reload_enabled"));
  if (!isKnown) throw new TypeError(`Unsupported cache mode: ${cache}`);
  return cache;
}

/** Signals of clients that go away. They end subrequests only where a flag says so. */
const ofClients = new SafeWeakSet();

function clientSignal(io) {
  const { newSignal, signalAbort } = aborts();
  const signal = newSignal();
  WeakSetPrototypeAdd(ofClients, signal);
  io.onGone = (reason) => signal[signalAbort](reason);
  return signal;
}

/** What Cloudflare said of bots in `cf` where it knew nothing. */
function withBotManagement(cf) {
  if (typeof cf !== "object" || cf === null || cf.botManagement !== undefined) return cf;
  cf.botManagement = {
    corporateProxy: false,
    verifiedBot: false,
    jsDetection: { passed: false },
    staticResource: false,
    detectionIds: {},
    score: 99,
  };
  return cf;
}

function parseUrl(input) {
  const text = `${input}`;
  if (isOff("fetch_standard_url")) return text;
  try {
    return new (urls().URL)(text).href;
  } catch {
    throw new TypeError(`Invalid URL: ${text}`);
  }
}

/**
 * Where a request goes whose URL nobody looked at before; `base`: of one without a host, or null for who looks at it
 * himself.
 */
function targetOf(text, base) {
  if (StringPrototypeStartsWith(text, "data:")) return text;
  const { target } = core.loadExtScript("ext:selvedge/legacy/url_parser.js");
  const isRelative = typeof base === "string" && isOff("durable_object_fetch_requires_full_url");
  const url = target(text, isRelative ? base : undefined);
  if (url === null && base !== null) throw new TypeError(`Fetch API cannot load: ${text}`);
  return url ?? text;
}

function normalRedirect(value) {
  if (value === "follow" || value === "manual") return value;
  throw new TypeError(
    'Invalid redirect value, must be one of "follow" or "manual" ("error" won\'t be implemented ' +
      'since it does not make sense at the edge; use "manual" and check the response status code).',
  );
}

/** `adopt`: the request that another context made, as this one gets it. */
let incoming, adopt, partsOf, isRequest, abortIncoming;

class Request extends core.Given {
  #method = "GET";
  #url = "";
  #headers = null;
  /** What the client sent, and what the edge adds to it. */
  #headBlob = "";
  #edgeBlob = "";
  #body = null;
  /** The context of an incoming request whose body was not opened. */
  #bodyIo = null;
  /** What was given, or tells of the client. */
  #signal = null;
  /** One that nothing ever aborts. */
  #idle = null;
  /** The incoming request that this one is a copy of, if no signal was given. */
  #incoming = null;
  #io = null;
  #cf = undefined;
  #cfOpen = false;
  #redirect = "follow";
  #cache = undefined;
  #fetcher = null;
  #encodeBody = false;

  constructor(input, init = undefined) {
    super();
    // The incoming path fills the fields itself.
    if (input === incomingMarker) return;
    if (arguments.length === 0) {
      throw new TypeError("Failed to construct 'Request': constructor parameter 1 is not of type 'Request or string'.");
    }
    if (init !== undefined && init !== null && typeof init !== "object" && typeof init !== "function") {
      throw new TypeError(
        "Failed to construct 'Request': constructor parameter 2 is not of type 'RequestInitializerDict or Request'.",
      );
    }
    let body = null;
    if (typeof input === "object" && input !== null && #method in input) {
      this.#method = input.#method;
      this.#url = input.#url;
      this.#headers = copy(input.headers);
      this.#redirect = input.#redirect;
      this.#cache = input.#cache;
      this.#fetcher = input.#fetcher;
      this.#cf = input.cf;
      this.#signal = input.#signal;
      this.#incoming = input.#io !== null ? input : input.#incoming;
      if (init === undefined || init === null || init.body === undefined || init.body === null) {
        const theirs = input.#openBody();
        if (theirs !== null) {
          if (bodies.isUsed(theirs)) {
            throw new TypeError("Cannot reconstruct a Request with a used body.");
          }
          body = theirs;
          // The body moves: the other request has used it.
          if (body.stream !== null || body.kind === bodies.STREAM) {
            const moved = new bodies.Body(bodies.STREAM, bodies.streamOf(theirs));
            moved.stream = moved.source;
            moved.length = theirs.length;
            body = moved;
            input.#body = usedCopy();
          } else {
            body = new bodies.Body(theirs.kind, theirs.source);
            body.io = theirs.io;
            body.length = theirs.length;
            theirs.used = true;
          }
        }
      }
    } else {
      this.#url = parseUrl(input);
    }
    if (init !== undefined && init !== null) body = this.#init(init, body);
    this.#headers ??= headersOf(undefined);
    this.#body = body;
    if (body !== null && (this.#method === "GET" || this.#method === "HEAD")) {
      throw new TypeError("Request with a GET or HEAD method cannot have a body.");
    }
  }

  #init(init, body) {
    if (init.method !== undefined && init.method !== null) this.#method = normalMethod(init.method);
    if (init.headers !== undefined && init.headers !== null) this.#headers = headersOf(init.headers);
    if (init.redirect !== undefined && init.redirect !== null) {
      this.#redirect = normalRedirect(init.redirect);
    }
    if (init.signal !== undefined) {
      const isGiven = init.signal === null || isSignal(init.signal);
      if (!isGiven && !isOff("dont_substitute_null_on_type_error")) {
        throw new TypeError(
          "Incorrect type for the 'signal' field on 'RequestInitializerDict': the provided value is not of type 'AbortSignal'.",
        );
      }
      this.#signal = isGiven ? init.signal : null;
      this.#incoming = null;
    }
    if (init.cf !== undefined) {
      if (init.cf !== null && typeof init.cf !== "object") {
        throw new TypeError(
          "Incorrect type for the 'cf' field on 'RequestInitializerDict': the provided value is not of type 'Object'.",
        );
      }
      this.#cf = init.cf;
    }
    if (init.fetcher !== undefined) this.#fetcher = init.fetcher;
    if (init.integrity !== undefined && String(init.integrity) !== "") {
      throw new TypeError(
        "Subrequest integrity checking is not implemented. The integrity option must be either undefined or an " +
          "empty string.",
      );
    }
    if (init.encodeResponseBody === "manual") this.#encodeBody = true;
    if (init.cache !== undefined) this.#cache = normalCache(init.cache);
    if (init.body !== undefined && init.body !== null) {
      if (this.#method === "GET" || this.#method === "HEAD") {
        throw new TypeError("Request with a GET or HEAD method cannot have a body.");
      }
      body = bodies.extract(init.body);
      const type = bodies.extractedType();
      this.#headers ??= headersOf(undefined);
      if (type !== null && getRaw(this.#headers, "content-type") === null) {
        setRaw(this.#headers, "content-type", type);
      }
    }
    return body;
  }

  #openBody() {
    if (this.#bodyIo !== null) {
      const io = this.#bodyIo;
      this.#bodyIo = null;
      const opened = io.over ? 0 : op_request_body(io.slot);
      if (opened !== 0) {
        ownBody(io, opened - 1);
        this.#body = bodies.nativeBody(io, opened - 1);
      } else {
        this.#body = usedCopy();
      }
    }
    return this.#body;
  }

  get method() {
    if (!isRequest(this)) throw core.illegalInvocation();
    return this.#method;
  }

  get url() {
    if (!isRequest(this)) throw core.illegalInvocation();
    return this.#url;
  }

  get headers() {
    if (!isRequest(this)) throw core.illegalInvocation();
    if (this.#headers === null) {
      const own = this.#headBlob === "" ? "" : `${this.#headBlob}\0`;
      const edge = this.#edgeBlob === "" ? "" : `${this.#edgeBlob}\0`;
      this.#headers = fromBlob(`${own}${edge}cf-ray\0${op_request_ray()}`, this.#io !== null);
    }
    return this.#headers;
  }

  get redirect() {
    if (!isRequest(this)) throw core.illegalInvocation();
    return this.#redirect;
  }

  get fetcher() {
    if (!isRequest(this)) throw core.illegalInvocation();
    return this.#fetcher;
  }

  get signal() {
    if (!isRequest(this)) throw core.illegalInvocation();
    if (this.#signal !== null) return this.#signal;
    if (!isOff("enable_request_signal")) {
      if (this.#io !== null) return this.#signal = clientSignal(this.#io);
      if (this.#incoming !== null) return this.#signal = this.#incoming.signal;
    }
    return this.#idle ??= aborts().newSignal();
  }

  /** What ends a subrequest that is made of this. */
  #ending() {
    if (isOn("request_signal_passthrough")) {
      return this.#io !== null || this.#incoming !== null ? this.signal : this.#signal;
    }
    return this.#signal !== null && WeakSetPrototypeHas(ofClients, this.#signal) ? null : this.#signal;
  }

  get cf() {
    if (!isRequest(this)) throw core.illegalInvocation();
    if (this.#io !== null && !this.#cfOpen) {
      this.#cfOpen = true;
      const text = this.#io.over ? null : op_request_cf(this.#io.slot);
      this.#cf = text === null || text === undefined ? undefined : JSONParse(text);
      if (isOff("no_cf_botmanagement_default")) this.#cf = withBotManagement(this.#cf);
    }
    return this.#cf;
  }

  get integrity() {
    if (!isRequest(this)) throw core.illegalInvocation();
    return "";
  }

  get cache() {
    if (!isRequest(this)) throw core.illegalInvocation();
    return this.#cache;
  }

  get keepalive() {
    if (!isRequest(this)) throw core.illegalInvocation();
    return false;
  }

  get body() {
    if (!isRequest(this)) throw core.illegalInvocation();
    return bodies.streamOf(this.#openBody());
  }

  get bodyUsed() {
    if (!isRequest(this)) throw core.illegalInvocation();
    return this.#bodyIo === null && bodies.isUsed(this.#body);
  }

  clone() {
    if (!isRequest(this)) throw core.illegalInvocation();
    const body = bodies.clone(this.#openBody());
    const other = new Request(incomingMarker);
    other.#method = this.#method;
    other.#url = this.#url;
    other.#headers = copy(this.headers);
    other.#redirect = this.#redirect;
    other.#signal = this.#signal;
    other.#incoming = this.#io !== null ? this : this.#incoming;
    other.#cf = this.cf;
    other.#cache = this.#cache;
    other.#fetcher = this.#fetcher;
    other.#encodeBody = this.#encodeBody;
    other.#body = body;
    return other;
  }

  /** A small body that came with its head; `null`: it must be read. */
  #takeText() {
    const io = this.#bodyIo;
    if (io === null || io.over || bodies.keepsBom) return null;
    checkOwner(io);
    const text = op_request_take_text(io.slot);
    if (text === null || text === undefined) return null;
    this.#bodyIo = null;
    this.#body = usedCopy();
    return text;
  }

  text() {
    if (!isRequest(this)) throw core.illegalInvocation();
    try {
      const text = this.#takeText();
      if (text !== null) return PromiseResolve(text);
    } catch (error) {
      return PromiseReject(error);
    }
    return bodies.consumeText(this.#openBody());
  }

  json() {
    if (!isRequest(this)) throw core.illegalInvocation();
    try {
      const text = this.#takeText();
      if (text !== null) return PromiseResolve(JSONParse(text));
    } catch (error) {
      return PromiseReject(error);
    }
    return bodies.consumeJson(this.#openBody());
  }

  arrayBuffer() {
    if (!isRequest(this)) throw core.illegalInvocation();
    return bodies.consumeArrayBuffer(this.#openBody());
  }

  bytes() {
    if (!isRequest(this)) throw core.illegalInvocation();
    return bodies.consumeBytes(this.#openBody());
  }

  blob() {
    if (!isRequest(this)) throw core.illegalInvocation();
    return bodies.consumeBlob(this.#openBody(), this.headers);
  }

  formData() {
    if (!isRequest(this)) throw core.illegalInvocation();
    return bodies.consumeFormData(this.#openBody(), this.headers);
  }

  [SymbolFor("Deno.privateCustomInspect")](inspect, options) {
    return `Request ${
      inspect({
        method: this.#method,
        url: this.#url,
        headers: this.headers,
        redirect: this.#redirect,
        bodyUsed: this.bodyUsed,
        cf: this.cf,
      }, options)
    }`;
  }

  static {
    incoming = (io, method, url, headBlob, hasBody, edgeBlob) => {
      const request = new Request(incomingMarker);
      request.#io = io;
      request.#method = method;
      request.#url = url;
      request.#headBlob = headBlob;
      request.#edgeBlob = edgeBlob;
      request.#redirect = "manual";
      if (hasBody) request.#bodyIo = io;
      return request;
    };
    partsOf = (request, base = undefined) => ({
      method: request.#method,
      url: isOff("fetch_standard_url") ? targetOf(request.#url, base) : request.#url,
      headers: request.headers,
      body: request.#openBody(),
      redirect: request.#redirect,
      signal: request.#ending(),
      fetcher: request.#fetcher,
      cache: request.#cache,
      cf: request.#cf,
      keepEncoding: request.#encodeBody,
    });
    adopt = (parts, body, redirect = "manual") => {
      const request = new Request(incomingMarker);
      request.#method = parts.method;
      request.#url = parts.url;
      request.#headers = copy(parts.headers);
      request.#redirect = redirect;
      const { cf } = parts;
      request.#cf = typeof cf === "object" && cf !== null && isOff("no_cf_botmanagement_default")
        ? withBotManagement({ __proto__: ObjectPrototype, ...cf })
        : cf;
      request.#body = body;
      if (parts.signal !== null && !isOff("enable_request_signal")) {
        // Each context has a signal of its own.
        const { add, newSignal, signalAbort } = aborts();
        const { signal } = parts;
        const own = newSignal();
        WeakSetPrototypeAdd(ofClients, own);
        if (signal.aborted) own[signalAbort](signal.reason);
        else signal[add](() => own[signalAbort](signal.reason));
        request.#signal = own;
      }
      return request;
    };
    isRequest = (value) => typeof value === "object" && value !== null && #method in value;
    abortIncoming = (io, reason) => {
      const onGone = io.onGone;
      io.onGone = null;
      if (onGone !== null) onGone(reason);
    };
  }
}

const incomingMarker = { __proto__: null };

function usedCopy() {
  const body = new bodies.Body(bodies.BYTES, new primordials.Uint8Array());
  body.used = true;
  return body;
}

function isSignal(value) {
  return aborts.loaded !== null && typeof value === "object" &&
    primordials.ObjectPrototypeIsPrototypeOf(aborts.loaded.AbortSignalPrototype, value);
}

ObjectDefineProperty(Request.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "Request",
  configurable: true,
});
const enumerable = { __proto__: null, enumerable: true };
ObjectDefineProperties(Request.prototype, {
  method: enumerable,
  url: enumerable,
  headers: enumerable,
  redirect: enumerable,
  fetcher: enumerable,
  signal: enumerable,
  cf: enumerable,
  integrity: enumerable,
  keepalive: enumerable,
  cache: enumerable,
  body: enumerable,
  bodyUsed: enumerable,
});

export { abortIncoming, adopt, incoming, isRequest, partsOf, Request };
