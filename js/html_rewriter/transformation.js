// The transformation of one response by an HTMLRewriter.
//
// The parser is the host's. It says at each step what it needs next: input, a
// handler's work on a token, content that a handler promised. It gets that as
// fast as its output is read.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  op_rewriter_close,
  op_rewriter_content,
  op_rewriter_content_end,
  op_rewriter_continue,
  op_rewriter_end,
  op_rewriter_new,
  op_rewriter_on_end_tag,
  op_rewriter_output,
  op_rewriter_pending,
  op_rewriter_write,
} = core.ops;
const {
  ArrayPrototypePush,
  MapPrototypeDelete,
  MapPrototypeGet,
  MapPrototypeGetSize,
  MapPrototypeSet,
  Promise,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  ReflectApply,
  SafeMap,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeSubarray,
  TypeError,
} = primordials;
const { io: contexts } = internals.selvedge;
const {
  acquireReadableStreamDefaultReader,
  createReadableByteStream,
  isReadableStreamLocked,
  readableByteStreamControllerEnqueue,
  readableByteStreamEnd,
  readableStreamDefaultReaderRead,
  readableStreamReaderGenericCancel,
} = core.loadExtScript("ext:deno_web/06_streams.js");
const { ignore, uploaded } = core.loadExtScript("ext:selvedge/streams.js");
const { Comment, Doctype, DocumentEnd, Element, EndTag, internal, LOCKED, Text } = core.loadExtScript(
  "ext:selvedge/html_rewriter/tokens.js",
);

const NOT_BYTES = "This TransformStream is being used as a byte stream, but received an object of " +
  "non-ArrayBuffer/ArrayBufferView type on its writable side.";

/** The parser gets this much at once: it cannot be stopped in between. */
const SLICE_BYTES = 64 * 1024;

// What the parser needs (`code` in ops/html_rewriter.rs).
const INPUT = 0;
const ELEMENT = 1;
const COMMENT = 2;
const TEXT = 3;
const DOCTYPE = 4;
const DOCUMENT_END = 5;
const END_TAG = 6;
const CONTENT = 7;

/** One chunk at a time of a stream. */
class Source {
  #reader;
  #onChunk;
  #reading = false;
  #arrived = false;
  /** What came, until it is taken: null before, and at the end. */
  chunk = null;
  ended = false;
  failure = null;

  /** `onChunk` is called when something came that was not there at once. */
  constructor(stream, onChunk) {
    this.#reader = acquireReadableStreamDefaultReader(stream);
    this.#onChunk = onChunk;
  }

  /** Reads on; tells whether something is there at once. */
  read() {
    this.#reading = true;
    this.#arrived = false;
    readableStreamDefaultReaderRead(this.#reader, this);
    this.#reading = false;
    return this.#arrived;
  }

  chunkSteps(value) {
    const chunk = uploaded(value);
    if (chunk === undefined) {
      this.failure = { error: new TypeError(NOT_BYTES) };
    } else {
      this.chunk = chunk;
    }
    this.#came();
  }

  closeSteps() {
    this.ended = true;
    this.#came();
  }

  errorSteps(error) {
    this.failure = { error };
    this.#came();
  }

  #came() {
    if (this.#reading) this.#arrived = true;
    else this.#onChunk();
  }

  cancel(reason) {
    ignore(readableStreamReaderGenericCancel(this.#reader, reason));
  }
}

class Transformation {
  /** The parser's number; -1 before the first read, and at the end. */
  rid = -1;
  #io;
  /** Where handlers run: what an AsyncLocalStorage had when `transform()` was called. */
  #frame;
  #sets;
  #encoding;
  #source;
  #input = null;
  #at = 0;
  #step = INPUT;
  /** The token that its handler has. */
  #token = null;
  #endTags = new SafeMap();
  #promised = new SafeMap();
  #nextId = 0;
  /** What is read for `CONTENT`. */
  #content = null;
  /** Whoever reads: the controller, and how to tell that a chunk is there. */
  #controller = null;
  #wanted = null;
  /** Something is under way that goes on by itself. */
  #busy = false;
  #failure = null;

  constructor(io, sets, encoding, stream) {
    this.#io = io;
    this.#frame = core.getAsyncContext();
    this.#sets = sets;
    this.#encoding = encoding;
    this.#source = new Source(stream, () => this.#wake());
  }

  /** What comes out. Nothing happens before it is read. */
  stream() {
    return createReadableByteStream(
      () => {},
      (controller) => this.#pull(controller),
      (reason) => this.#cancel(reason),
    );
  }

  /** Content that the parser will ask for; its number. */
  promise(stream) {
    const id = this.#newId();
    MapPrototypeSet(this.#promised, id, stream);
    return id;
  }

  expectEndTag(rid, handler) {
    const id = this.#newId();
    op_rewriter_on_end_tag(rid, id);
    MapPrototypeSet(this.#endTags, id, handler);
  }

  #newId() {
    // Numbers are used again, for there is not much room for them.
    if (MapPrototypeGetSize(this.#endTags) === 0 && MapPrototypeGetSize(this.#promised) === 0) this.#nextId = 0;
    return this.#nextId++;
  }

  #pull(controller) {
    this.#controller = controller;
    try {
      contexts.checkOwner(this.#io);
    } catch (error) {
      return PromiseReject(error);
    }
    return new Promise((resolve, reject) => {
      this.#wanted = { __proto__: null, resolve, reject };
      if (!this.#busy) this.#go();
    });
  }

  /** What it waited for is there. Without a reader it goes on when there is one. */
  #wake() {
    if (this.#wanted === null) this.#busy = false;
    else this.#go();
  }

  #go() {
    if (this.#failure !== null) {
      this.#settle();
      return;
    }
    this.#busy = true;
    try {
      if (this.rid < 0) this.#start();
      while (this.#advance());
    } catch (error) {
      this.#fail(error);
    }
  }

  #start() {
    const selectors = [];
    const flags = [];
    for (let i = 0; i < this.#sets.length; i++) {
      ArrayPrototypePush(selectors, this.#sets[i].selector);
      ArrayPrototypePush(flags, this.#sets[i].flags);
    }
    this.rid = op_rewriter_new(selectors, flags, this.#encoding);
    contexts.ownBody(this.#io, this.rid);
  }

  /** Gives the parser what it needs; tells whether to go on at once. */
  #advance() {
    switch (this.#step & 15) {
      case INPUT:
        return this.#feed();
      case CONTENT:
        return this.#feedContent();
      case ELEMENT:
      case COMMENT:
      case TEXT:
      case DOCTYPE:
      case DOCUMENT_END:
      case END_TAG:
        return this.#handle();
      default:
        this.#finish();
        return false;
    }
  }

  /** Gives what came out to the reader, if something did. */
  #flush() {
    if (op_rewriter_pending(this.rid) === 0) return false;
    readableByteStreamControllerEnqueue(this.#controller, op_rewriter_output(this.rid));
    this.#settle();
    return true;
  }

  /** Answers whoever reads. */
  #settle() {
    const wanted = this.#wanted;
    if (wanted === null) return;
    this.#wanted = null;
    if (this.#failure === null) wanted.resolve(undefined);
    else wanted.reject(this.#failure.error);
  }

  #feed() {
    if (this.#flush()) {
      this.#busy = false;
      return false;
    }
    if (this.#input === null) {
      const source = this.#source;
      if (source.failure !== null) throw source.failure.error;
      if (source.ended) {
        this.#step = op_rewriter_end(this.rid);
        return true;
      }
      if (source.chunk === null) return source.read();
      this.#input = source.chunk;
      this.#at = 0;
      source.chunk = null;
    }
    const input = this.#input;
    const end = this.#at + SLICE_BYTES;
    const isLast = TypedArrayPrototypeGetByteLength(input) <= end;
    const slice = this.#at === 0 && isLast ? input : TypedArrayPrototypeSubarray(input, this.#at, end);
    if (isLast) this.#input = null;
    this.#at = end;
    this.#step = op_rewriter_write(this.rid, slice);
    return true;
  }

  #feedContent() {
    if (this.#flush()) {
      this.#busy = false;
      return false;
    }
    if (this.#content === null) {
      const id = this.#step >>> 4;
      const stream = MapPrototypeGet(this.#promised, id);
      MapPrototypeDelete(this.#promised, id);
      if (isReadableStreamLocked(stream)) throw new TypeError(LOCKED);
      this.#content = new Source(stream, () => this.#wake());
    }
    const content = this.#content;
    if (content.failure !== null) {
      this.#content = null;
      throw content.failure.error;
    }
    if (content.ended) {
      this.#content = null;
      this.#step = op_rewriter_content_end(this.rid);
      return true;
    }
    if (content.chunk === null) return content.read();
    const { chunk } = content;
    content.chunk = null;
    this.#step = op_rewriter_content(this.rid, chunk);
    return true;
  }

  #handle() {
    const waiting = this.#call();
    if (waiting === null) {
      this.#proceed();
      return true;
    }
    // What stands before the token may be read meanwhile.
    this.#flush();
    PromisePrototypeThen(waiting, () => {
      try {
        this.#proceed();
      } catch (error) {
        this.#fail(error);
        return;
      }
      this.#wake();
    }, (error) => this.#fail(error));
    return false;
  }

  /** The handler is done. */
  #proceed() {
    // (The context has ended meanwhile, or nobody wants the rest.)
    if (this.#token === null) return;
    this.#token.run = null;
    this.#token = null;
    this.#step = op_rewriter_continue(this.rid);
  }

  /** Calls the handler; gives the promise that it waits for, or null. */
  #call() {
    const number = this.#step >>> 4;
    const set = this.#sets[number];
    const token = { __proto__: null, run: this, version: 0 };
    this.#token = token;
    switch (this.#step & 15) {
      case ELEMENT:
        return this.#run(set.element, set.receiver, new Element(internal, token));
      case COMMENT:
        return this.#run(set.comments, set.receiver, new Comment(internal, token));
      case TEXT:
        return this.#run(set.text, set.receiver, new Text(internal, token));
      case DOCTYPE:
        return this.#run(set.doctype, set.receiver, new Doctype(internal, token));
      case DOCUMENT_END:
        return this.#run(set.end, set.receiver, new DocumentEnd(internal, token));
      default: {
        const handler = MapPrototypeGet(this.#endTags, number);
        MapPrototypeDelete(this.#endTags, number);
        return this.#run(handler, undefined, new EndTag(internal, token));
      }
    }
  }

  #run(handler, receiver, token) {
    const before = core.getAsyncContext();
    core.setAsyncContext(this.#frame);
    try {
      const result = ReflectApply(handler, receiver, [token]);
      if (result === undefined) return null;
      if (core.isPromise(result)) return result;
      if (!internals.isOff("unwrap_custom_thenables") && typeof result?.then === "function") return new Promise((resolve) => resolve(result));
      return null;
    } finally {
      core.setAsyncContext(before);
    }
  }

  #finish() {
    this.#flush();
    this.#close();
    readableByteStreamEnd(this.#controller);
    this.#settle();
    this.#busy = false;
  }

  #close() {
    if (this.#token !== null) {
      this.#token.run = null;
      this.#token = null;
    }
    if (this.rid < 0) return;
    op_rewriter_close(this.rid);
    contexts.disownBody(this.#io, this.rid);
    this.rid = -1;
  }

  #fail(error) {
    if (this.#failure !== null) return;
    this.#failure = { __proto__: null, error };
    this.#close();
    this.#abandon(error);
    this.#busy = false;
    this.#settle();
  }

  #abandon(reason) {
    if (!this.#source.ended && this.#source.failure === null) this.#source.cancel(reason);
    if (this.#content !== null) this.#content.cancel(reason);
    this.#content = null;
  }

  /** Nobody reads any more. */
  #cancel(reason) {
    this.#failure ??= { __proto__: null, error: reason };
    this.#close();
    this.#abandon(reason);
    return PromiseResolve(undefined);
  }
}

return { Transformation };
})();
