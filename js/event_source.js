// EventSource (https://html.spec.whatwg.org/multipage/server-sent-events.html)
// with what Workers add: `EventSource.from(stream)`, and `fetcher`.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  Number,
  ObjectDefineProperties,
  ObjectDefineProperty,
  ObjectPrototypeIsPrototypeOf,
  RegExpPrototypeExec,
  SafeRegExp,
  String,
  StringPrototypeCharCodeAt,
  StringPrototypeIncludes,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  StringPrototypeStartsWith,
  SymbolDispose,
  SymbolToStringTag,
  TypeError,
} = primordials;
const { bodies, io: contexts, response: responses } = internals.selvedge;
const { defineEventHandler, dispatch, ErrorEvent, Event, EventTarget, MessageEvent } = core.loadExtScript(
  "ext:deno_web/02_event.js",
);
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");
const { TextDecoder } = core.loadExtScript("ext:deno_web/08_text_encoding.js");
const { AbortController } = internals.load("ext:deno_web/03_abort_signal.js");
const {
  acquireReadableStreamDefaultReader,
  isReadableStreamLocked,
  readableStreamDefaultReaderRead,
  ReadableStreamPrototype,
  readableStreamReaderGenericCancel,
} = core.loadExtScript("ext:deno_web/06_streams.js");
const { discard, ignore, uploaded } = core.loadExtScript("ext:selvedge/streams.js");
const { fetch } = core.loadExtScript("ext:selvedge/fetch/fetch.js");
const { Request } = internals.selvedge.request;

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;

/** Milliseconds until a lost connection is made again, and what a server may set. */
const DEFAULT_WAIT = 2000;
const LEAST_WAIT = 1000;
const MOST_WAIT = 10000;
/** A line or an event that is longer ends the source. */
const MAX_EVENT_CHARS = 16 * 1024 * 1024;

const DIGITS = new SafeRegExp("^[0-9]+$");
const EVENT_STREAM = new SafeRegExp("^\\s*text/event-stream\\s*(;|$)", "i");
/** Given by `from()`. */
const internal = { __proto__: null };

/** Makes events of text that comes in pieces. */
class Parser {
  #emit;
  #rest = "";
  /** The last piece ended with CR: an LF that follows belongs to it. */
  #sawReturn = false;
  #isFirst = true;
  #data = null;
  #type = "";
  #id = "";
  lastEventId = "";
  wait = DEFAULT_WAIT;

  constructor(emit) {
    this.#emit = emit;
  }

  /** Takes a piece; the text of an error when it is too long. */
  push(text) {
    if (this.#isFirst && text.length > 0) {
      this.#isFirst = false;
      if (StringPrototypeStartsWith(text, "\ufeff")) text = StringPrototypeSlice(text, 1);
    }
    let start = 0;
    for (let at = 0; at < text.length; at++) {
      const code = StringPrototypeCharCodeAt(text, at);
      if (code !== 10 && code !== 13) {
        this.#sawReturn = false;
        continue;
      }
      if (code === 10 && this.#sawReturn) {
        this.#sawReturn = false;
        start = at + 1;
        continue;
      }
      this.#sawReturn = code === 13;
      this.#line(this.#rest + StringPrototypeSlice(text, start, at));
      this.#rest = "";
      start = at + 1;
    }
    this.#rest += StringPrototypeSlice(text, start);
    if (this.#rest.length > MAX_EVENT_CHARS || this.#data !== null && this.#data.length > MAX_EVENT_CHARS) {
      throw new TypeError("The event stream has an event that is too long.");
    }
  }

  #line(line) {
    if (line === "") {
      this.#end();
      return;
    }
    const colon = StringPrototypeIndexOf(line, ":");
    if (colon === 0) return;
    const field = colon < 0 ? line : StringPrototypeSlice(line, 0, colon);
    let value = colon < 0 ? "" : StringPrototypeSlice(line, colon + 1);
    if (StringPrototypeStartsWith(value, " ")) value = StringPrototypeSlice(value, 1);
    switch (field) {
      case "data":
        this.#data = this.#data === null ? value : `${this.#data}\n${value}`;
        break;
      case "event":
        this.#type = value;
        break;
      case "id":
        if (!StringPrototypeIncludes(value, "\0")) this.#id = value;
        break;
      case "retry":
        if (RegExpPrototypeExec(DIGITS, value) !== null) this.wait = Number(value);
    }
  }

  #end() {
    this.lastEventId = this.#id;
    const data = this.#data;
    const type = this.#type === "" ? "message" : this.#type;
    this.#data = null;
    this.#type = "";
    if (data !== null) this.#emit(type, data, this.lastEventId);
  }
}

class EventSource extends core.classOf(EventTarget) {
  #url = "";
  #origin = null;
  #state = CONNECTING;
  #io = contexts.requiredOpen();
  #fetcher = undefined;
  #abort = null;
  #reader = null;
  #lastEventId = "";
  #wait = DEFAULT_WAIT;

  constructor(url, init = undefined) {
    super();
    if (url === internal) {
      this.#state = OPEN;
      ignore(this.#follow(init));
      return;
    }
    if (arguments.length === 0) {
      throw new TypeError("Failed to construct 'EventSource': constructor parameter 1 is not of type 'string'.");
    }
    let parsed;
    try {
      parsed = new URL(String(url));
    } catch {
      throw new DOMException(`Cannot open an EventSource to '${url}'. The URL is invalid.`, "SyntaxError");
    }
    if (init?.withCredentials) {
      throw new DOMException(
        "The init.withCredentials option is not supported. It must be false or undefined.",
        "NotSupportedError",
      );
    }
    const fetcher = init?.fetcher;
    if (fetcher !== undefined && typeof fetcher?.fetch !== "function") {
      throw new TypeError(
        "Incorrect type for the 'fetcher' field on 'EventSourceInit': the provided value is not of type 'Fetcher'.",
      );
    }
    this.#fetcher = fetcher;
    this.#url = parsed.href;
    this.#origin = parsed.origin;
    ignore(this.#run());
  }

  static from(stream) {
    if (!ObjectPrototypeIsPrototypeOf(ReadableStreamPrototype, stream)) {
      throw new TypeError("Failed to execute 'from' on 'EventSource': parameter 1 is not of type 'JsReadableStream'.");
    }
    if (isReadableStreamLocked(stream)) throw new TypeError("This ReadableStream is locked.");
    return new EventSource(internal, stream);
  }

  get url() {
    return this.#url;
  }

  get withCredentials() {
    return false;
  }

  get readyState() {
    return this.#state;
  }

  close() {
    this.#state = CLOSED;
    this.#abort?.abort();
    if (this.#reader !== null) ignore(readableStreamReaderGenericCancel(this.#reader, undefined));
    this.#reader = null;
  }

  [SymbolDispose]() {
    this.close();
  }

  /** Connects, and again when the connection is lost. */
  async #run() {
    while (this.#state !== CLOSED) {
      const problem = await this.#connect();
      if (this.#state === CLOSED) return;
      if (problem.isFinal) {
        this.#fail(problem.error);
        return;
      }
      this.#state = CONNECTING;
      this.#tell(problem.error);
      await internals.sleep(this.#wait);
    }
  }

  /** One connection, to its end; gives what ended it. */
  async #connect() {
    let response;
    try {
      this.#abort = new AbortController();
      response = await this.#fetch();
    } catch (error) {
      return { __proto__: null, error, isFinal: false };
    }
    if (this.#state === CLOSED) return undefined;
    const problem = refusal(response);
    const { body } = responses.innerOf(response);
    const stream = bodies.streamOf(body);
    if (problem !== null) {
      if (stream !== null) discard(stream, undefined);
      return { __proto__: null, error: new TypeError(problem), isFinal: true };
    }
    this.#state = OPEN;
    this.#dispatch(new Event("open"));
    const error = stream === null ? null : await this.#read(stream);
    return { __proto__: null, error: error ?? new TypeError("The event stream has ended."), isFinal: false };
  }

  #fetch() {
    const headers = { __proto__: null, accept: "text/event-stream", "cache-control": "no-cache" };
    if (this.#lastEventId !== "") headers["last-event-id"] = this.#lastEventId;
    const request = new Request(this.#url, { __proto__: null, headers, signal: this.#abort.signal });
    return this.#fetcher === undefined ? fetch(request) : this.#fetcher.fetch(request);
  }

  /** Events of a stream that no connection gives again. */
  async #follow(stream) {
    const error = await this.#read(stream);
    if (this.#state !== CLOSED) this.#fail(error);
  }

  /** Reads a stream to its end; gives the error that ended it, or null. */
  async #read(stream) {
    const parser = new Parser((type, data, lastEventId) => {
      if (this.#state === CLOSED) return;
      this.#dispatch(new MessageEvent(type, { __proto__: null, data, origin: this.#origin ?? "", lastEventId }));
    });
    const decoder = new TextDecoder("utf-8", { __proto__: null, ignoreBOM: true });
    const reader = acquireReadableStreamDefaultReader(stream);
    this.#reader = reader;
    try {
      for (;;) {
        const { done, value } = await next(reader);
        if (done || this.#state === CLOSED) return null;
        parser.push(typeof value === "string" ? value : decoder.decode(value, { __proto__: null, stream: true }));
        this.#lastEventId = parser.lastEventId;
        this.#wait = parser.wait < LEAST_WAIT ? LEAST_WAIT : parser.wait > MOST_WAIT ? MOST_WAIT : parser.wait;
      }
    } catch (error) {
      ignore(readableStreamReaderGenericCancel(reader, error));
      return error;
    } finally {
      this.#reader = null;
    }
  }

  #fail(error) {
    this.#state = CLOSED;
    this.#tell(error);
  }

  #tell(error) {
    this.#dispatch(new ErrorEvent("error", { __proto__: null, error }));
  }

  /** Listeners run as the request that made the source. */
  #dispatch(event) {
    if (this.#io.over) return;
    contexts.runIn(this.#io, () => dispatch(this, event));
  }
}

/** Why a response is no event stream, or null. */
function refusal(response) {
  const inner = responses.innerOf(response);
  if (inner.status === 204) return "The server wants no more connections: its response has status code 204.";
  if (inner.status < 200 || inner.status > 299) return `The response status code was ${inner.status}.`;
  const type = response.headers.get("content-type");
  if (type === null || RegExpPrototypeExec(EVENT_STREAM, type) === null) {
    return `The content type of the response is ${type ?? "missing"}, not text/event-stream.`;
  }
  return null;
}

/** The next chunk of a stream. */
function next(reader) {
  return new primordials.Promise((resolve, reject) => {
    readableStreamDefaultReaderRead(reader, {
      __proto__: null,
      chunkSteps(value) {
        const bytes = typeof value === "string" ? value : uploaded(value);
        if (bytes === undefined) reject(new TypeError("The event stream did not return bytes."));
        else resolve({ __proto__: null, done: false, value: bytes });
      },
      closeSteps: () => resolve({ __proto__: null, done: true, value: undefined }),
      errorSteps: reject,
    });
  });
}

defineEventHandler(EventSource.prototype, "open");
defineEventHandler(EventSource.prototype, "message");
defineEventHandler(EventSource.prototype, "error");

const constants = {
  __proto__: null,
  CONNECTING: { __proto__: null, value: CONNECTING, enumerable: true },
  OPEN: { __proto__: null, value: OPEN, enumerable: true },
  CLOSED: { __proto__: null, value: CLOSED, enumerable: true },
};
ObjectDefineProperties(EventSource, constants);
ObjectDefineProperties(EventSource.prototype, constants);
ObjectDefineProperty(EventSource.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "EventSource",
  configurable: true,
});

const { checkReceivers } = core.loadExtScript("ext:selvedge/receivers.js");
checkReceivers(EventSource);

return { EventSource: core.expose(EventSource) };
})();
