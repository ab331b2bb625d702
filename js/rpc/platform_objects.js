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
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeSubarray,
  TypeError,
  uncurryThis,
} = primordials;
const { bodies, headers: headerLists, io: contexts, request: requests, response: responses } = internals.selvedge;
const { add, AbortSignalPrototype, newSignal, signalAbort } = core.loadExtScript("ext:deno_web/03_abort_signal.js");
const {
  acquireReadableStreamDefaultReader: acquireReader,
  isReadableStreamLocked,
  ReadableStream,
  readableStreamDefaultReaderRead,
  ReadableStreamPrototype,
  readableStreamReaderGenericCancel: cancelReader,
  WritableStream,
  WritableStreamDefaultWriter,
} = core.loadExtScript("ext:deno_web/06_streams.js");
const { Blob, BlobPrototype, getParts } = core.loadExtScript("ext:deno_web/09_file.js");
const { READABLE_LOST, WRITABLE_LOST } = core.loadExtScript("ext:selvedge/rpc/errors.js");
const { External } = core.loadExtScript("ext:selvedge/rpc/messages.js");
const { exactBytes } = core.loadExtScript("ext:selvedge/rpc/values.js");
const { LocalAnswer, Target } = core.loadExtScript("ext:selvedge/rpc/capabilities.js");
const rpc = internals.rpc;

/** A chunk crosses in pieces of this many bytes at most. */
const PIECE_BYTES = 1024 * 1024;

const WritableStreamPrototype = WritableStream.prototype;
const writerMethods = WritableStreamDefaultWriter.prototype;
const writeTo = uncurryThis(writerMethods.write);
const closeWriter = uncurryThis(writerMethods.close);
const abortWriter = uncurryThis(writerMethods.abort);
const isWritableLocked = uncurryThis(
  primordials.ReflectGetOwnPropertyDescriptor(WritableStreamPrototype, "locked").get,
);
const blobType = uncurryThis(primordials.ReflectGetOwnPropertyDescriptor(BlobPrototype, "type").get);
const blobSize = uncurryThis(primordials.ReflectGetOwnPropertyDescriptor(BlobPrototype, "size").get);

/** Calls an own method of what a capability leads to; a promise of its result. */
function ask(io, cap, method, ...args) {
  const answer = new LocalAnswer(io);
  cap.send([method], rpc.messageOf(args, io), answer);
  return answer.promise;
}

// ----- Readable streams. -----

/** The next chunk of a stream, without the methods that a Worker can replace. */
function read(reader) {
  return new Promise((resolve, reject) => {
    readableStreamDefaultReaderRead(reader, {
      __proto__: null,
      chunkSteps: (value) => resolve({ __proto__: null, done: false, value }),
      closeSteps: () => resolve({ __proto__: null, done: true, value: undefined }),
      errorSteps: reject,
    });
  });
}

/** What the other side reads a stream of this context by. */
class Source {
  #io;
  #stream;
  #reader = null;
  #rest = null;

  constructor(io, stream) {
    this.#io = io;
    this.#stream = stream;
  }

  cap() {
    this.#reader = acquireReader(this.#stream);
    this.#io.sending++;
    return new Target(this.#io, {
      __proto__: null,
      pull: () => this.#pull(),
      cancel: (reason) => this.#end(() => cancelReader(this.#reader, reason)),
    }, "internal", () => this.#end(() => cancelReader(this.#reader, new Error(READABLE_LOST))));
  }

  #end(act) {
    if (this.#stream === null) return undefined;
    this.#stream = null;
    this.#io.sending--;
    return PromisePrototypeThen(act(), undefined, () => {});
  }

  #pull() {
    if (this.#rest !== null) return this.#piece(this.#rest);
    return PromisePrototypeThen(read(this.#reader), (result) => {
      if (result.done) {
        this.#end(() => new Promise((resolve) => resolve()));
        return null;
      }
      const chunk = result.value;
      if (typeof chunk === "string") return this.#piece(core.encode(chunk));
      if (ArrayBufferIsView(chunk) || core.isAnyArrayBuffer(chunk)) return this.#piece(exactBytes(chunk));
      const error = new TypeError("This ReadableStream did not return bytes.");
      this.#end(() => cancelReader(this.#reader, error));
      throw error;
    });
  }

  /** The next piece of a chunk; the rest waits. */
  #piece(bytes) {
    const length = TypedArrayPrototypeGetByteLength(bytes);
    if (length <= PIECE_BYTES) {
      this.#rest = null;
      return bytes;
    }
    this.#rest = TypedArrayPrototypeSubarray(bytes, PIECE_BYTES);
    return exactBytes(TypedArrayPrototypeSubarray(bytes, 0, PIECE_BYTES));
  }
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
  const stream = new ReadableStream({
    type: "bytes",
    pull(controller) {
      if (hold.cap === null) return lost();
      return PromisePrototypeThen(ask(io, cap, "pull"), (piece) => {
        if (piece === null) {
          hold.leave();
          controller.close();
          controller.byobRequest?.respond(0);
        } else if (TypedArrayPrototypeGetByteLength(piece) > 0) {
          controller.enqueue(piece);
        } else {
          return this.pull(controller);
        }
        return undefined;
      }, lost);
    },
    cancel(reason) {
      if (hold.cap === null) return undefined;
      const asked = ask(io, cap, "cancel", rpc.isPlain(reason) ? reason : undefined);
      hold.leave();
      return PromisePrototypeThen(asked, undefined, () => {});
    },
  }, { highWaterMark: 0 });
  if (packed.length >= 0) internals.declareLength(stream, packed.length);
  return stream;
}

// ----- Writable streams. -----

function writableCap(io, stream) {
  if (isWritableLocked(stream)) throw new TypeError("This WritableStream is currently locked to a writer.");
  const writer = new WritableStreamDefaultWriter(stream);
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
    write: (bytes) => PromisePrototypeThen(writeTo(writer, TypedArrayPrototypeGetBuffer(bytes)), () => undefined),
    close: () => end() ? PromisePrototypeThen(closeWriter(writer), () => undefined) : undefined,
    abort: () => end() ? PromisePrototypeThen(abortWriter(writer, lost()), () => undefined) : undefined,
  }, "internal", () => {
    if (end()) PromisePrototypeThen(abortWriter(writer, lost()), undefined, () => {});
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
  return new WritableStream({
    write(chunk) {
      let bytes;
      if (typeof chunk === "string") bytes = core.encode(chunk);
      else if (ArrayBufferIsView(chunk) || core.isAnyArrayBuffer(chunk)) bytes = exactBytes(chunk);
      else {
        throw new TypeError(
          "This WritableStream only supports writing byte types.",
        );
      }
      return writePieces(step, bytes);
    },
    close: () => step("close", true),
    abort: () => step("abort", true),
  });
}

async function writePieces(step, bytes) {
  const length = TypedArrayPrototypeGetByteLength(bytes);
  for (let at = 0; at < length; at += PIECE_BYTES) {
    const piece = length <= PIECE_BYTES ? bytes : exactBytes(TypedArrayPrototypeSubarray(bytes, at, at + PIECE_BYTES));
    await step("write", false, piece);
  }
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
