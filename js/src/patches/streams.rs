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
    return ReflectApply(byobRead, this, [view, { __proto__: null, min }]);
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
    // ----- Streams: at the end of a byte stream a read gets what is there, whole elements of
    // it. Streams of the platform read bytes into any view, and give them as a Uint8Array. -----
    once(
        STREAMS,
        "const _pendingPullIntos = Symbol(\"[[pendingPullIntos]]\");\n",
        r#"const _pendingPullIntos = Symbol("[[pendingPullIntos]]");
/** Streams of the platform: those that a Worker's code makes have its views. */
const _plain = Symbol("[[plain]]");
"#,
    ),
    once(
        STREAMS,
        "    cancelAlgorithm,\n    0,\n    undefined,\n  );\n  return stream;\n",
        "    cancelAlgorithm,\n    0,\n    undefined,\n  );\n  stream[_plain] = true;\n  return stream;\n",
    ),
    once(
        STREAMS,
        "  branch1[_original] = stream;\n",
        "  branch1[_plain] = branch2[_plain] = stream[_plain];\n  branch1[_original] = stream;\n",
    ),
    once(
        STREAMS,
        "  const minimumFill = min * elementSize;\n",
        "  if (stream[_plain]) {\n    ctor = Uint8Array;\n    elementSize = 1;\n  }\n  \
         const minimumFill = min * elementSize;\n",
    ),
    once(
        STREAMS,
        r#"    if (controller[_closeRequested]) {
      const e = new TypeError(
        "Insufficient bytes to fill elements in the given buffer",
      );
      readableByteStreamControllerError(controller, e);
      readIntoRequest.errorSteps(e);
      return;
    }
"#,
        r#"    if (controller[_closeRequested]) {
      dropRemainder(pullIntoDescriptor);
      const view = readableByteStreamControllerConvertPullIntoDescriptor(
        pullIntoDescriptor,
      );
      readableByteStreamControllerHandleQueueDrain(controller);
      if (pullIntoDescriptor.bytesFilled > 0) readIntoRequest.chunkSteps(view);
      else readIntoRequest.closeSteps(view);
      return;
    }
"#,
    ),
    once(
        STREAMS,
        r#"    if (
      firstPendingPullInto.bytesFilled % firstPendingPullInto.elementSize !== 0
    ) {
      const e = new TypeError(
        "Insufficient bytes to fill elements in the given buffer",
      );
      readableByteStreamControllerError(controller, e);
      throw e;
    }
"#,
        "    dropRemainder(firstPendingPullInto);\n",
    ),
    once(
        STREAMS,
        "    done = true;\n  }\n  const filledView = readableByteStreamControllerConvertPullIntoDescriptor(",
        "    // What came before the end is no end yet.\n    done = pullIntoDescriptor.bytesFilled === 0;\n  }\n  \
         const filledView = readableByteStreamControllerConvertPullIntoDescriptor(",
    ),
    // ----- Streams: a transform of bytes may have a byte stream as its readable side. -----
    once(
        STREAMS,
        "    readableStreamDefaultControllerCanCloseOrEnqueue(\n      \
         /** @type {ReadableStreamDefaultController<O>} */ readableController,\n",
        "    readableSideTakes(\n      \
         /** @type {ReadableStreamDefaultController<O>} */ readableController,\n",
    ),
    once(
        STREAMS,
        "    readableStreamDefaultControllerEnqueue(\n      \
         /** @type {ReadableStreamDefaultController<O>} */ readableController,\n",
        "    enqueueOnReadableSide(\n      \
         /** @type {ReadableStreamDefaultController<O>} */ readableController,\n",
    ),
    once(
        STREAMS,
        "  const backpressure = readableStreamDefaultcontrollerHasBackpressure(\n",
        "  const backpressure = readableSideHasBackpressure(\n",
    ),
    once(
        STREAMS,
        "  readableStreamDefaultControllerClose(\n    \
         /** @type {ReadableStreamDefaultController} */ readableController,\n",
        "  closeReadableSide(\n    \
         /** @type {ReadableStreamDefaultController} */ readableController,\n",
    ),
    once(
        STREAMS,
        "  readableStreamDefaultControllerError(\n    \
         /** @type {ReadableStreamDefaultController} */ stream[_readable][\n",
        "  breakReadableSide(\n    \
         /** @type {ReadableStreamDefaultController} */ stream[_readable][\n",
    ),
    each(
        2,
        STREAMS,
        "readableStreamDefaultControllerError(readable[_controller], r);",
        "breakReadableSide(readable[_controller], r);",
    ),
    once(
        STREAMS,
        "readableStreamDefaultControllerError(readable[_controller], reason);",
        "breakReadableSide(readable[_controller], reason);",
    ),
    once(
        STREAMS,
        "readableStreamDefaultControllerClose(readable[_controller]);",
        "closeReadableSide(readable[_controller]);",
    ),
    once(
        STREAMS,
        "/** @param {TransformStreamDefaultController} controller */\n\
         function transformStreamDefaultControllerClearAlgorithms(",
        r#"/** Bytes that make no element are lost. */
function dropRemainder(descriptor) {
  descriptor.bytesFilled -= descriptor.bytesFilled % descriptor.elementSize;
}

function isOfBytes(controller) {
  return controller[_pendingPullIntos] !== undefined;
}

function readableSideTakes(controller) {
  if (!isOfBytes(controller)) return readableStreamDefaultControllerCanCloseOrEnqueue(controller);
  return !controller[_closeRequested] && controller[_stream][_state] === "readable";
}

function enqueueOnReadableSide(controller, chunk) {
  if (isOfBytes(controller)) readableByteStreamControllerEnqueue(controller, chunk);
  else readableStreamDefaultControllerEnqueue(controller, chunk);
}

function readableSideHasBackpressure(controller) {
  return isOfBytes(controller)
    ? !readableByteStreamControllerShouldCallPull(controller)
    : readableStreamDefaultcontrollerHasBackpressure(controller);
}

function closeReadableSide(controller) {
  if (isOfBytes(controller)) readableByteStreamEnd(controller);
  else readableStreamDefaultControllerClose(controller);
}

function breakReadableSide(controller, reason) {
  if (isOfBytes(controller)) readableByteStreamControllerError(controller, reason);
  else readableStreamDefaultControllerError(controller, reason);
}

/** Makes a byte stream of the readable side of a new transform, which must enqueue bytes of its own. */
function readAsBytes(transform) {
  transform[_readable] = createReadableByteStream(
    () => undefined,
    () => transformStreamDefaultSourcePullAlgorithm(transform),
    (reason) => transformStreamDefaultSourceCancelAlgorithm(transform, reason),
  );
}

/** @param {TransformStreamDefaultController} controller */
function transformStreamDefaultControllerClearAlgorithms("#,
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
         isWritableStreamLocked,\n  readableByteStreamEnd,\n  readAsBytes,\n  readableStreamDefaultReaderRead,\n  \
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
