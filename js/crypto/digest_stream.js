// `crypto.DigestStream`: the digest of what is written
// (https://developers.cloudflare.com/workers/runtime-apis/web-crypto/#constructors).
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_digest_finish, op_digest_new, op_digest_update } = core.ops;
const {
  BigInt,
  ObjectDefineProperty,
  Promise,
  PromiseResolve,
  String,
  SymbolDispose,
  SymbolToStringTag,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeSubarray,
  TypeError,
} = primordials;
const { io: contexts } = internals.selvedge;
const { WritableStream, writableStreamAbort } = core.loadExtScript("ext:deno_web/06_streams.js");
const { ignore, uploaded } = core.loadExtScript("ext:selvedge/streams.js");

/** As much is taken at once: it cannot be stopped in between. */
const SLICE_BYTES = 1024 * 1024;
const NOT_BYTES = "DigestStream is a byte stream but received an object of non-ArrayBuffer/ArrayBufferView/string " +
  "type on its writable side.";

/** Takes as much as there is. */
function update(rid, bytes) {
  const length = TypedArrayPrototypeGetByteLength(bytes);
  if (length <= SLICE_BYTES) return op_digest_update(rid, bytes);
  for (let at = 0; at < length; at += SLICE_BYTES) {
    op_digest_update(rid, TypedArrayPrototypeSubarray(bytes, at, at + SLICE_BYTES));
  }
}

/** A digest that belongs to a request. */
class Digest {
  #io;
  #rid;

  constructor(algorithm) {
    this.#io = contexts.requiredOpen();
    this.#rid = op_digest_new(algorithmName(algorithm));
    contexts.ownBody(this.#io, this.#rid);
  }

  update(bytes) {
    update(this.#rid, bytes);
  }

  finish() {
    contexts.disownBody(this.#io, this.#rid);
    return TypedArrayPrototypeGetBuffer(op_digest_finish(this.#rid));
  }
}

function algorithmName(algorithm) {
  const isObject = typeof algorithm === "object" && algorithm !== null;
  return String(isObject ? algorithm.name : algorithm);
}

class DigestStream extends core.classOf(WritableStream) {
  #state;

  constructor(algorithm) {
    if (arguments.length === 0) {
      throw new TypeError(
        "Failed to construct 'DigestStream': constructor parameter 1 is not of type 'string or HashAlgorithm'.",
      );
    }
    const digest = new Digest(algorithm);
    const state = { __proto__: null, written: 0, promise: null, resolve: null, reject: null };
    state.promise = new Promise((resolve, reject) => {
      state.resolve = resolve;
      state.reject = reject;
    });
    ignore(state.promise);
    super({
      __proto__: null,
      write(chunk) {
        const bytes = uploaded(chunk);
        if (bytes === undefined) {
          const error = new TypeError(NOT_BYTES);
          state.reject(error);
          throw error;
        }
        digest.update(bytes);
        state.written += TypedArrayPrototypeGetByteLength(bytes);
      },
      close() {
        state.resolve(digest.finish());
      },
      abort(reason) {
        state.reject(reason);
      },
    });
    this.#state = state;
  }

  get digest() {
    return this.#state.promise;
  }

  get bytesWritten() {
    return BigInt(this.#state.written);
  }

  [SymbolDispose]() {
    const error = new TypeError("The DigestStream was disposed.");
    this.#state.reject(error);
    ignore(writableStreamAbort(this, error));
  }
}
ObjectDefineProperty(DigestStream.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "DigestStream",
  configurable: true,
});

/** What `digest()` gives: made at once, without a copy of the data. */
function digestAtOnce(algorithm, bytes) {
  const rid = op_digest_new(algorithm);
  update(rid, bytes);
  return PromiseResolve(TypedArrayPrototypeGetBuffer(op_digest_finish(rid)));
}

return { algorithmName, digestAtOnce, DigestStream: core.expose(DigestStream) };
})();
