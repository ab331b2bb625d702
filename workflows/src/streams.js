// Streams as results of steps: kept in pieces, and given anew whenever the step is
// asked for.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ArrayPrototypePush,
  ArrayPrototypeShift,
  Error,
  MathMin,
  ObjectPrototypeIsPrototypeOf,
  Promise,
  PromiseResolve,
  StringPrototypeSlice,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeSet,
  TypedArrayPrototypeSubarray,
  Uint8Array,
} = primordials;
const {
  createReadableStream,
  isReadableStreamLocked,
  readableStreamDefaultControllerClose,
  readableStreamDefaultControllerEnqueue,
  ReadableStreamPrototype,
} = core.loadExtScript("ext:deno_web/06_streams.js");
const { TextDecoder } = core.loadExtScript("ext:deno_web/08_text_encoding.js");
const { drain, ignore } = core.loadExtScript("ext:selvedge/streams.js");
const { CHUNKS, named, pack, plainError, sortable } = core.loadExtScript("ext:selvedge_workflows/records.js");

/** A piece as it is kept: 256 KiB. */
const PIECE_BYTES = 256 * 1024;
/** The longest chunk that a stream may give: 16 MiB. */
const MAX_CHUNK_BYTES = 16 * 1024 * 1024;
/** The longest stream: 1 GiB, as an instance may keep. */
const MAX_BYTES = 1024 * 1024 * 1024;
/** What of it is told as text. */
const TOLD_CHARS = 1024;

const LOCKED = "Step returned a ReadableStream that is already locked or otherwise unreadable. Return a fresh, " +
  "unlocked ReadableStream from step.do().";
const TOO_LARGE_CHUNK = "Step returned a ReadableStream chunk larger than the maximum allowed size of " +
  `${MAX_CHUNK_BYTES} bytes. Return smaller chunks from step.do().`;
const NO_BYTES = "Step returned a ReadableStream with unsupported chunk type. Only ArrayBuffer and TypedArray chunks " +
  "are supported.";

function isStream(value) {
  return typeof value === "object" && value !== null && ObjectPrototypeIsPrototypeOf(ReadableStreamPrototype, value);
}

function prefixOf(key) {
  return `${CHUNKS}${key}:`;
}

/** Bytes on their way to the records, in pieces. */
class Pieces {
  #records;
  #prefix;
  #held = [];
  #bytes = 0;
  count = 0;
  total = 0;

  constructor(records, prefix) {
    this.#records = records;
    this.#prefix = prefix;
  }

  add(chunk) {
    const bytes = TypedArrayPrototypeGetByteLength(chunk);
    if (bytes === 0) return;
    ArrayPrototypePush(this.#held, chunk);
    this.#bytes += bytes;
    this.total += bytes;
    while (this.#bytes >= PIECE_BYTES) this.#keep(PIECE_BYTES);
  }

  end() {
    if (this.#bytes > 0) this.#keep(this.#bytes);
  }

  #keep(bytes) {
    const piece = new Uint8Array(bytes);
    for (let at = 0; at < bytes;) {
      const chunk = this.#held[0];
      const length = TypedArrayPrototypeGetByteLength(chunk);
      const taken = MathMin(length, bytes - at);
      TypedArrayPrototypeSet(piece, TypedArrayPrototypeSubarray(chunk, 0, taken), at);
      at += taken;
      if (taken === length) ArrayPrototypeShift(this.#held);
      else this.#held[0] = TypedArrayPrototypeSubarray(chunk, taken);
    }
    this.#bytes -= bytes;
    this.#records.put(this.#prefix + sortable(this.count++), pack(piece));
  }
}

/**
 * Keeps what a stream gives. `promise` settles with what is to be noted of it, or with
 * what is `bad` about it, which ends the instance; or it is rejected. `stop()` ends it
 * before.
 */
function keep(io, records, key, stream) {
  const prefix = prefixOf(key);
  let reading = null;
  let isOver = false;
  const promise = new Promise((resolve, reject) => {
    const fail = (error) => {
      isOver = true;
      records.clear(prefix);
      reject(error);
    };
    const failBad = (name, message) => {
      isOver = true;
      records.clear(prefix);
      resolve({ __proto__: null, bad: named(name, message) });
    };
    if (isReadableStreamLocked(stream)) {
      failBad("InvalidStepReadableStreamError", LOCKED);
      return;
    }
    // What an attempt left that failed.
    records.clear(prefix);
    const pieces = new Pieces(records, prefix);
    const cancel = () => ignore(reading.cancel(new Error("stream output consumption stopped before completion")));
    const refuse = (name, message) => {
      cancel();
      failBad(name, message);
      return false;
    };
    const giveUp = (error) => {
      cancel();
      fail(error);
      return false;
    };
    reading = drain(io, stream, {
      __proto__: null,
      write(chunk) {
        if (isOver) return false;
        const bytes = internals.viewOf(chunk);
        if (bytes === null || bytes === undefined) return refuse("UnsupportedStreamChunkError", NO_BYTES);
        const length = TypedArrayPrototypeGetByteLength(bytes);
        if (length > MAX_CHUNK_BYTES) return refuse("OversizedStreamChunkError", TOO_LARGE_CHUNK);
        if (pieces.total + length > MAX_BYTES) {
          return giveUp(named("WorkflowInternalError", `The stream is longer than ${MAX_BYTES} bytes.`));
        }
        try {
          pieces.add(new Uint8Array(bytes));
        } catch (error) {
          return giveUp(error);
        }
        return true;
      },
      close() {
        if (isOver) return;
        isOver = true;
        try {
          pieces.end();
          resolve({ __proto__: null, bad: undefined, bytes: pieces.total, pieces: pieces.count });
        } catch (error) {
          reject(error);
        }
      },
      error(error) {
        if (isOver) return;
        const { message } = plainError(error);
        failBad("InvalidStepReadableStreamError", `Failed to read from step ReadableStream output. ${message}`);
      },
    });
    reading.resume();
  });
  const stop = (reason) => {
    if (isOver) return;
    isOver = true;
    if (reading !== null) ignore(reading.cancel(reason));
    records.clear(prefix);
  };
  return { __proto__: null, promise, stop };
}

/** A stream that gives what was kept. */
function again(records, key, { pieces }) {
  const prefix = prefixOf(key);
  let at = 0;
  const pull = (controller) => {
    if (at === pieces) {
      readableStreamDefaultControllerClose(controller);
      return PromiseResolve(undefined);
    }
    const piece = records.read(prefix + sortable(at));
    if (piece === undefined) throw new Error("Missing chunk for streamed step output");
    at++;
    readableStreamDefaultControllerEnqueue(controller, piece);
    return PromiseResolve(undefined);
  };
  return createReadableStream(() => undefined, pull, () => PromiseResolve(undefined), 0);
}

/** What lists tell of a stream. */
function told(records, key, { bytes, pieces }) {
  if (pieces === 0) return "";
  const first = records.read(prefixOf(key) + sortable(0));
  const begin = TypedArrayPrototypeSubarray(first, 0, MathMin(TypedArrayPrototypeGetByteLength(first), 4 * TOLD_CHARS));
  const isCut = TypedArrayPrototypeGetByteLength(begin) < bytes;
  let text;
  try {
    text = new TextDecoder("utf-8", { __proto__: null, fatal: true }).decode(begin, { __proto__: null, stream: isCut });
  } catch {
    return `[ReadableStream (binary): ${bytes} bytes]`;
  }
  return isCut || text.length > TOLD_CHARS ? `${StringPrototypeSlice(text, 0, TOLD_CHARS)}[truncated output]` : text;
}

return { again, isStream, keep, told };
})();
