// Bodies of requests and responses (https://fetch.spec.whatwg.org/#bodies).
//
// A body is a string, bytes, or a stream; one that comes from the network is a
// resource of the host until somebody wants to see it as a stream. What the
// Worker only hands on never enters JavaScript.
import { core, primordials } from "ext:selvedge/core.js";
import {
  op_body_close,
  op_body_length,
  op_body_read,
  op_body_read_all,
  op_body_take_bytes,
  op_body_take_text,
} from "ext:core/ops";
import { checkOwner, required } from "ext:selvedge/io_context.js";
import { getRaw } from "ext:selvedge/fetch/headers.js";
import { lazy } from "ext:selvedge/lazy.js";
import { isOff } from "ext:selvedge/shared.js";
import { viewOf } from "ext:selvedge/views.js";

const {
  ArrayBufferIsView,
  ArrayBufferPrototypeGetByteLength,
  ArrayIsArray,
  JSONParse,
  ObjectPrototype,
  ObjectPrototypeIsPrototypeOf,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  ReflectApply,
  RegExpPrototypeExec,
  SafeRegExp,
  SafeWeakMap,
  StringPrototypeCharCodeAt,
  StringPrototypeSlice,
  SymbolAsyncIterator,
  SymbolIterator,
  SymbolToPrimitive,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypeError,
  Uint8Array,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
} = primordials;

const { toString: plainToString } = ObjectPrototype;

const TEXT = 1;
const BYTES = 2;
const STREAM = 3;
const NATIVE = 4;

const USED = "Body has already been used. It can only be used once. Use tee() first if you need to read it twice.";

const streams = lazy("ext:deno_web/06_streams.js");
const files = lazy("ext:deno_web/09_file.js");
const urls = lazy("ext:deno_web/00_url.js");
const forms = lazy("ext:selvedge/fetch/form_data.js");
const types = lazy("ext:selvedge/fetch/mime_type.js");

/** A type that is written as it is to be. */
const PLAIN_TYPE = new SafeRegExp("^[!#$%&'*+\\-.^_`|~0-9a-z]+/[!#$%&'*+\\-.^_`|~0-9a-z]+(?:;charset=UTF-8)?$");

/** Whether a byte order mark is part of a text, as for old dates. */
let keepsBom = false;

function keepBom() {
  keepsBom = true;
}

/** What knows the URLSearchParams of old dates, if a Worker has them. */
let isOldQuery = null;

function knowOldQueries(test) {
  isOldQuery = test;
}

/** Streams that stand for a body of the host, and that body. */
const nativeOf = new SafeWeakMap();

/** Streams whose length was declared, as by FixedLengthStream. */
const lengthOf = new SafeWeakMap();

function declareLength(stream, length) {
  WeakMapPrototypeSet(lengthOf, stream, length);
}

/** The declared length, or -1. */
function lengthOfStream(stream) {
  return WeakMapPrototypeGet(lengthOf, stream) ?? -1;
}

/** The content of a request or response. */
class Body {
  kind;
  source;
  /** Of a body of the host: who owns it. */
  io = null;
  stream = null;
  used = false;
  /** Of a subrequest: what aborts it. */
  signal = null;
  /** The length in bytes where it is known and not plain, else -1. */
  length = -1;

  constructor(kind, source) {
    this.kind = kind;
    this.source = source;
  }
}

function nativeBody(io, rid) {
  const body = new Body(NATIVE, rid);
  body.io = io;
  body.length = op_body_length(rid);
  return body;
}

/** The same, of which nothing is asked yet. */
function unseenBody(io, rid) {
  const body = new Body(NATIVE, rid);
  body.io = io;
  return body;
}

function noteLength(body) {
  body.length = op_body_length(body.source);
}

/** Bytes of a buffer or view, copied. */
function copyBytes(source) {
  return new Uint8Array(viewOf(source));
}

/**
 * The chunks of something that can be iterated, as a stream; undefined for what is text.
 * That is what has a `toString()` or `Symbol.toPrimitive` of its own, but for arrays,
 * and for what can be iterated asynchronously.
 */
function iterated(init) {
  const isAsync = typeof init[SymbolAsyncIterator] === "function";
  if (!isAsync) {
    if (!isArray(init) && !isOff("fetch_iterable_type_support_override_adjustment")) {
      if (init.toString !== plainToString || init[SymbolToPrimitive] !== undefined) return undefined;
    }
    if (typeof init[SymbolIterator] !== "function") return undefined;
  }
  const key = isAsync ? SymbolAsyncIterator : SymbolIterator;
  const iterator = ReflectApply(init[key], init, []);
  if (iterator === null || (typeof iterator !== "object" && typeof iterator !== "function")) return undefined;
  return streams().ReadableStream.from({ __proto__: null, [key]: () => iterator });
}

/** An array itself, and not what stands before one. */
function isArray(value) {
  return ArrayIsArray(value) && !core.isProxy(value);
}

/**
 * Extracts a body (https://fetch.spec.whatwg.org/#concept-bodyinit-extract).
 * Gives the body; `extractedType()` then tells the content type it implies.
 */
let lastType = null;
function extract(init) {
  lastType = null;
  if (typeof init === "string") {
    lastType = "text/plain;charset=UTF-8";
    return new Body(TEXT, init);
  }
  if (typeof init === "object") {
    if (core.isAnyArrayBuffer(init) || ArrayBufferIsView(init)) {
      return new Body(BYTES, copyBytes(init));
    }
    // A class that was never loaded has no instances.
    if (
      urls.loaded !== null && ObjectPrototypeIsPrototypeOf(urls.loaded.URLSearchParamsPrototype, init) ||
      isOldQuery !== null && isOldQuery(init)
    ) {
      lastType = "application/x-www-form-urlencoded;charset=UTF-8";
      // deno-lint-ignore prefer-primordials
      return new Body(TEXT, init.toString());
    }
    if (files.loaded !== null && ObjectPrototypeIsPrototypeOf(files.loaded.BlobPrototype, init)) {
      const body = new Body(STREAM, init.stream());
      body.stream = body.source;
      body.length = init.size;
      lastType = init.type === "" ? null : init.type;
      return body;
    }
    if (forms.loaded !== null && forms.loaded.isFormData(init)) {
      const encoded = forms.loaded.encode(init);
      lastType = encoded.type;
      return new Body(BYTES, encoded.bytes);
    }
    const { ReadableStreamPrototype, isReadableStreamLocked, isReadableStreamDisturbed } = streams();
    if (ObjectPrototypeIsPrototypeOf(ReadableStreamPrototype, init)) {
      if (isReadableStreamLocked(init)) {
        throw new TypeError("This ReadableStream is currently locked to a reader.");
      }
      if (isReadableStreamDisturbed(init)) {
        throw new TypeError(
          "This ReadableStream is disturbed (has already been read from), and cannot be used as a body.",
        );
      }
      const body = new Body(STREAM, init);
      body.stream = init;
      const native = WeakMapPrototypeGet(nativeOf, init);
      if (native !== undefined) body.length = native.length;
      else {
        const length = WeakMapPrototypeGet(lengthOf, init);
        if (length !== undefined) body.length = length;
      }
      return body;
    }
    const stream = init !== null && !isOff("fetch_iterable_type_support") ? iterated(init) : undefined;
    if (stream !== undefined) {
      const body = new Body(STREAM, stream);
      body.stream = stream;
      return body;
    }
  }
  lastType = "text/plain;charset=UTF-8";
  return new Body(TEXT, `${init}`);
}

function extractedType() {
  return lastType;
}

function isUsed(body) {
  if (body === null) return false;
  if (body.used) return true;
  return body.stream !== null && streams().isReadableStreamDisturbed(body.stream);
}

function isLocked(body) {
  return body !== null && body.stream !== null && streams().isReadableStreamLocked(body.stream);
}

/** The body as a stream; the same one each time. */
function streamOf(body) {
  if (body === null) return null;
  if (body.stream !== null) return body.stream;
  let stream;
  if (body.kind === NATIVE) {
    stream = body.used ? closedStream() : readNative(body);
    WeakMapPrototypeSet(nativeOf, stream, body);
  } else {
    const bytes = body.kind === TEXT ? core.encode(body.source) : body.source;
    stream = readBytesOf(bytes);
    if (body.used) closeUsed(stream);
    else declareLength(stream, TypedArrayPrototypeGetByteLength(bytes));
  }
  body.stream = stream;
  return stream;
}

function nothing() {}

function closedStream() {
  const { createReadableByteStream, readableByteStreamControllerClose } = streams();
  const stream = createReadableByteStream(readableByteStreamControllerClose, nothing, nothing);
  closeUsed(stream);
  return stream;
}

function closeUsed(stream) {
  const { readableStreamDisturb } = streams();
  readableStreamDisturb(stream);
}

/** A stream of bytes that are in memory. */
function readBytesOf(bytes) {
  const { createReadableByteStream, readableByteStreamControllerEnqueue, readableByteStreamEnd } = streams();
  return createReadableByteStream(nothing, (controller) => {
    if (bytes.length > 0) readableByteStreamControllerEnqueue(controller, new Uint8Array(bytes));
    readableByteStreamEnd(controller);
  }, () => PromiseResolve(undefined));
}

function readNative(body) {
  const { createReadableByteStream, readableByteStreamControllerEnqueue, readableByteStreamEnd } = streams();
  const io = body.io;
  const rid = body.source;
  let reader;
  const take = (piece) => {
    if (TypedArrayPrototypeGetByteLength(piece) === 0) {
      op_body_close(rid);
      readableByteStreamEnd(reader);
    } else {
      readableByteStreamControllerEnqueue(reader, piece);
    }
  };
  const pull = (controller) => {
    reader = controller;
    try {
      checkOwner(io);
    } catch (error) {
      return PromiseReject(error);
    }
    return PromisePrototypeThen(unlessAborted(body, op_body_read(rid, io.slot)), take);
  };
  const cancel = () => {
    op_body_close(rid);
    return PromiseResolve(undefined);
  };
  return createReadableByteStream(nothing, pull, cancel);
}

/** A read that fails because its signal aborted fails with the signal's reason. */
function unlessAborted(body, reading) {
  const { signal } = body;
  if (signal === null) return reading;
  return PromisePrototypeThen(reading, undefined, (error) => {
    throw signal.aborted ? signal.reason : error;
  });
}

/**
 * The host's body behind this one, if JavaScript read nothing of it: its
 * resource is given away.
 */
function takeNative(body) {
  let native = body;
  if (body.kind === STREAM) {
    native = WeakMapPrototypeGet(nativeOf, body.stream);
    if (native === undefined) return -1;
  }
  if (native.kind !== NATIVE || native.used) return -1;
  if (native.stream !== null) {
    const { isReadableStreamDisturbed, isReadableStreamLocked, readableStreamDisturb } = streams();
    if (isReadableStreamDisturbed(native.stream) || isReadableStreamLocked(native.stream)) return -1;
    readableStreamDisturb(native.stream);
  }
  checkOwner(native.io);
  native.used = true;
  return native.source;
}

/** Marks the body used; throws when it is already. */
function use(body) {
  if (isUsed(body)) throw new TypeError(USED);
  if (isLocked(body)) {
    throw new TypeError("This ReadableStream is currently locked to a reader.");
  }
  if (body.kind === NATIVE && body.stream === null) checkOwner(body.io);
  body.used = true;
}

/** All bytes of a body that is not text, as a promise. */
function readBytes(body) {
  if (body.kind === NATIVE && body.stream === null) {
    const ready = op_body_take_bytes(body.source);
    if (ready !== null && ready !== undefined) return ready;
    return unlessAborted(body, op_body_read_all(body.source, body.io.slot));
  }
  if (body.stream !== null) {
    return streams().readableStreamCollectIntoUint8Array(body.stream);
  }
  return new Uint8Array(body.source);
}

function textOf(body) {
  if (body === null) return "";
  use(body);
  if (body.stream === null) {
    if (body.kind === TEXT) {
      const { source } = body;
      return keepsBom || StringPrototypeCharCodeAt(source, 0) !== 0xfeff ? source : StringPrototypeSlice(source, 1);
    }
    if (body.kind === NATIVE && !keepsBom) {
      const ready = op_body_take_text(body.source);
      if (ready !== null && ready !== undefined) return ready;
    }
  }
  return then(readBytes(body), decodeText);
}

function decodeText(bytes) {
  const text = core.decode(bytes);
  return keepsBom && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? `\ufeff${text}` : text;
}

function bytesOf(body) {
  if (body === null) return new Uint8Array();
  use(body);
  if (body.stream === null && body.kind === TEXT) return core.encode(body.source);
  return readBytes(body);
}

/** Applies a function to a value that may be a promise. */
function then(value, map) {
  return core.isPromise(value) ? PromisePrototypeThen(value, map) : map(value);
}

/** What a consuming method returns: a promise in all cases. */
function consume(read) {
  try {
    const value = read();
    return core.isPromise(value) ? value : PromiseResolve(value);
  } catch (error) {
    return PromiseReject(error);
  }
}

function consumeText(body) {
  return consume(() => textOf(body));
}

function consumeJson(body) {
  return consume(() => then(textOf(body), JSONParse1));
}

function JSONParse1(text) {
  return JSONParse(text);
}

function consumeBytes(body) {
  return consume(() => bytesOf(body));
}

function consumeArrayBuffer(body) {
  return consume(() => then(bytesOf(body), (bytes) => TypedArrayPrototypeGetBuffer(exact(bytes))));
}

/** A view over the whole of its buffer. */
function exact(bytes) {
  const buffer = TypedArrayPrototypeGetBuffer(bytes);
  if (ArrayBufferPrototypeGetByteLength(buffer) === TypedArrayPrototypeGetByteLength(bytes)) {
    return bytes;
  }
  return copyBytes(bytes);
}

function consumeBlob(body, headers) {
  return consume(() => {
    const type = getRaw(headers, "content-type") ?? "";
    return then(bytesOf(body), (bytes) => {
      const blob = new (files().Blob)([bytes]);
      files().setType(blob, typeOfBlob(type));
      return blob;
    });
  });
}

function typeOfBlob(type) {
  if (RegExpPrototypeExec(PLAIN_TYPE, type) !== null || isOff("blob_standard_mime_type")) return type;
  return types().normalized(type);
}

function consumeFormData(body, headers) {
  return consume(() => {
    const type = getRaw(headers, "content-type");
    if (type === null) {
      throw new TypeError("Parsing a Body as FormData requires a Content-Type header.");
    }
    return then(bytesOf(body), (bytes) => forms().parse(bytes, type));
  });
}

/** Splits a body in two (https://fetch.spec.whatwg.org/#concept-body-clone). */
function clone(body) {
  if (body === null) return null;
  if (isUsed(body) || isLocked(body)) throw new TypeError(USED);
  if (body.stream === null && body.kind !== NATIVE) {
    return new Body(body.kind, body.source);
  }
  if (body.kind === NATIVE && body.stream === null) {
    // What lies in memory is shared; a body on its way is teed.
    const ready = op_body_take_bytes(body.source);
    if (ready !== null && ready !== undefined) {
      body.kind = BYTES;
      body.source = ready;
      return new Body(BYTES, ready);
    }
  }
  const halves = streams().readableStreamTee(streamOf(body), true);
  const other = new Body(STREAM, halves[1]);
  other.stream = halves[1];
  other.length = body.length;
  body.kind = STREAM;
  body.source = halves[0];
  body.stream = halves[0];
  return other;
}

export {
  Body,
  BYTES,
  clone,
  consumeArrayBuffer,
  consumeBlob,
  consumeBytes,
  consumeFormData,
  consumeJson,
  consumeText,
  declareLength,
  decodeText,
  extract,
  extractedType,
  isLocked,
  isUsed,
  keepBom,
  keepsBom,
  knowOldQueries,
  lengthOfStream,
  NATIVE,
  nativeBody,
  noteLength,
  STREAM,
  streamOf,
  takeNative,
  TEXT,
  unseenBody,
  USED,
};
