// The streams that only Workers have, and the platform's own handles on the
// standard ones, taken before user code can change their prototypes.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_body_pipe_end, op_body_pipe_new, op_body_pipe_ready, op_body_pipe_write } = core.ops;
const {
  ArrayBufferIsView,
  BigInt,
  MathFloor,
  ObjectDefineProperty,
  PromisePrototypeThen,
  PromiseResolve,
  Symbol,
  SymbolToStringTag,
  TypedArrayPrototypeGetSymbolToStringTag,
  TypeError,
  Uint8Array,
} = primordials;
const { bodies, io: contexts } = internals.selvedge;
const {
  acquireReadableStreamDefaultReader,
  dropWritesOnAbort,
  paced,
  readAsBytes,
  readableStreamDefaultReaderRead,
  readableStreamPipeTo,
  readableStreamReaderGenericCancel,
  sidesOf,
  TransformStream,
  transformStreamDefaultControllerEnqueue,
} = core.loadExtScript("ext:deno_web/06_streams.js");

/** Marks transformers of this script. */
const internal = Symbol();

/** Passes bytes through unchanged. */
class IdentityTransformStream extends core.classOf(TransformStream) {
  /** `transformer`: what a subclass does with the bytes. */
  constructor(queuingStrategy = undefined, transformer = undefined) {
    const isOwn = transformer?.[internal] === true;
    if (!isOwn) checkStrategy("IdentityTransformStream", 1, queuingStrategy);
    super(isOwn ? transformer : {
      __proto__: null,
      transform(chunk, controller) {
        passOn(controller, bytesOf(chunk));
      },
    }, queuingStrategy);
    readAsBytes(this);
    paced(this);
    if (!internals.isOff("internal_writable_stream_abort_clears_queue")) dropWritesOnAbort(this);
  }
}

function checkStrategy(name, index, strategy) {
  if (strategy === undefined || strategy === null || typeof strategy === "object" || typeof strategy === "function") return;
  throw new TypeError(`Failed to construct '${name}': constructor parameter ${index} is not of type 'QueuingStrategy'.`);
}

function bytesOf(chunk) {
  if (ArrayBufferIsView(chunk)) {
    return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }
  if (core.isAnyArrayBuffer(chunk)) return new Uint8Array(chunk);
  throw new TypeError(
    "This TransformStream is being used as a byte stream, but received " +
      (typeof chunk === "string" ? "a string" : "an object of non-ArrayBuffer/ArrayBufferView type") +
      " on its writable side. If you wish to write " +
      (typeof chunk === "string" ? "a string, you'll probably want to explicitly UTF-8-encode it with TextEncoder." : "it, convert it to bytes first."),
  );
}

/** Hands a copy to the reader: the writer's buffer stays its own. */
function passOn(controller, bytes) {
  if (bytes.length > 0) transformStreamDefaultControllerEnqueue(controller, new Uint8Array(bytes));
}

/** Passes exactly so many bytes, so that the response has a Content-Length. */
class FixedLengthStream extends IdentityTransformStream {
  constructor(length, queuingStrategy = undefined) {
    const expected = typeof length === "bigint" ? Number(length) : Number(length);
    if (!(expected >= 0) || MathFloor(expected) !== expected || expected > Number.MAX_SAFE_INTEGER) {
      if (arguments.length === 0) {
        throw new TypeError("Failed to construct 'FixedLengthStream': constructor parameter 1 is not of type 'bigint'.");
      }
      if (!(expected >= 0 || expected < 0)) {
        throw new TypeError("The value cannot be converted because it is not an integer.");
      }
      throw new TypeError(expected < 0
          ? "The value cannot be converted because it is negative and this API expects a positive bigint."
          : "FixedLengthStream requires an integer expected length less than 2^53.");
    }
    checkStrategy("FixedLengthStream", 2, queuingStrategy);
    let seen = 0;
    super(queuingStrategy, {
      __proto__: null,
      [internal]: true,
      transform(chunk, controller) {
        const bytes = bytesOf(chunk);
        seen += bytes.length;
        if (seen > expected) {
          throw new TypeError("Attempt to write too many bytes through a FixedLengthStream.");
        }
        passOn(controller, bytes);
      },
      flush() {
        if (seen < expected) {
          throw new TypeError("FixedLengthStream did not see all expected bytes before close().");
        }
      },
    });
    internals.declareLength(sidesOf(this).readable, expected);
  }
}
void BigInt;

const named = [[IdentityTransformStream, "IdentityTransformStream"], [FixedLengthStream, "FixedLengthStream"]];
for (let i = 0; i < named.length; i++) {
  ObjectDefineProperty(named[i][0].prototype, SymbolToStringTag, {
    __proto__: null,
    value: named[i][1],
    configurable: true,
  });
}

/**
 * Gives a body to the host: the number of the resource that reads it. Of a
 * stream of the Worker's, `onError` learns why it broke.
 */
function upload(io, body, onError = undefined) {
  const rid = bodies.takeNative(body);
  if (rid >= 0) return rid;
  const ends = op_body_pipe_new(body.length);
  const stream = bodies.streamOf(body);
  body.used = true;
  contexts.ownBody(io, ends[0]);
  feed(io, stream, ends[0], onError);
  return ends[1];
}

/** The bytes of a chunk; text is UTF-8, anything else is undefined. */
function uploaded(chunk) {
  if (TypedArrayPrototypeGetSymbolToStringTag(chunk) === "Uint8Array") return chunk;
  if (typeof chunk === "string") return core.encode(chunk);
  return ArrayBufferIsView(chunk) || core.isAnyArrayBuffer(chunk) ? bytesOf(chunk) : undefined;
}

/**
 * Reads a stream to its end for a context, without a promise for each chunk.
 * `sink.write(chunk)` tells whether to go on at once; if not, the sink calls
 * `resume()` when it has room. `sink.close()` and `sink.error(error)` come in a
 * microtask of their own, for the code that ended the stream still runs. Nothing
 * is read before the first `resume()`.
 */
function drain(io, stream, sink) {
  const reader = acquireReadableStreamDefaultReader(stream);
  // True while `resume` loops: a chunk that is there already comes before the
  // read returns, and must not grow the stack.
  let looping = false;
  let again = false;
  const resume = () => {
    looping = true;
    do {
      again = false;
      readableStreamDefaultReaderRead(reader, request);
    } while (again);
    looping = false;
  };
  // Chunks and ends may come from the code of another context.
  const request = {
    __proto__: null,
    chunkSteps(chunk) {
      if (!sink.write(chunk)) return;
      if (looping) again = true;
      else if (contexts.current() === io) resume();
      else contexts.runIn(io, resume);
    },
    closeSteps() {
      contexts.runIn(io, () => PromisePrototypeThen(PromiseResolve(undefined), () => sink.close()));
    },
    errorSteps(error) {
      contexts.runIn(io, () => PromisePrototypeThen(PromiseResolve(undefined), () => sink.error(error)));
    },
  };
  return { __proto__: null, cancel: (reason) => readableStreamReaderGenericCancel(reader, reason), resume };
}

/** Cancels a stream that nobody reads. */
function discard(stream, reason) {
  const reader = acquireReadableStreamDefaultReader(stream);
  ignore(readableStreamReaderGenericCancel(reader, reason));
}

/** A rejection of the promise is nobody's business. */
function ignore(promise) {
  PromisePrototypeThen(promise, undefined, () => {});
}

/** Pipes a stream through a transform; gives what comes out. */
function through(stream, { readable, writable }) {
  ignore(readableStreamPipeTo(stream, writable, false, false, false, undefined));
  return readable;
}

/** Hands a stream of the Worker's to the host, no faster than it takes it. */
function feed(io, stream, rid, onError) {
  io.sending++;
  const broken = (error) => {
    io.sending--;
    if (onError !== undefined) onError(error);
    op_body_pipe_end(rid, `${error}`);
    ignore(reading.cancel(error));
  };
  const push = (chunk) => {
    if (op_body_pipe_write(rid, chunk)) return true;
    PromisePrototypeThen(
      op_body_pipe_ready(rid, io.slot),
      (open) => open ? reading.resume() : broken(new TypeError("Network connection lost.")),
    );
    return false;
  };
  const reading = drain(io, stream, {
    __proto__: null,
    write(value) {
      const chunk = uploaded(value);
      if (chunk === undefined) {
        broken(new TypeError("Draining read encountered a value that cannot be converted to bytes"));
        return false;
      }
      const writes = io.gate === null ? null : io.unconfirmed();
      if (writes === null) return push(chunk);
      PromisePrototypeThen(writes, () => {
        if (push(chunk)) reading.resume();
      }, broken);
      return false;
    },
    close() {
      io.sending--;
      op_body_pipe_end(rid, "");
    },
    error: broken,
  });
  reading.resume();
}

return {
  discard,
  drain,
  FixedLengthStream: core.expose(FixedLengthStream),
  IdentityTransformStream: core.expose(IdentityTransformStream),
  ignore,
  through,
  upload,
  uploaded,
};
})();
