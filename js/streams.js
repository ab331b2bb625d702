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
  SymbolToStringTag,
  TypedArrayPrototypeGetSymbolToStringTag,
  TypeError,
  Uint8Array,
  uncurryThis,
} = primordials;
const { bodies, io: contexts } = internals.selvedge;
const {
  acquireReadableStreamDefaultReader,
  ReadableStreamDefaultReader,
  TransformStream,
} = core.loadExtScript("ext:deno_web/06_streams.js");

const acquireReader = acquireReadableStreamDefaultReader;
const read = uncurryThis(ReadableStreamDefaultReader.prototype.read);
const cancel = uncurryThis(ReadableStreamDefaultReader.prototype.cancel);

/** Passes bytes through unchanged. */
class IdentityTransformStream extends TransformStream {
  constructor(queuingStrategy = undefined) {
    super({
      transform(chunk, controller) {
        controller.enqueue(bytesOf(chunk));
      },
    }, queuingStrategy);
  }
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

/** Passes exactly so many bytes, so that the response has a Content-Length. */
class FixedLengthStream extends TransformStream {
  constructor(length, queuingStrategy = undefined) {
    const expected = typeof length === "bigint" ? Number(length) : Number(length);
    if (!(expected >= 0) || MathFloor(expected) !== expected || expected > Number.MAX_SAFE_INTEGER) {
      throw new TypeError("FixedLengthStream requires an integer expected length less than 2^53.");
    }
    let seen = 0;
    super({
      transform(chunk, controller) {
        const bytes = bytesOf(chunk);
        seen += bytes.length;
        if (seen > expected) {
          throw new TypeError("Attempt to write too many bytes through a FixedLengthStream.");
        }
        controller.enqueue(bytes);
      },
      flush() {
        if (seen < expected) {
          throw new TypeError("FixedLengthStream did not see all expected bytes before close().");
        }
      },
    }, queuingStrategy);
    internals.declareLength(this.readable, expected);
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

/** Hands a stream of the Worker's to the host, no faster than it takes it. */
function feed(io, stream, rid, onError) {
  const reader = acquireReader(stream);
  io.sending++;
  const broken = (error) => {
    io.sending--;
    if (onError !== undefined) onError(error);
    op_body_pipe_end(rid, `${error}`);
    PromisePrototypeThen(cancel(reader, error), undefined, () => {});
  };
  const take = (result) => {
    if (result.done) {
      io.sending--;
      op_body_pipe_end(rid, "");
      return;
    }
    const chunk = uploaded(result.value);
    if (chunk === undefined) {
      broken(new TypeError("Draining read encountered a value that cannot be converted to bytes"));
      return;
    }
    const writes = io.gate === null ? null : io.unconfirmed();
    if (writes === null) write(chunk);
    else PromisePrototypeThen(writes, () => write(chunk), broken);
  };
  const write = (chunk) => {
    if (op_body_pipe_write(rid, chunk)) step();
    else {
      PromisePrototypeThen(
        op_body_pipe_ready(rid, io.slot),
        (open) => open ? step() : broken(new TypeError("Network connection lost.")),
      );
    }
  };
  const step = () => {
    PromisePrototypeThen(read(reader), take, broken);
  };
  step();
}

return {
  acquireReader,
  cancel,
  FixedLengthStream,
  IdentityTransformStream,
  read,
  upload,
};
})();
