//! What scripts of deno_web do for Workers of older compatibility dates. Each script
//! asks for the flags once, when it loads; the plain code is that of the newest date.

use super::{ABORT, COMPRESSION, ENCODING, EVENT, Patch, STREAMS, WEBIDL, each, once};

/// In the order in which they are made, after all others.
pub(crate) const DATES: &[Patch] = &[
    // ----- Streams. -----
    once(
        STREAMS,
        "const _autoAllocateChunkSize = Symbol(\"[[autoAllocateChunkSize]]\");\n",
        r#"const _autoAllocateChunkSize = Symbol("[[autoAllocateChunkSize]]");
const { isOff, isOn } = __bootstrap.internals;
const hasReadyWriters = isOff("writable_stream_spec_compliant_writer");
const keepsPushing = isOff("fixup-transform-stream-backpressure");
const endsPipesQuietly = isOff("pipe_to_backward_propagation");
const hasShortResults = isOff("enable_fast_jsg_struct");
const isPedantic = isOn("pedantic_wpt");
const unwrapsThenables = !isOff("unwrap_custom_thenables");
/** What a byte stream that names no size makes for a reader without a buffer. */
const allocated = isOn("streams_no_default_auto_allocate_chunk_size") ? undefined : 4096;
/** Transforms of the platform, whose writers wait in any case. */
const _paced = Symbol("[[paced]]");

function paced(transform) {
  if (keepsPushing) transform[_paced] = true;
  return transform;
}

/** Transforms of the platform, by their writable sides: what waits is dropped when those are aborted. */
const _dropsWrites = Symbol("[[dropsWrites]]");

function dropWritesOnAbort(transform) {
  transform[_writable][_dropsWrites] = transform;
}

/** The result of a read past the end. */
function ended() {
  return hasShortResults ? { done: true } : { value: undefined, done: true };
}
"#,
    ),
    once(
        STREAMS,
        "return {\n  acquireWritable",
        "return {\n  dropWritesOnAbort,\n  paced,\n  streamOfReader: (reader) => reader[_stream],\n  \
         acquireWritable",
    ),
    // A writer is ready at first, whatever its stream is.
    once(
        STREAMS,
        "    return acquireWritableStreamDefaultWriter(this);\n",
        r#"    const writer = acquireWritableStreamDefaultWriter(this);
    if (hasReadyWriters) {
      writer[_readyPromise] = new Deferred();
      writer[_readyPromise].resolve(undefined);
    }
    return writer;
"#,
    ),
    once(
        STREAMS,
        r#"  writableStreamDefaultWriterEnsureReadyPromiseRejected(
    writer,
    releasedError,
  );
  writableStreamDefaultWriterEnsureClosed"#,
        r#"  if (!hasReadyWriters || writer[_readyPromise].state === "pending") {
    writableStreamDefaultWriterEnsureReadyPromiseRejected(
      writer,
      releasedError,
    );
  }
  writableStreamDefaultWriterEnsureClosed"#,
    ),
    // A transform that was read from once takes all that is written.
    once(
        STREAMS,
        "  if (backpressure !== stream[_backpressure]) {\n    assert(backpressure === true);\n",
        "  if (\n    backpressure !== stream[_backpressure] &&\n    (!keepsPushing || stream[_paced] === true)\n  \
         ) {\n    assert(backpressure === true);\n",
    ),
    once(
        STREAMS,
        "function transformStreamDefaultSourcePullAlgorithm(stream) {\n",
        "function transformStreamDefaultSourcePullAlgorithm(stream) {\n  if (\
         stream[_backpressure] === false) {\n    return stream[_backpressureChangePromise].promise;\n  }\n",
    ),
    once(
        STREAMS,
        "    writableStreamStartErroring(stream, reason);\n  }\n  return deferred.promise;\n",
        "    writableStreamStartErroring(stream, reason);\n  }\n  if (stream[_dropsWrites] !== undefined) \
         transformStreamUnblockWrite(stream[_dropsWrites]);\n  return deferred.promise;\n",
    ),
    // A pipe that waits for its source takes an error of its destination for the end.
    once(
        STREAMS,
        "  isOrBecomesErrored(dest, writer[_closedPromise].promise, (storedError) => {\n",
        r#"  isOrBecomesErrored(dest, writer[_closedPromise].promise, (storedError) => {
    if (endsPipesQuietly && isUnderWay && core.getPromiseDetails(currentWrite)[0] === 1) {
      if (preventCancel === false) {
        shutdownWithAction(() => readableStreamCancel(source, storedError));
      } else if (shuttingDown === false) {
        // Nobody is told.
        shuttingDown = true;
        writableStreamDefaultWriterRelease(writer);
        readableStreamDefaultReaderRelease(reader);
        if (signal !== undefined) signal[remove](abortAlgorithm);
      }
      return;
    }
"#,
    ),
    once(
        STREAMS,
        "  let shuttingDown = false;\n",
        "  let shuttingDown = false;\n  let isUnderWay = false;\n",
    ),
    once(
        STREAMS,
        "  pump();\n\n  return promise.promise;\n",
        "  pump();\n  isUnderWay = dest[_state] === \"writable\";\n\n  return promise.promise;\n",
    ),
    each(
        2,
        STREAMS,
        "    this.#promise.resolve({ value: undefined, done: true });\n",
        "    this.#promise.resolve(ended());\n",
    ),
    once(
        STREAMS,
        "  if (reader[_iteratorFinished]) {\n    return PromiseResolve({ value: undefined, done: true });\n",
        "  if (reader[_iteratorFinished]) {\n    return PromiseResolve(ended());\n",
    ),
    once(
        STREAMS,
        "if (rv === undefined || !core.isPromise(rv) && typeof rv?.then !== \"function\") {",
        "if (\n      rv === undefined || !core.isPromise(rv) &&\n        (!unwrapsThenables || typeof rv?.then !== \
         \"function\")\n    ) {",
    ),
    once(
        STREAMS,
        "  const autoAllocateChunkSize = underlyingSourceDict[\"autoAllocateChunkSize\"];\n",
        "  const autoAllocateChunkSize = underlyingSourceDict[\"autoAllocateChunkSize\"] ?? allocated;\n",
    ),
    // ----- Objects with a `then` that are no promises. -----
    once(
        WEBIDL,
        "(core.isPromise(V) || typeof V?.then === \"function\")",
        "(core.isPromise(V) ||\n        !__bootstrap.internals.isOff(\"unwrap_custom_thenables\") && typeof V?.then \
         === \"function\")",
    ),
    once(
        WEBIDL,
        "        return { value: undefined, done: true };\n",
        "        return __bootstrap.internals.isOff(\"enable_fast_jsg_struct\")\n          ? { done: true }\n          : { \
         value: undefined, done: true };\n",
    ),
    // ----- Events. -----
    once(
        EVENT,
        "let globalThis_ = internals.eventHub;",
        r#"let globalThis_ = internals.eventHub;
const listensAsGlobal = internals.isOff("set_event_target_this");
const throwsOut = internals.isOff("spec_compliant_dispatch_exceptions");
const nullsListeners = internals.isOff("dont_substitute_null_on_type_error");

/** Until a listener throws, which its caller is told. */
function dispatchOrThrow(target, event) {
  try {
    return dispatch(target, event);
  } catch (error) {
    setEventPhase(event, 0);
    setCurrentTarget(event, null);
    setPath(event, []);
    setDispatched(event, false);
    event.cancelBubble = false;
    setStopImmediatePropagation(event, false);
    throw error;
  }
}

/** Events of the platform's: what a listener throws is told as of code that nobody called. */
function dispatchAndReport(target, event) {
  try {
    return dispatchOrThrow(target, event);
  } catch (error) {
    reportException(error);
    return !event.defaultPrevented;
  }
}
"#,
    ),
    once(
        EVENT,
        "          listener.callback,\n          eventImpl.currentTarget,\n",
        "          listener.callback,\n          listensAsGlobal ? globalThis : eventImpl.currentTarget,\n",
    ),
    once(
        EVENT,
        "    } catch (error) {\n      reportException(error);\n    }\n\n    setInPassiveListener(",
        "    } catch (error) {\n      if (throwsOut) throw error;\n      reportException(error);\n    }\n\n    \
         setInPassiveListener(",
    ),
    once(
        EVENT,
        "  } catch (error) {\n    reportException(error);\n  }\n}\n\n// https://dom.spec.whatwg.org/#dom-eventtarget-removeeventlistener",
        "  } catch (error) {\n    if (throwsOut) throw error;\n    reportException(error);\n  }\n}\n\n\
         // https://dom.spec.whatwg.org/#dom-eventtarget-removeeventlistener",
    ),
    once(
        EVENT,
        "    return dispatch(self, event);\n",
        "    return throwsOut ? dispatchOrThrow(self, event) : dispatch(self, event);\n",
    ),
    once(EVENT, "  dispatch,\n", "  dispatch: throwsOut ? dispatchAndReport : dispatch,\n"),
    // What is no listener is none, as `null` is.
    once(
        EVENT,
        "      throw new primordials.TypeError(\n        `${prefix}: parameter 2 is not of type 'function or HandlerObject'.`,\n",
        "      if (nullsListeners) return;\n      throw new primordials.TypeError(\n        `${prefix}: parameter 2 \
         is not of type 'function or HandlerObject'.`,\n",
    ),
    // What a listener of a signal throws comes out of `abort()`, and nowhere else.
    once(
        ABORT,
        "  [signalAbort](\n    reason = new DOMException(",
        r#"  [signalAbort](reason = undefined) {
    try {
      this[abortOrThrow](reason);
    } catch (error) {
      core.loadExtScript("ext:deno_web/02_event.js").reportException(error);
    }
  }

  [abortOrThrow](
    reason = new DOMException("#,
    ),
    once(
        ABORT,
        "    this[signal][signalAbort](reason);\n",
        "    this[signal][abortOrThrow](reason);\n",
    ),
    once(
        ABORT,
        "const remove = Symbol(\"[[remove]]\");\n",
        "const remove = Symbol(\"[[remove]]\");\nconst abortOrThrow = Symbol(\"[[abortOrThrow]]\");\n",
    ),
    // ----- To the letter of the standards only if `pedantic_wpt` asks for it. -----
    once(
        EVENT,
        "function attributesOf(event) {\n",
        "const isPedantic = internals.isOn(\"pedantic_wpt\");\n\nfunction attributesOf(event) {\n",
    ),
    once(
        EVENT,
        "    return attributesOf(this).currentTarget;\n",
        "    const { currentTarget, target } = attributesOf(this);\n    return shownTarget(isPedantic ? currentTarget : target);\n",
    ),
    once(
        EVENT,
        "      target: null,\n      timeStamp: 0,\n    };\n",
        "      target: null,\n      timeStamp: 0,\n    };\n    if (isPedantic) ReflectDefineProperty(this, \
         \"isTrusted\", ownTrusted);\n",
    ),
    once(
        EVENT,
        "defineEnumerableProps(Event, EVENT_PROPS);\n",
        r#"defineEnumerableProps(Event, EVENT_PROPS);
const ownTrusted = { __proto__: null, enumerable: true, configurable: true, get: isTrusted };
if (isPedantic) delete Event.prototype.isTrusted;
else ReflectDefineProperty(Event.prototype, "returnValue", { __proto__: null, set: undefined });
"#,
    ),
    once(
        STREAMS,
        "    if (underlyingSinkDict.type != null) {\n",
        "    if (isPedantic && underlyingSinkDict.type !== undefined) {\n",
    ),
    once(
        STREAMS,
        "        `${prefix}: WritableStream does not support 'type' in the underlying sink`,\n",
        "        \"Invalid underlying sink type. Only undefined is valid.\",\n",
    ),
    // Whoever gives options and does not say so wants errors.
    once(
        ENCODING,
        "    const prefix = \"Failed to construct 'TextDecoderStream'\";\n",
        r#"    const prefix = "Failed to construct 'TextDecoderStream'";
    if (arguments.length > 1 && options?.fatal === undefined && typeof options === "object" && !isPedantic) {
      options = { __proto__: null, fatal: options !== null, ignoreBOM: options?.ignoreBOM };
    }
"#,
    ),
    // ----- Encodings. -----
    once(
        ENCODING,
        "class TextDecoder {\n",
        r#"/** The ops that make text; `legacy/decoders.js` has others. */
let decodeSingle = op_encoding_decode_single;
let newDecoder = op_encoding_new_decoder;
let decodeMore = op_encoding_decode;

function replaceDecoders(replace) {
  const others = replace(decodeSingle, newDecoder, decodeMore);
  decodeSingle = others.single;
  newDecoder = others.start;
  decodeMore = others.more;
}

const isPedantic = __bootstrap.internals.isOn("pedantic_wpt");

/** How much text and bytes of a stream wait for their reader. */
const readableStrategy = __bootstrap.internals.isOff("encoder_stream_spec_compliant_backpressure")
  ? { __proto__: null, highWaterMark: 1 }
  : undefined;

class TextDecoder {
"#,
    ),
    once(ENCODING, "        return op_encoding_decode_single(\n", "        return decodeSingle(\n"),
    once(
        ENCODING,
        "        this.#handle = op_encoding_new_decoder(\n",
        "        this.#handle = newDecoder(\n",
    ),
    once(
        ENCODING,
        "      return op_encoding_decode(input, this.#handle, stream);\n",
        "      return decodeMore(input, this.#handle, stream);\n",
    ),
    once(
        ENCODING,
        "          const _ = this.#decoder.decode();\n          return PromiseResolve();\n        } catch (err) {\n          return PromiseReject(err);\n        }\n      },\n    });\n",
        "          const _ = this.#decoder.decode();\n          return PromiseResolve();\n        } catch (err) {\n          \
         return PromiseReject(err);\n        }\n      },\n    }, undefined, readableStrategy);\n",
    ),
    once(
        ENCODING,
        "[0xEF, 0xBF, 0xBD]));\n          }\n          return PromiseResolve();\n        } catch (err) {\n          return PromiseReject(err);\n        }\n      },\n    });\n",
        "[0xEF, 0xBF, 0xBD]));\n          }\n          return \
         PromiseResolve();\n        } catch (err) {\n          return PromiseReject(err);\n        }\n      },\n    \
         }, undefined, readableStrategy);\n",
    ),
    once(ENCODING, "return {\n  decode,\n", "return {\n  decode,\n  replaceDecoders,\n"),
    // ----- Compression. -----
    each(
        2,
        COMPRESSION,
        "    this.#transform = new TransformStream({\n",
        "    this.#transform = pacedTransform({\n",
    ),
    once(
        COMPRESSION,
        "class CompressionStream {\n",
        concat!(include_str!("inflate.js"), "class CompressionStream {\n"),
    ),
];
