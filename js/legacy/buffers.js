// Reads into a buffer of the reader's, of streams of the platform: before 2021-11-10
// the buffer stayed the reader's, and before 2024-05-13 a read past the end gave no view.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ObjectDefineProperty,
  PromisePrototypeThen,
  ReflectApply,
  SafeWeakSet,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeSet,
  Uint8Array,
  WeakSetPrototypeAdd,
  WeakSetPrototypeHas,
} = primordials;
const { isOff } = internals;

const keepsBuffers = isOff("streams_byob_reader_detaches_buffer");
const endsWithoutView = isOff("internal_stream_byob_return_view");
const isShort = isOff("enable_fast_jsg_struct");

/** The streams that this is about. */
const own = new SafeWeakSet();

function mark(stream) {
  WeakSetPrototypeAdd(own, stream);
  return stream;
}

function isOwn(stream) {
  return stream !== undefined && WeakSetPrototypeHas(own, stream);
}

/** What a read into `view` gives, whose bytes were read into a copy. */
function settled(result, view) {
  const { value } = result;
  if (value === undefined) return result;
  const length = TypedArrayPrototypeGetByteLength(value);
  if (endsWithoutView && result.done && length === 0) return isShort ? { done: true } : { value: undefined, done: true };
  if (view !== null) {
    TypedArrayPrototypeSet(view, value);
    result.value = new Uint8Array(TypedArrayPrototypeGetBuffer(view), TypedArrayPrototypeGetByteOffset(view), length);
  }
  return result;
}

function changeReads(exports) {
  const { createReadableByteStream, ReadableStreamBYOBReader, streamOfReader } = exports;
  exports.createReadableByteStream = (start, pull, cancel) => mark(createReadableByteStream(start, pull, cancel));
  const { prototype } = ReadableStreamBYOBReader;
  for (const [name, index] of [["read", 0], ["readAtLeast", 1]]) {
    const original = prototype[name];
    const method = {
      [name](...args) {
        const bytes = args.length > index ? internals.viewOf(args[index]) : null;
        const isReader = typeof this === "object" && this !== null;
        if (bytes === null || bytes.length === 0 || !isReader || !isOwn(streamOfReader(this))) {
          return ReflectApply(original, this, args);
        }
        if (keepsBuffers) args[index] = new Uint8Array(bytes.length);
        return PromisePrototypeThen(
          ReflectApply(original, this, args),
          (result) => settled(result, keepsBuffers ? bytes : null),
        );
      },
    }[name];
    ObjectDefineProperty(method, "length", { __proto__: null, value: original.length, configurable: true });
    ObjectDefineProperty(prototype, name, { __proto__: null, value: method });
  }
}

function changeBlobs({ Blob }) {
  const { prototype } = Blob;
  const { stream: original } = prototype;
  ObjectDefineProperty(prototype, "stream", {
    __proto__: null,
    value: {
      stream() {
        return mark(ReflectApply(original, this, []));
      },
    }.stream,
  });
}

let isApplied = false;

function apply() {
  if (isApplied) return;
  isApplied = true;
  core.whenLoaded("ext:deno_web/06_streams.js", changeReads);
  core.whenLoaded("ext:deno_web/09_file.js", changeBlobs);
}

return { apply };
})();
