//! Texts of streams, events and Web IDL's converters as workerd has them.
//! `js/wording.js` knows the parameters of functions by name.

use super::{
    ABORT, COMPRESSION, ENCODING, EVENT, PORT, Patch, STREAMS, URLPATTERN, WEBIDL, each, once,
};

const URL: &str = "ext:deno_web/00_url.js";

pub(crate) const WORDS: &[Patch] = &[
    // ----- What converters refuse. -----
    once(
        WEBIDL,
        "function makeException(ErrorType, message, prefix, context, code = undefined) {\n  const err = new ErrorType(\n",
        "let words;\nconst wording = () => words ??= core.loadExtScript(\"ext:selvedge/wording.js\");\n\n\
         function makeException(ErrorType, message, prefix, context, code = undefined) {\n  const err = new \
         ErrorType(\n    wording().reworded(message, prefix, context) ??\n",
    ),
    once(
        WEBIDL,
        "  if (length < required) {\n",
        "  if (length < required) {\n    const text = wording().missing(prefix, length + 1);\n    if (text !== \
         null) {\n      const err = new TypeError(text);\n      err.code = \"ERR_MISSING_ARGS\";\n      throw \
         err;\n    }\n",
    ),
    once(
        WEBIDL,
        "    const message = interfaceName === undefined\n      ? \"Illegal invocation\"\n      : `Value of \"this\" must be of type ${interfaceName}`;\n",
        "    const message = wording().ILLEGAL_INVOCATION;\n",
    ),
    // ----- URL. -----
    once(
        URL,
        "    this.#serialization = getSerialization(status, value);\n    this.#updateComponents();\n    this.#updateSearchParams();\n",
        "    if (status > 1) {\n      throw new TypeError(\n        \"Failed to set the 'href' property on 'URL': \
         the provided value is not of type 'valid URL string'.\",\n      );\n    }\n    this.#serialization = \
         getSerialization(status, value);\n    this.#updateComponents();\n    this.#updateSearchParams();\n",
    ),
    each(
        4,
        URL,
        "\"Each query pair must be an iterable [name, value] tuple\",",
        "\"Invalid URL search params sequence.\",",
    ),
    once(
        URLPATTERN,
        "    const parsed = op_urlpattern_parse(input, baseURL, options);\n",
        "    let parsed;\n    try {\n      parsed = op_urlpattern_parse(input, baseURL, options);\n    } catch \
         {\n      throw new TypeError(\"Failed to construct URLPattern\");\n    }\n",
    ),
    once(
        URL,
        "  delete(name, value = undefined) {\n    webidl.assertBranded(this, URLSearchParamsPrototype, \"URLSearchParams\");\n    const prefix = \"Failed to execute 'append' on 'URLSearchParams'\";\n",
        "  delete(name, value = undefined) {\n    webidl.assertBranded(this, URLSearchParamsPrototype, \
         \"URLSearchParams\");\n    const prefix = \"Failed to execute 'delete' on 'URLSearchParams'\";\n",
    ),
    // ----- Events. -----
    once(
        EVENT,
        "  constructor(type, eventInitDict) {\n    super(type, {\n",
        "  constructor(type, eventInitDict) {\n    webidl.requiredArguments(arguments.length, 1, \"Failed to \
         construct 'MessageEvent'\");\n    super(type, {\n",
    ),
    // (Nobody need have used a signal before.)
    once(
        EVENT,
        "    options.signal = webidl.converters.AbortSignal(\n",
        "    core.loadExtScript(\"ext:deno_web/03_abort_signal.js\");\n    options.signal = \
         webidl.converters.AbortSignal(\n",
    ),
    once(
        ABORT,
        "\"The signal has been aborted\", \"AbortError\"",
        "\"The operation was aborted\", \"AbortError\"",
    ),
    once(
        EVENT,
        "    options = addEventListenerOptionsConverter(options, prefix);\n",
        "    if (\n      callback !== null && callback !== undefined && typeof callback !== \"object\" &&\n      \
         typeof callback !== \"function\"\n    ) {\n      throw new primordials.TypeError(\n        \
         `${prefix}: parameter 2 is not of type 'function or HandlerObject'.`,\n      );\n    }\n    options = \
         addEventListenerOptionsConverter(options, prefix);\n",
    ),
    // ----- Streams that are locked. -----
    each(
        2,
        STREAMS,
        "throw new TypeError(\"ReadableStream is locked\");",
        "throw new TypeError(\"This ReadableStream is currently locked to a reader.\");",
    ),
    once(
        STREAMS,
        "\"Cannot cancel a locked ReadableStream.\"",
        "\"This ReadableStream is currently locked to a reader.\"",
    ),
    once(
        STREAMS,
        "\"ReadableStream is already locked\"",
        "\"This ReadableStream is currently locked to a reader.\"",
    ),
    once(
        STREAMS,
        "\"ReadableStream is already locked.\"",
        "\"This ReadableStream is currently locked to a reader.\"",
    ),
    once(
        STREAMS,
        "\"Target WritableStream is already locked\"",
        "\"This WritableStream is currently locked to a writer.\"",
    ),
    once(
        STREAMS,
        "\"destination WritableStream is already locked.\"",
        "\"This WritableStream is currently locked to a writer\"",
    ),
    once(
        STREAMS,
        "\"The stream is already locked\"",
        "\"This WritableStream is currently locked to a writer.\"",
    ),
    once(
        STREAMS,
        "\"The writable stream is locked, therefore cannot be aborted.\"",
        "\"This WritableStream is currently locked to a writer.\"",
    ),
    once(
        STREAMS,
        "\"The writable stream is locked, therefore cannot be closed.\"",
        "\"This WritableStream is currently locked to a writer.\"",
    ),
    // ----- Streams that are at their end. -----
    once(
        STREAMS,
        "      throw new TypeError(\"The stream controller cannot close or enqueue\");\n    }\n    readableStreamDefaultControllerClose(this);",
        "      throw new TypeError(\"This ReadableStream is closed.\");\n    }\n    \
         readableStreamDefaultControllerClose(this);",
    ),
    once(STREAMS, "\"The stream controller cannot close or enqueue\"", "\"Unable to enqueue\""),
    once(
        STREAMS,
        "\"Cannot enqueue chunk after a close has been requested\"",
        "\"This ReadableByteStreamController is closed.\"",
    ),
    once(
        STREAMS,
        "\"Cannot enqueue chunk when underlying stream is not readable\"",
        "\"This ReadableByteStreamController is closed.\"",
    ),
    once(
        STREAMS,
        "\"Readable stream is unavailable\"",
        "\"The readable side of this TransformStream is no longer readable.\"",
    ),
    once(
        STREAMS,
        "\"Writable stream is closed or errored.\"",
        "\"This WritableStream has been closed.\"",
    ),
    once(
        STREAMS,
        "\"The stream is closing or is closed.\"",
        "\"This WritableStream has been closed.\"",
    ),
    // ----- Readers and writers that were released. -----
    each(
        4,
        STREAMS,
        "\"Reader has no associated stream.\"",
        "\"This ReadableStream reader has been released.\"",
    ),
    once(
        STREAMS,
        "\"Reader was released and can no longer be used to monitor the stream's closedness.\"",
        "\"This ReadableStream reader has been released.\"",
    ),
    each(
        2,
        STREAMS,
        "\"The reader was released.\"",
        "\"This ReadableStream reader has been released.\"",
    ),
    once(
        STREAMS,
        "\"A writable stream is not associated with the writer\"",
        "\"This WritableStream writer has been released.\"",
    ),
    each(
        2,
        STREAMS,
        "\"A writable stream is not associated with the writer.\"",
        "\"This WritableStream writer has been released.\"",
    ),
    once(
        STREAMS,
        "\"A writable stream is not associate with the writer.\"",
        "\"This WritableStream writer has been released.\"",
    ),
    once(
        STREAMS,
        "\"The writer has already been released.\"",
        "\"This WritableStream writer has been released.\"",
    ),
    // ----- What streams are made of, and what is read into. -----
    once(
        STREAMS,
        "webidl.converters.ReadableStreamType = webidl.createEnumConverter(\n  \"ReadableStreamType\",\n  [\"bytes\"],\n);\n",
        "webidl.converters.ReadableStreamType = (value) => {\n  value = `${value}`;\n  if (value === \"bytes\") \
         return value;\n  throw new TypeError(`\"${value}\" is not a valid type of ReadableStream.`);\n};\n",
    ),
    once(
        STREAMS,
        "webidl.converters.ReadableStreamReaderMode = webidl\n  .createEnumConverter(\"ReadableStreamReaderMode\", [\"byob\"]);\n",
        "webidl.converters.ReadableStreamReaderMode = (value) => {\n  value = `${value}`;\n  if (value === \
         \"byob\") return value;\n  throw new TypeError(\"mode must be undefined or 'byob' in call to \
         getReader().\");\n};\n",
    ),
    once(
        STREAMS,
        "'\"autoAllocateChunkSize\" must be greater than 0'",
        "\"The autoAllocateChunkSize option cannot be zero.\"",
    ),
    once(
        STREAMS,
        "\"Cannot use a BYOB reader with a non-byte stream\"",
        "\"This ReadableStream does not support BYOB reads.\"",
    ),
    once(
        STREAMS,
        "      throw webidl.makeException(\n        TypeError,\n        \"Length must be non-zero\",\n        prefix,\n        arg1,\n      );\n",
        "      throw new TypeError(\"Cannot enqueue a zero-length ArrayBuffer.\");\n",
    ),
    once(
        STREAMS,
        "\"view must have non-zero byteLength\"",
        "'You must call read() on a \"byob\" reader with a positive-sized TypedArray object.'",
    ),
    once(
        STREAMS,
        "\"options.min must be non-zero\"",
        "\"Requested invalid minimum number of bytes to read (0).\"",
    ),
    once(
        STREAMS,
        "      if (options.min > TypedArrayPrototypeGetLength(view)) {\n        return PromiseReject(\n          new RangeError(\"options.min must be smaller or equal to view's size\"),\n",
        "      if (options.min > TypedArrayPrototypeGetLength(view)) {\n        return PromiseReject(\n          \
         new TypeError(\n            `Minimum bytes to read (${options.min}) exceeds size of buffer \
         (${TypedArrayPrototypeGetLength(view)}).`,\n          ),\n",
    ),
    once(
        STREAMS,
        "          new RangeError(\"options.min must be smaller or equal to view's size\"),\n",
        "          new TypeError(\n            `Minimum bytes to read (${options.min}) exceeds size of buffer \
         (${DataViewPrototypeGetByteLength(view)}).`,\n          ),\n",
    ),
    once(
        STREAMS,
        "      const err = new RangeError(\n        `${prefix}: readableType transformers not supported`,\n",
        "      const err = new TypeError(\n        \"transformer.readableType must be undefined.\",\n",
    ),
    once(
        STREAMS,
        "      const err = new RangeError(\n        `${prefix}: writableType transformers not supported`,\n",
        "      const err = new TypeError(\n        \"transformer.writableType must be undefined.\",\n",
    ),
    once(
        STREAMS,
        "\"Cannot convert value to Uint8Array while consuming the stream\"",
        "\"This ReadableStream did not return bytes.\"",
    ),
    once(
        STREAMS,
        "  if (NumberIsNaN(highWaterMark) || highWaterMark < 0) {\n    throw new RangeError(\n      `Expected highWaterMark to be a positive number or Infinity, got \"${highWaterMark}\".`,\n    );\n",
        "  if (NumberIsNaN(highWaterMark)) {\n    throw new TypeError(\n      \"The value cannot be converted \
         because it is not an integer.\",\n    );\n  }\n  if (highWaterMark < 0) {\n    throw new TypeError(\n      \
         \"The value cannot be converted because it is negative and this API expects a positive \
         bigint.\",\n    );\n",
    ),
    once(
        WEBIDL,
        "        const err = new TypeError(\n          `The \"callback\" argument must be of type function. Received ${\n            idlCallback === null\n              ? \"null\"\n              : idlCallback === undefined\n              ? \"undefined\"\n              : typeof idlCallback\n          }`,\n        );\n",
        "        const err = new TypeError(\n          `Failed to execute 'forEach' on '${name}': parameter 1 is \
         not of type 'function'.`,\n        );\n",
    ),
    once(
        ENCODING,
        "        chunk = webidl.converters.BufferSource(chunk, prefix, \"chunk\", {\n",
        "        if (!primordials.ArrayBufferIsView(chunk) && !core.isAnyArrayBuffer(chunk)) {\n          throw \
         new primordials.TypeError(\n            \"This TransformStream is being used as a byte stream, but \
         received a value that is not a BufferSource.\",\n          );\n        }\n        chunk = \
         webidl.converters.BufferSource(chunk, prefix, \"chunk\", {\n",
    ),
    // ----- What is inflated. -----
    once(
        COMPRESSION,
        "    const rid = op_compression_new(format, true);\n",
        "    const rid = op_compression_new(format, true);\n    const { write: op_compression_write, finish: \
         op_compression_finish } =\n      inflater(format);\n",
    ),
    // ----- What is cloned. -----
    once(
        PORT,
        "  if (isUncloneable(data) && !ArrayPrototypeIncludes(transferables, data)) {\n    throw new DOMException(\n      \"Cannot clone object of unsupported type.\",\n      \"DataCloneError\",\n    );\n",
        "  if (isUncloneable(data) && !ArrayPrototypeIncludes(transferables, data)) {\n    throw \
         clones().unsupported(data);\n",
    ),
    once(
        PORT,
        "    isUncloneable(value)\n  ) {\n    throw new DOMException(\n      \"Cannot clone object of unsupported type.\",\n      \"DataCloneError\",\n    );\n",
        "    isUncloneable(value)\n  ) {\n    throw clones().unsupported(value);\n",
    ),
    once(
        PORT,
        "      return core.structuredClone(value);\n",
        "      return clones().clone(value);\n",
    ),
    once(
        PORT,
        "  return core.serialize(value, undefined, errorCallback);\n",
        "  return clones().serialize(value, undefined, errorCallback);\n",
    ),
    once(
        PORT,
        "core.serialize(data, options, serializeErrorCb)",
        "clones().serialize(data, options, serializeErrorCb)",
    ),
    once(
        PORT,
        "const kUncloneable = Symbol(",
        "let cloned;\nconst clones = () => cloned ??= \
         core.loadExtScript(\"ext:selvedge/cloned_errors.js\");\nmarkNotSerializable(EventTarget.prototype);\n\
         markNotSerializable(core.loadExtScript(\"ext:deno_web/02_event.js\").Event.prototype);\n\n\
         const kUncloneable = Symbol(",
    ),
];
