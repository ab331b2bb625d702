// Response (https://fetch.spec.whatwg.org/#response-class) with what Workers
// add: `cf`, `webSocket`, `encodeBody`.
import { core, primordials } from "ext:selvedge/core.js";
import { op_body_head } from "ext:core/ops";
import * as bodies from "ext:selvedge/fetch/body.js";
import { copy, fromBlob, getRaw, Headers, headersOf, setImmutable, setRaw } from "ext:selvedge/fetch/headers.js";
import { OTHER_REQUEST, ownBody } from "ext:selvedge/io_context.js";
import { lazy } from "ext:selvedge/lazy.js";
import { isOff } from "ext:selvedge/shared.js";

const {
  Error,
  JSONStringify,
  Number,
  ObjectDefineProperties,
  ObjectDefineProperty,
  ObjectPrototypeIsPrototypeOf,
  RangeError,
  RegExpPrototypeExec,
  SafeRegExp,
  String,
  SymbolFor,
  SymbolToStringTag,
  TypeError,
} = primordials;

const urls = lazy("ext:deno_web/00_url.js");
const sockets = lazy("ext:selvedge/websocket.js");
const BAD_LOCATION = new SafeRegExp("[\\0\\r\\n]");
const BAD_STATUS_TEXT = new SafeRegExp("[^\\t\\x20-\\x7e\\x80-\\xff]");

function isNullBody(status) {
  return status === 101 || status === 204 || status === 205 || status === 304;
}

/** `adopt`: the response that another context made, as this one gets it. */
let innerOf, isResponse, fromHost, fromNetwork, adopt, rawInnerOf;

/** What a response is, for those who send it. */
class Inner {
  status = 200;
  statusText = "";
  headers = null;
  /** The only header, where no Headers object was made yet. */
  type = null;
  body = null;
  webSocket = null;
  cf = undefined;
  encodeBody = "automatic";
  url = "";
  redirected = false;
  responseType = "default";
  /**
   * The context of a response of which nobody has seen headers or body: the host has
   * both, and sends them without JavaScript if the Worker only hands it on.
   */
  unseen = null;

  /** Takes the headers from the host, before somebody sees them or touches the body. */
  see() {
    const io = this.unseen;
    if (io.over) throw new Error(OTHER_REQUEST);
    this.unseen = null;
    if (io.unseen === this) io.unseen = null;
    const { body } = this;
    this.headers = fromBlob(op_body_head(body.source), true);
    bodies.noteLength(body);
    ownBody(io, body.source);
  }
}

class Response extends core.Given {
  #inner;

  constructor(body = null, init = undefined) {
    super();
    const inner = new Inner();
    this.#inner = inner;
    if (init !== undefined && init !== null) readInit(inner, init);
    // (An empty text is none.)
    if (body !== null && body !== undefined && !(body === "" && isNullBody(inner.status))) {
      if (isNullBody(inner.status)) {
        throw new TypeError(
          "Response with null body status (101, 204, 205, or 304) cannot have a body.",
        );
      }
      inner.body = bodies.extract(body);
      const type = bodies.extractedType();
      if (type !== null) {
        if (inner.headers === null) inner.type = type;
        else if (getRaw(inner.headers, "content-type") === null) {
          setRaw(inner.headers, "content-type", type);
        }
      }
    }
  }

  static json(data = undefined, init = undefined) {
    if (arguments.length === 0) {
      throw new TypeError("Failed to execute 'json' on 'Response': parameter 1 is not of type 'Value'.");
    }
    const text = JSONStringify(data);
    if (text === undefined) {
      throw new TypeError("The value could not be serialized as JSON.");
    }
    const response = new Response(null, init);
    const inner = response.#inner;
    if (isNullBody(inner.status)) {
      throw new TypeError(
        "Response with null body status (101, 204, 205, or 304) cannot have a body.",
      );
    }
    inner.body = new bodies.Body(bodies.TEXT, text);
    if (inner.headers === null) inner.type = "application/json";
    else if (getRaw(inner.headers, "content-type") === null) {
      setRaw(inner.headers, "content-type", "application/json");
    }
    return response;
  }

  static redirect(url, status = 302) {
    if (arguments.length === 0) {
      throw new TypeError("Failed to execute 'redirect' on 'Response': parameter 1 is not of type 'string'.");
    }
    url = `${url}`;
    const href = isOff("response_redirect_url_standard") ? locationOf(url) : hrefOf(url);
    status = Number(status);
    if (status !== 301 && status !== 302 && status !== 303 && status !== 307 && status !== 308) {
      throw new RangeError(
        `${status} is not a redirect status code. It must be one of: 301, 302, 303, 307, or 308.`,
      );
    }
    const response = new Response(null, { status });
    const headers = new Headers();
    setRaw(headers, "location", href);
    setImmutable(headers);
    response.#inner.headers = headers;
    return response;
  }

  static error() {
    const response = new Response(null);
    response.#inner.status = 0;
    response.#inner.responseType = "error";
    return response;
  }

  get status() {
    if (!isResponse(this)) throw core.illegalInvocation();
    return this.#inner.status;
  }

  get statusText() {
    if (!isResponse(this)) throw core.illegalInvocation();
    return this.#inner.statusText;
  }

  get ok() {
    if (!isResponse(this)) throw core.illegalInvocation();
    const status = this.#inner.status;
    return status >= 200 && status <= 299;
  }

  get headers() {
    if (!isResponse(this)) throw core.illegalInvocation();
    const inner = this.#inner;
    if (inner.unseen !== null) inner.see();
    else if (inner.headers === null) {
      inner.headers = new Headers();
      if (inner.type !== null) setRaw(inner.headers, "content-type", inner.type);
    }
    return inner.headers;
  }

  get url() {
    if (!isResponse(this)) throw core.illegalInvocation();
    return this.#inner.url;
  }

  get redirected() {
    if (!isResponse(this)) throw core.illegalInvocation();
    return this.#inner.redirected;
  }

  get type() {
    if (!isResponse(this)) throw core.illegalInvocation();
    return this.#inner.responseType;
  }

  get webSocket() {
    if (!isResponse(this)) throw core.illegalInvocation();
    return this.#inner.webSocket;
  }

  get cf() {
    if (!isResponse(this)) throw core.illegalInvocation();
    return this.#inner.cf;
  }

  get encodeBody() {
    if (!isResponse(this)) throw core.illegalInvocation();
    return this.#inner.encodeBody;
  }

  #body() {
    const inner = this.#inner;
    if (inner.unseen !== null) inner.see();
    return inner.body;
  }

  get body() {
    if (!isResponse(this)) throw core.illegalInvocation();
    return bodies.streamOf(this.#body());
  }

  get bodyUsed() {
    if (!isResponse(this)) throw core.illegalInvocation();
    return bodies.isUsed(this.#inner.body);
  }

  clone() {
    if (!isResponse(this)) throw core.illegalInvocation();
    const inner = this.#inner;
    if (inner.webSocket !== null) {
      throw new TypeError("Cannot clone a response to a WebSocket handshake.");
    }
    if (inner.unseen !== null) inner.see();
    const body = bodies.clone(inner.body);
    const other = new Response(null);
    const copied = other.#inner;
    copied.status = inner.status;
    copied.statusText = inner.statusText;
    copied.headers = copy(this.headers);
    copied.body = body;
    copied.cf = inner.cf;
    copied.encodeBody = inner.encodeBody;
    copied.url = inner.url;
    copied.redirected = inner.redirected;
    copied.responseType = inner.responseType;
    return other;
  }

  text() {
    if (!isResponse(this)) throw core.illegalInvocation();
    return bodies.consumeText(this.#body());
  }

  json() {
    if (!isResponse(this)) throw core.illegalInvocation();
    return bodies.consumeJson(this.#body());
  }

  arrayBuffer() {
    if (!isResponse(this)) throw core.illegalInvocation();
    return bodies.consumeArrayBuffer(this.#body());
  }

  bytes() {
    if (!isResponse(this)) throw core.illegalInvocation();
    return bodies.consumeBytes(this.#body());
  }

  blob() {
    if (!isResponse(this)) throw core.illegalInvocation();
    return bodies.consumeBlob(this.#body(), this.headers);
  }

  formData() {
    if (!isResponse(this)) throw core.illegalInvocation();
    return bodies.consumeFormData(this.#body(), this.headers);
  }

  [SymbolFor("Deno.privateCustomInspect")](inspect, options) {
    return `Response ${
      inspect({
        status: this.#inner.status,
        statusText: this.#inner.statusText,
        headers: this.headers,
        ok: this.ok,
        bodyUsed: this.bodyUsed,
        url: this.#inner.url,
        redirected: this.#inner.redirected,
      }, options)
    }`;
  }

  static {
    innerOf = (response) => {
      const inner = response.#inner;
      if (inner.unseen !== null) inner.see();
      return inner;
    };
    rawInnerOf = (response) => response.#inner;
    fromHost = (io, rid) => {
      const response = new Response(null);
      const inner = response.#inner;
      inner.statusText = "OK";
      inner.body = bodies.unseenBody(io, rid);
      inner.unseen = io;
      // A context keeps one at most.
      if (io.unseen !== null) io.unseen.see();
      io.unseen = inner;
      return response;
    };
    isResponse = (value) => typeof value === "object" && value !== null && #inner in value;
    fromNetwork = (fields) => {
      const response = new Response(null);
      const inner = response.#inner;
      inner.status = fields.status;
      inner.statusText = fields.statusText;
      inner.headers = fields.headers;
      inner.body = fields.body;
      inner.url = fields.url;
      inner.redirected = fields.redirected;
      inner.webSocket = fields.webSocket;
      return response;
    };
    adopt = (theirs, body, url, redirected) => {
      const response = new Response(null);
      const inner = response.#inner;
      inner.status = theirs.status;
      inner.statusText = theirs.statusText;
      if (theirs.headers !== null) inner.headers = copy(theirs.headers);
      inner.type = theirs.type;
      inner.body = body;
      inner.webSocket = theirs.webSocket;
      inner.cf = theirs.cf;
      inner.encodeBody = theirs.encodeBody;
      inner.url = url;
      inner.redirected = redirected;
      return response;
    };
  }
}

function hrefOf(url) {
  try {
    return new (urls().URL)(url).href;
  } catch {
    throw new TypeError(`Unable to parse URL: ${url}`);
  }
}

/** Where a redirect leads for old dates: what the parser leaves of the text. */
function locationOf(text) {
  const { bytesOf, parse, written } = core.loadExtScript("ext:selvedge/legacy/url_parser.js");
  const url = parse(text, false);
  if (url === null) throw new TypeError(`Unable to parse URL: ${text}`);
  if (RegExpPrototypeExec(BAD_LOCATION, text) !== null) {
    throw new TypeError(`Redirect URL cannot contain '\\r', '\\n', or '\\0': ${text}`);
  }
  return bytesOf(written(url, false));
}

function wrongField(name, type) {
  return new TypeError(
    `Incorrect type for the '${name}' field on 'InitializerDict': the provided value is not of type '${type}'.`,
  );
}

function isSocket(value) {
  return ObjectPrototypeIsPrototypeOf(sockets().WebSocket.prototype, value);
}

function socketOf(value) {
  if (value === undefined || value === null) return null;
  if (isSocket(value)) return value;
  if (isOff("dont_substitute_null_on_type_error")) return null;
  throw wrongField("webSocket", "WebSocket");
}

function readInit(inner, init) {
  // Another response may serve as init: status and headers are taken from it.
  if (typeof init !== "object" && typeof init !== "function") {
    throw new TypeError(
      "Failed to construct 'Response': constructor parameter 2 is not of type 'InitializerDict or Response'.",
    );
  }
  const socket = socketOf(init.webSocket);
  let status = init.status;
  if (socket !== null) {
    inner.webSocket = socket;
    if (status !== undefined && Number(status) !== 101) {
      throw new RangeError("Responses with a WebSocket must have status code 101.");
    }
    status = 101;
  } else if (status !== undefined) {
    status = Number(status);
    if (status === 101) {
      throw new RangeError(
        "Responses may only be constructed with status codes in the range 200 to 599, inclusive.",
      );
    }
  }
  if (status !== undefined) {
    if (!(status === 101 || (status >= 200 && status <= 599)) || status % 1 !== 0) {
      throw new RangeError(
        "Responses may only be constructed with status codes in the range 200 to 599, inclusive.",
      );
    }
    inner.status = status;
  }
  const statusText = init.statusText;
  if (statusText !== undefined && statusText !== null) {
    const text = String(statusText);
    if (RegExpPrototypeExec(BAD_STATUS_TEXT, text) !== null) {
      throw new TypeError("Invalid statusText");
    }
    inner.statusText = text;
  }
  const headers = init.headers;
  if (headers !== undefined && headers !== null) inner.headers = headersOf(headers);
  if (init.cf !== undefined) {
    if (init.cf !== null && typeof init.cf !== "object") throw wrongField("cf", "Object");
    inner.cf = init.cf;
  }
  const encodeBody = init.encodeBody;
  if (encodeBody !== undefined) {
    if (encodeBody !== "automatic" && encodeBody !== "manual") {
      throw new TypeError(`encodeBody: unexpected value: ${String(encodeBody)}`);
    }
    inner.encodeBody = encodeBody;
  }
}

ObjectDefineProperty(Response.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "Response",
  configurable: true,
});
const enumerable = { __proto__: null, enumerable: true };
ObjectDefineProperties(Response.prototype, {
  status: enumerable,
  statusText: enumerable,
  ok: enumerable,
  headers: enumerable,
  url: enumerable,
  redirected: enumerable,
  type: enumerable,
  webSocket: enumerable,
  cf: enumerable,
  encodeBody: enumerable,
  body: enumerable,
  bodyUsed: enumerable,
});

export { adopt, fromHost, fromNetwork, innerOf, isResponse, rawInnerOf, Response };
