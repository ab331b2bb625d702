// The streams that only Workers have, and the platform's own handles on the
// standard ones, taken before user code can change their prototypes.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ArrayBufferIsView,
  BigInt,
  MathFloor,
  ObjectDefineProperty,
  SymbolToStringTag,
  TypeError,
  Uint8Array,
  uncurryThis,
} = primordials;
const {
  acquireReadableStreamDefaultReader,
  ReadableStreamDefaultReader,
  TransformStream,
} = core.loadExtScript("ext:deno_web/06_streams.js");

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

return {
  acquireReader: acquireReadableStreamDefaultReader,
  cancel,
  FixedLengthStream,
  IdentityTransformStream,
  read,
};
})();
