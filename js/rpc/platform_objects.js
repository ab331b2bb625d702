// Requests, responses, streams, signals and blobs between contexts. A body that
// comes from the network changes its owner; a stream of the Worker's is read,
// or written, through calls to where it lives, one chunk each.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ArrayBufferIsView,
  ArrayPrototypePush,
  Error,
  ObjectGetPrototypeOf,
  ObjectPrototypeIsPrototypeOf,
  Promise,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetByteOffset,
  TypeError,
  Uint8Array,
  uncurryThis,
} = primordials;
const { bodies, headers: headerLists, io: contexts, request: requests, response: responses } = internals.selvedge;
const { add, AbortSignalPrototype, newSignal, signalAbort } = core.loadExtScript("ext:deno_web/03_abort_signal.js");
const {
  acquireWritableStreamDefaultWriter,
  createReadableByteStream,
  createWritableStream,
  isReadableStreamLocked,
  isWritableStreamLocked,
  readableByteStreamControllerEnqueue,
  readableByteStreamEnd,
  ReadableStreamPrototype,
  WritableStream,
  writableStreamAbort,
  writableStreamDefaultWriterClose,
  writableStreamDefaultWriterWrite,
} = core.loadExtScript("ext:deno_web/06_streams.js");
const { Blob, BlobPrototype, getParts } = core.loadExtScript("ext:deno_web/09_file.js");
const { drain } = core.loadExtScript("ext:selvedge/streams.js");
const { READABLE_LOST, WRITABLE_LOST } = core.loadExtScript("ext:selvedge/rpc/errors.js");
const { External } = core.loadExtScript("ext:selvedge/rpc/messages.js");
const { exactBytes } = core.loadExtScript("ext:selvedge/rpc/values.js");
const { LocalAnswer, Target } = core.loadExtScript("ext:selvedge/rpc/capabilities.js");
const rpc = internals.rpc;

/** A chunk crosses in pieces of this many bytes at most. */
const PIECE_BYTES = 1024 * 1024;

const WritableStreamPrototype = WritableStream.prototype;
const blobType = uncurryThis(primordials.ReflectGetOwnPropertyDescriptor(BlobPrototype, "type").get);
const blobSize = uncurryThis(primordials.ReflectGetOwnPropertyDescriptor(BlobPrototype, "size").get);

/** Calls an own method of what a capability leads to; a promise of its result. */
function ask(io, cap, method, ...args) {
  const answer = new LocalAnswer(io);
  cap.send([method], rpc.messageOf(args, io), answer);
  return answer.promise;
}

// ----- Readable streams. -----

/** What the other side reads a stream of this context by. */
class Source {
  #io;
  #reading;
  #isOpen = true;
  /** Who waits for a piece: how to tell him. */
  #waiting = null;
  /** What is left of a chunk. */
  #rest = null;
  /** How the stream ended before somebody asked. */
  #end = null;

  constructor(io, stream) {
    this.#io = io;
    io.sending++;
    this.#reading = drain(io, stream, {
      __proto__: null,
      write: (chunk) => {
        this.#took(chunk);
        return false;
      },
      close: () => this.#over({ __proto__: null, value: null }),
      error: () => this.#over({ __proto__: null, error: new Error(READABLE_LOST) }),
    });
  }

  cap() {
    const stop = (reason) => this.#stop(reason);
    return new Target(this.#io, {
      __proto__: null,
      pull: () => this.#pull(),
      cancel: stop,
    }, "internal", () => stop(new Error(READABLE_LOST)));
  }

  #close() {
    if (!this.#isOpen) return false;
    this.#isOpen = false;
    this.#io.sending--;
    return true;
  }

  #stop(reason) {
    if (!this.#close()) return undefined;
    return PromisePrototypeThen(this.#reading.cancel(reason), () => undefined, () => undefined);
  }

  #over(end) {
    this.#close();
    this.#end = end;
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting !== null) tell(waiting, end);
  }

  #took(chunk) {
    let bytes;
    if (typeof chunk === "string") bytes = core.encode(chunk);
    else if (ArrayBufferIsView(chunk) || core.isAnyArrayBuffer(chunk)) bytes = exactBytes(chunk);
    if (bytes === undefined) {
      const error = new TypeError("This ReadableStream did not return bytes.");
      this.#stop(error);
      this.#over({ __proto__: null, error });
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = null;
    tell(waiting, { __proto__: null, value: this.#piece(bytes) });
  }

  #pull() {
    if (this.#rest !== null) return this.#piece(this.#rest);
    return new Promise((resolve, reject) => {
      const waiting = { __proto__: null, resolve, reject };
      if (this.#end !== null) {
        tell(waiting, this.#end);
        return;
      }
      this.#waiting = waiting;
      this.#reading.resume();
    });
  }

  /** The next piece of a chunk; the rest waits. */
  #piece(bytes) {
    const length = TypedArrayPrototypeGetByteLength(bytes);
    if (length <= PIECE_BYTES) {
      this.#rest = null;
      return bytes;
    }
    this.#rest = part(bytes, PIECE_BYTES, length);
    return exactBytes(part(bytes, 0, PIECE_BYTES));
  }
}

function tell(waiting, end) {
  if (end.error === undefined) waiting.resolve(end.value);
  else waiting.reject(end.error);
}

function nothing() {}

/** A stretch of bytes, without asking a Worker of what class it is. */
function part(bytes, from, to) {
  const length = TypedArrayPrototypeGetByteLength(bytes);
  const offset = TypedArrayPrototypeGetByteOffset(bytes);
  return new Uint8Array(TypedArrayPrototypeGetBuffer(bytes), offset + from, (to < length ? to : length) - from);
}

/** A stream on its way: a body of the host if it is one, else a source. */
function packStream(io, stream) {
  if (isReadableStreamLocked(stream)) throw new TypeError("The ReadableStream has been locked to a reader.");
  const probe = new bodies.Body(bodies.STREAM, stream);
  probe.stream = stream;
  const rid = bodies.takeNative(probe);
  if (rid >= 0) {
    contexts.disownBody(io, rid);
    return { __proto__: null, kind: "native", rid, io, cap: null };
  }
  return { __proto__: null, kind: "source", rid: -1, io, cap: new Source(io, stream).cap(), length: bodies.lengthOfStream(stream) };
}

/** The stream in the context that receives it. */
function unpackStream(io, packed) {
  if (packed.kind === "native") {
    contexts.ownBody(io, packed.rid);
    return bodies.streamOf(bodies.nativeBody(io, packed.rid));
  }
  const cap = packed.cap;
  packed.cap = null;
  const hold = rpc.hold(io, cap);
  const lost = () => {
    hold.leave();
    throw new Error(READABLE_LOST);
  };
  const pull = (controller) => {
    if (hold.cap === null) return PromiseReject(new Error(READABLE_LOST));
    return PromisePrototypeThen(ask(io, cap, "pull"), (piece) => {
      if (piece === null) {
        hold.leave();
        readableByteStreamEnd(controller);
      } else if (TypedArrayPrototypeGetByteLength(piece) > 0) {
        readableByteStreamControllerEnqueue(controller, piece);
      } else {
        return pull(controller);
      }
      return undefined;
    }, lost);
  };
  const cancel = (reason) => {
    if (hold.cap === null) return PromiseResolve();
    const asked = ask(io, cap, "cancel", rpc.isPlain(reason) ? reason : undefined);
    hold.leave();
    return PromisePrototypeThen(asked, () => undefined, () => undefined);
  };
  const stream = createReadableByteStream(nothing, pull, cancel);
  if (packed.length >= 0) internals.declareLength(stream, packed.length);
  return stream;
}

// ----- Writable streams. -----

function writableCap(io, stream) {
  if (isWritableStreamLocked(stream)) throw new TypeError("This WritableStream is currently locked to a writer.");
  const writer = acquireWritableStreamDefaultWriter(stream);
  let open = true;
  io.sending++;
  const end = () => {
    if (!open) return false;
    open = false;
    io.sending--;
    return true;
  };
  const lost = () => {
    const error = new Error(WRITABLE_LOST);
    error.retryable = true;
    return error;
  };
  return new Target(io, {
    __proto__: null,
    write: (bytes) => PromisePrototypeThen(writableStreamDefaultWriterWrite(writer, TypedArrayPrototypeGetBuffer(bytes)), () => undefined),
    close: () => end() ? PromisePrototypeThen(writableStreamDefaultWriterClose(writer), () => undefined) : undefined,
    abort: () => end() ? PromisePrototypeThen(writableStreamAbort(stream, lost()), () => undefined) : undefined,
  }, "internal", () => {
    if (end()) PromisePrototypeThen(writableStreamAbort(stream, lost()), undefined, () => {});
  });
}

function makeWritable(io, cap) {
  const hold = rpc.hold(io, cap);
  const step = (method, isLast, bytes) => {
    if (hold.cap === null) return PromiseReject(new Error(WRITABLE_LOST));
    const asked = bytes === undefined ? ask(io, cap, method) : ask(io, cap, method, bytes);
    if (isLast) hold.leave();
    return PromisePrototypeThen(asked, () => undefined);
  };
  const write = (chunk) => {
    let bytes;
    if (typeof chunk === "string") bytes = core.encode(chunk);
    else if (ArrayBufferIsView(chunk) || core.isAnyArrayBuffer(chunk)) bytes = exactBytes(chunk);
    else return PromiseReject(new TypeError("This WritableStream only supports writing byte types."));
    return writePieces(step, bytes, 0);
  };
  return createWritableStream(nothing, write, () => step("close", true), () => step("abort", true), 1, () => 1);
}

/** Writes bytes, one piece after the other. */
function writePieces(step, bytes, at) {
  const length = TypedArrayPrototypeGetByteLength(bytes);
  if (length <= PIECE_BYTES) return step("write", false, bytes);
  const piece = exactBytes(part(bytes, at, at + PIECE_BYTES));
  const next = at + PIECE_BYTES;
  const written = step("write", false, piece);
  return next >= length ? written : PromisePrototypeThen(written, () => writePieces(step, bytes, next));
}

// ----- Requests and responses. -----

function packBody(io, body) {
  if (body === null) return null;
  if (bodies.isLocked(body) || bodies.isUsed(body)) {
    throw new TypeError("The ReadableStream has been locked to a reader.");
  }
  if (body.stream === null && (body.kind === bodies.TEXT || body.kind === bodies.BYTES)) {
    body.used = true;
    return { __proto__: null, kind: body.kind === bodies.TEXT ? "text" : "bytes", source: body.source, cap: null };
  }
  const { length } = body;
  const rid = bodies.takeNative(body);
  if (rid >= 0) {
    contexts.disownBody(io, rid);
    return { __proto__: null, kind: "native", rid, io, cap: null };
  }
  const packed = packStream(io, bodies.streamOf(body));
  body.used = true;
  packed.length = length;
  return packed;
}

function unpackBody(io, packed) {
  if (packed === null) return null;
  switch (packed.kind) {
    case "text":
      return new bodies.Body(bodies.TEXT, packed.source);
    case "bytes":
      return new bodies.Body(bodies.BYTES, packed.source);
    case "native":
      contexts.ownBody(io, packed.rid);
      return bodies.nativeBody(io, packed.rid);
    default: {
      const stream = unpackStream(io, packed);
      const body = new bodies.Body(bodies.STREAM, stream);
      body.stream = stream;
      body.length = packed.length ?? -1;
      return body;
    }
  }
}

function encodeResponse(encoder, response) {
  const inner = responses.innerOf(response);
  if (inner.webSocket !== null) {
    throw new TypeError("Can't serialize a response with a WebSocket: only fetch() carries one.");
  }
  return new External("response", null, {
    __proto__: null,
    status: inner.status,
    statusText: inner.statusText,
    headers: inner.headers === null ? null : headerLists.toBlob(inner.headers),
    type: inner.type,
    cf: rpc.plainCopy(inner.cf),
    encodeBody: inner.encodeBody,
    body: packBody(encoder.io, inner.body),
  });
}

function makeResponse(io, data) {
  const headers = data.headers === null ? null : headerLists.fromBlob(data.headers, false);
  return responses.adopt({ __proto__: null, ...data, headers, webSocket: null }, unpackBody(io, data.body));
}

function encodeRequest(encoder, request) {
  const parts = requests.partsOf(request);
  return new External("request", parts.signal === null ? null : signalCap(encoder.io, parts.signal), {
    __proto__: null,
    method: parts.method,
    url: parts.url,
    headers: headerLists.toBlob(parts.headers),
    redirect: parts.redirect,
    cf: rpc.plainCopy(parts.cf),
    aborted: parts.signal !== null && parts.signal.aborted,
    body: packBody(encoder.io, parts.body),
  });
}

function makeRequest(io, made) {
  const { data, cap } = made;
  made.cap = null;
  const signal = cap === null ? null : makeSignal(io, cap, data.aborted);
  return requests.adopt(
    { __proto__: null, ...data, headers: headerLists.fromBlob(data.headers, false), signal },
    unpackBody(io, data.body),
    data.redirect,
  );
}

// ----- Abort signals. -----

/** What the other side learns of an abort by: a call that returns then. */
function signalCap(io, signal) {
  let tell = null;
  const aborted = new Promise((resolve) => {
    tell = resolve;
  });
  if (signal.aborted) tell();
  else signal[add](() => tell());
  return new Target(io, {
    __proto__: null,
    wait: () => PromisePrototypeThen(aborted, () => rpc.isPlain(signal.reason) ? signal.reason : undefined),
  }, "internal");
}

function makeSignal(io, cap, aborted) {
  const signal = newSignal();
  const hold = rpc.hold(io, cap);
  if (aborted) signal[signalAbort]();
  const abort = (reason) => {
    hold.leave();
    if (!signal.aborted) signal[signalAbort](reason);
  };
  PromisePrototypeThen(ask(io, cap, "wait"), abort, () => hold.leave());
  return signal;
}

// ----- All of them. -----

function encodePlatformObject(encoder, value) {
  const { io } = encoder;
  if (ObjectPrototypeIsPrototypeOf(ReadableStreamPrototype, value)) {
    return new External("readable", null, packStream(io, value));
  }
  if (ObjectPrototypeIsPrototypeOf(WritableStreamPrototype, value)) {
    return new External("writable", writableCap(io, value), null);
  }
  if (ObjectPrototypeIsPrototypeOf(AbortSignalPrototype, value)) {
    return new External("signal", signalCap(io, value), value.aborted);
  }
  if (ObjectGetPrototypeOf(value) === BlobPrototype) {
    encoder.size += blobSize(value);
    return new External("blob", null, value);
  }
  return undefined;
}

function materialize(made, io) {
  const { cap } = made;
  switch (made.kind) {
    case "readable":
      return unpackStream(io, made.data);
    case "writable":
      made.cap = null;
      return makeWritable(io, cap);
    case "signal":
      made.cap = null;
      return makeSignal(io, cap, made.data);
    case "response":
      return makeResponse(io, made.data);
    case "request":
      return makeRequest(io, made);
    case "blob":
      return made.data;
    case "service":
      return rpc.openService(made.data);
    default:
      throw new Error("internal error");
  }
}

/** The bytes of a blob, for another isolate. */
function blobBytes(blob) {
  const parts = getParts(blob);
  const all = [];
  for (let i = 0; i < parts.length; i++) ArrayPrototypePush(all, core.ops.op_blob_read_all_sync(parts[i]));
  return { __proto__: null, parts: all, type: blobType(blob) };
}

function blobOf(data) {
  return new Blob(data.parts, { __proto__: null, type: data.type });
}

/** A body of the host as a source, for another isolate. */
function toSource(packed) {
  if (packed === null || packed.kind !== "native") return packed;
  const { io, rid } = packed;
  contexts.ownBody(io, rid);
  const body = bodies.nativeBody(io, rid);
  const stream = bodies.streamOf(body);
  return { __proto__: null, kind: "source", rid: -1, io, cap: new Source(io, stream).cap(), length: body.length };
}

/** Nobody takes what was packed. */
function dropPacked(packed) {
  if (packed === null || packed === undefined) return;
  if (packed.kind === "native") core.ops.op_body_close(packed.rid);
  else if (packed.cap !== null) packed.cap.release();
}

rpc.encodeRequest = encodeRequest;
rpc.encodeResponse = encodeResponse;
rpc.encodePlatformObject = encodePlatformObject;
rpc.materialize = materialize;
rpc.dropExternal = (made) => {
  if (made.kind === "readable") dropPacked(made.data);
  else if (made.kind === "request" || made.kind === "response") dropPacked(made.data.body);
};

return { blobBytes, blobOf, toSource };
})();
