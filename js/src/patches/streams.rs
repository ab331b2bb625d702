//! Changes to the streams.

use super::{Patch, STREAMS, each, once};

/// In the order in which they are made.
pub(super) const PATCHES: &[Patch] = &[
    // ----- Streams: promises that follow promises. -----
    once(
        STREAMS,
        "const { assert, AssertionError } = core",
        "const { both, chain, follow } = core.loadExtScript(\"ext:selvedge/promises.js\");\n\
         const { assert, AssertionError } = core",
    ),
    once(
        STREAMS,
        "  /** @returns {\"pending\" | \"fulfilled\"} */\n  get state() {",
        "  follow(value) {\n    if (this.#state !== \"pending\") return;\n    \
         this.#state = \"fulfilled\";\n    follow(value, this.#resolve, this.#reject);\n  }\n\n  \
         get state() {",
    ),
    once(
        STREAMS,
        "return new Promise((resolve) => resolve(value));",
        "return new Promise((resolve, reject) => follow(value, resolve, reject));",
    ),
    once(STREAMS, "  ArrayPrototypeMap,\n  ArrayPrototypePush,\n", ""),
    once(STREAMS, "  SafePromiseAll,\n", ""),
    once(
        STREAMS,
        "    return transformPromiseWith(backpressureChangePromise.promise, () => {",
        "    return chain(backpressureChangePromise.promise, () => {",
    ),
    once(
        STREAMS,
        "    return transformPromiseWith(currentWrite, onSettled, onSettled);",
        "    return chain(currentWrite, onSettled, onSettled);",
    ),
    once(
        STREAMS,
        "      return reader[_iteratorNext] = PromisePrototypeThen(\n",
        "      return reader[_iteratorNext] = chain(\n",
    ),
    once(
        STREAMS,
        "? PromisePrototypeThen(reader[_iteratorNext], returnSteps, returnSteps)",
        "? chain(reader[_iteratorNext], returnSteps, returnSteps)",
    ),
    once(
        STREAMS,
        "      startPromise.resolve(\n        webidl",
        "      startPromise.follow(\n        webidl",
    ),
    each(4, STREAMS, "cancelPromise.resolve(cancelResult);", "cancelPromise.follow(cancelResult);"),
    each(
        3,
        STREAMS,
        "cancelPromise.resolve(readableStreamCancel(",
        "cancelPromise.follow(readableStreamCancel(",
    ),
    // An async transform is one even if `Promise.prototype.then` is gone.
    once(
        STREAMS,
        "if (rv === undefined || typeof rv?.then !== \"function\") {",
        "if (rv === undefined || !core.isPromise(rv) && typeof rv?.then !== \"function\") {",
    ),
    // ----- Streams: a pipe that is aborted. -----
    once(STREAMS, "(signal === undefined || !signal.aborted) &&", "signal === undefined &&"),
    once(
        STREAMS,
        "      const error = signal.reason;\n",
        "      const error = signal[abortReason];\n",
    ),
    once(STREAMS, "    if (signal.aborted) {\n", "    if (signal[abortReason] !== undefined) {\n"),
    once(
        STREAMS,
        "      /** @type {Array<() => Promise<void>>} */\n      const actions = [];\n",
        "      let abort = resolvedPromise;\n      let cancel = resolvedPromise;\n",
    ),
    once(
        STREAMS,
        r#"        ArrayPrototypePush(actions, () => {
          if (dest[_state] === "writable") {
            return writableStreamAbort(dest, error);
          } else {
            return PromiseResolve(undefined);
          }
        });"#,
        r#"        abort = () =>
          dest[_state] === "writable" ? writableStreamAbort(dest, error) : resolvedPromise();"#,
    ),
    once(
        STREAMS,
        r#"        ArrayPrototypePush(actions, () => {
          if (source[_state] === "readable") {
            return readableStreamCancel(source, error);
          } else {
            return PromiseResolve(undefined);
          }
        });"#,
        r#"        cancel = () =>
          source[_state] === "readable" ? readableStreamCancel(source, error) : resolvedPromise();"#,
    ),
    once(
        STREAMS,
        "() => SafePromiseAll(ArrayPrototypeMap(actions, (action) => action())),",
        "() => both(abort, cancel),",
    ),
    // ----- Streams: nothing from `Object.prototype` and `Array.prototype`. -----
    each(3, STREAMS, "      : {};\n", "      : { __proto__: null };\n"),
    once(STREAMS, "destBuffer.set(srcBuffer);", "TypedArrayPrototypeSet(destBuffer, srcBuffer);"),
    // (`slice()` asks the constructor for its species.)
    each(
        2,
        STREAMS,
        "return TypedArrayPrototypeSlice(\n      new Uint8Array(",
        "return new Uint8Array(\n      new Uint8Array(",
    ),
    once(
        STREAMS,
        r#"ArrayBufferPrototypeSlice(
        buffer,
        byteOffset,
        byteOffset + byteLength,
      );"#,
        "TypedArrayPrototypeGetBuffer(\n        \
         new Uint8Array(new Uint8Array(buffer, byteOffset, byteLength)),\n      );",
    ),
    once(
        STREAMS,
        "  const chunks = [];\n  let totalLength = 0;\n",
        "  const chunks = new Queue();\n  let totalLength = 0;\n",
    ),
    once(STREAMS, "      ArrayPrototypePush(chunks, chunk);\n", "      chunks.enqueue(chunk);\n"),
    once(
        STREAMS,
        "  for (let i = 0; i < chunks.length; ++i) {\n    const chunk = chunks[i];\n",
        "  while (chunks.size !== 0) {\n    const chunk = chunks.dequeue();\n",
    ),
    // ----- Streams: fewer promises for each chunk. -----
    once(
        STREAMS,
        "function underlyingSourcePullDefault(controller) {\n  return webidl.invokeCallbackFunction(",
        "function underlyingSourcePullDefault(controller) {\n  \
         return invokePull(",
    ),
    once(
        STREAMS,
        "function underlyingSourceStartDefault(controller) {",
        r#"function invokePull(pull, args, source, convert, prefix) {
  try {
    const result = ReflectApply(pull, source, args);
    return result === undefined ? resolvedPromise() : convert(result, prefix, "return value");
  } catch (error) {
    return PromiseReject(error);
  }
}

function underlyingSourceStartDefault(controller) {"#,
    ),
    // ----- Streams: what Workers add. -----
    once(
        STREAMS,
        "  read(view, options = { __proto__: null }) {\n",
        r#"  readAtLeast(min, view) {
    const wrong = (index, type) =>
      PromiseReject(
        new TypeError(
          `Failed to execute 'readAtLeast' on 'ReadableStreamBYOBReader': parameter ${index} is not of type '${type}'.`,
        ),
      );
    if (arguments.length < 1) return wrong(1, "integer");
    try {
      min = webidl.converters["unsigned long long"](min);
    } catch (error) {
      return PromiseReject(error);
    }
    if (!isTypedArray(view)) return wrong(2, "ArrayBufferView");
    if (min === 0) {
      return PromiseReject(
        new TypeError(`Requested invalid minimum number of bytes to read (${min}).`),
      );
    }
    const length = TypedArrayPrototypeGetLength(view);
    if (min > length) {
      return PromiseReject(
        new TypeError(`Minimum bytes to read (${min}) exceeds size of buffer (${length}).`),
      );
    }
    const reading = ReflectApply(byobRead, this, [view, { __proto__: null, min }]);
    // What came before the end is no end yet.
    return PromisePrototypeThen(reading, (result) => {
      if (result.done && result.value !== undefined && TypedArrayPrototypeGetByteLength(result.value) > 0) {
        result.done = false;
      }
      return result;
    });
  }

  read(view, options = { __proto__: null }) {
"#,
    ),
    once(
        STREAMS,
        "const ReadableStreamBYOBReaderPrototype = ReadableStreamBYOBReader.prototype;\n",
        "const ReadableStreamBYOBReaderPrototype = ReadableStreamBYOBReader.prototype;\n\
         const byobRead = ReadableStreamBYOBReaderPrototype.read;\n",
    ),
    // ----- Streams: what the platform's own scripts use of them. -----
    once(
        STREAMS,
        "/** @param {TransformStreamDefaultController} controller */\n\
         function transformStreamDefaultControllerClearAlgorithms(",
        r#"function sidesOf(transform) {
  return { __proto__: null, readable: transform[_readable], writable: transform[_writable] };
}

/** Ends a byte stream, and with it a read into a buffer of the reader's. */
function readableByteStreamEnd(controller) {
  readableByteStreamControllerClose(controller);
  if (controller[_pendingPullIntos].size !== 0) readableByteStreamControllerRespond(controller, 0);
}

function transformStreamDefaultControllerClearAlgorithms("#,
    ),
    once(
        STREAMS,
        "return {\n  _isClosedPromise,",
        "return {\n  acquireWritableStreamDefaultWriter,\n  createWritableStream,\n  \
         isWritableStreamLocked,\n  readableByteStreamEnd,\n  readableStreamDefaultReaderRead,\n  \
         sidesOf,\n  transformStreamDefaultControllerEnqueue,\n  writableStreamAbort,\n  \
         writableStreamDefaultWriterClose,\n  writableStreamDefaultWriterWrite,\n  \
         _isClosedPromise,",
    ),
    // ----- Streams: chunks that are other buffers than a Uint8Array are bytes, too. -----
    once(
        STREAMS,
        "      if (TypedArrayPrototypeGetSymbolToStringTag(chunk) !== \"Uint8Array\") {\n        \
         donePromise.reject(",
        "      if (TypedArrayPrototypeGetSymbolToStringTag(chunk) !== \"Uint8Array\") {\n        \
         const bytes = internals.viewOf(chunk);\n        \
         if (bytes !== null) return readRequest.chunkSteps(bytes);\n        \
         donePromise.reject(",
    ),
];
