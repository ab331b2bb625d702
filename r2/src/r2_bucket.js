// R2: a bucket and its objects, as https://developers.cloudflare.com/r2/api/workers/
// has them. What may be stored is checked by the ops; here is the shape.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  op_r2_delete,
  op_r2_get,
  op_r2_head,
  op_r2_list,
  op_r2_part_open,
  op_r2_put_open,
  op_r2_upload_abort,
  op_r2_upload_complete,
  op_r2_upload_create,
  op_r2_write_body,
  op_r2_write_bytes,
  op_r2_write_text,
} = core.ops;
const {
  ArrayIsArray,
  ArrayPrototypePush,
  Date,
  DatePrototypeToUTCString,
  ObjectDefineProperty,
  ObjectPrototypeIsPrototypeOf,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  ReflectApply,
  Symbol,
  SymbolToStringTag,
  TypeError,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
} = primordials;
const { viewOf } = internals;
const { bodies, headers: h, io: contexts } = internals.selvedge;
const {
  bytesOf,
  getOptions,
  HASHES,
  HTTP_FIELDS,
  isObject,
  listOptions,
  missing,
  optionsOf,
  partNumberOf,
  putOptions,
  refuseKey,
  stringOf,
  uploadOptions,
} = core.loadExtScript("ext:selvedge_r2/options.js");
const setHeader = h.Headers.prototype.set;

const ILLEGAL_INVOCATION = "Illegal invocation: function called with incorrect `this` reference. " +
  "See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.";
const BAD_BODY = "JsReadableStream or ArrayBuffer or ArrayBufferView or string or Blob";
const NO_LENGTH =
  "Provided readable stream must have a known length (request/response body or readable half of FixedLengthStream)";
const internal = Symbol("internal");

/**
 * Writes a value. `open` checks all else when it is given the length, and gives
 * the number of the write; `refuse` makes the error for values of other types.
 */
function write(io, value, open, refuse) {
  if (typeof value === "string") return op_r2_write_text(open(-1), value);
  if (typeof value !== "object" || value === null) throw refuse();
  const bytes = viewOf(value);
  if (bytes !== null) return op_r2_write_bytes(open(TypedArrayPrototypeGetByteLength(bytes)), bytes);
  const { ReadableStreamPrototype, isReadableStreamDisturbed, isReadableStreamLocked } = core
    .loadExtScript("ext:deno_web/06_streams.js");
  const { BlobPrototype } = core.loadExtScript("ext:deno_web/09_file.js");
  if (ObjectPrototypeIsPrototypeOf(ReadableStreamPrototype, value)) {
    if (isReadableStreamLocked(value)) throw new TypeError("The ReadableStream has been locked to a reader.");
    if (isReadableStreamDisturbed(value)) throw new TypeError("This ReadableStream is disturbed.");
  } else if (!ObjectPrototypeIsPrototypeOf(BlobPrototype, value)) {
    throw refuse();
  }
  const body = bodies.extract(value);
  if (!(body.length >= 0)) throw new TypeError(NO_LENGTH);
  const rid = open(body.length);
  contexts.ownBody(io, rid);
  const { upload } = core.loadExtScript("ext:selvedge/streams.js");
  let broken = false;
  let reason;
  const source = upload(io, body, (error) => {
    broken = true;
    reason = error;
  });
  return PromisePrototypeThen(op_r2_write_body(rid, source), undefined, (error) => {
    throw broken ? reason : error;
  });
}

/** What a method gives: a promise in all cases. */
function promised(work) {
  try {
    const value = work();
    return core.isPromise(value) ? value : PromiseResolve(value);
  } catch (error) {
    return PromiseReject(error);
  }
}

function nothing() {}

/** The hashes of an object: array buffers. */
class Checksums {
  #hex;

  constructor(token, hex) {
    if (token !== internal) throw new TypeError("Illegal constructor");
    this.#hex = hex;
    for (let i = HASHES.length - 1; i >= 0; i--) {
      const field = HASHES[i][0];
      const value = hex[field] === undefined ? undefined : TypedArrayPrototypeGetBuffer(bytesOf(hex[field]));
      define(this, field, value);
    }
  }

  toJSON() {
    const all = {};
    for (let i = 0; i < HASHES.length; i++) all[HASHES[i][0]] = this.#hex[HASHES[i][0]];
    return all;
  }
}

function define(object, name, value) {
  ObjectDefineProperty(object, name, { __proto__: null, value, enumerable: true, configurable: true });
}

/** The content type of an object. */
let typeOf;

/** An object without its body. */
class HeadResult {
  #http;

  constructor(token, object, slice) {
    if (token !== internal) throw new TypeError("Illegal constructor");
    const http = { ...object.httpMetadata };
    if (http.cacheExpiry !== undefined) http.cacheExpiry = new Date(http.cacheExpiry);
    const custom = {};
    for (let i = 0; i < object.customMetadata.length; i++) {
      const pair = object.customMetadata[i];
      ObjectDefineProperty(custom, pair[0], {
        __proto__: null,
        value: pair[1],
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
    this.#http = object.httpMetadata;
    define(this, "ssecKeyMd5", undefined);
    define(this, "storageClass", object.storageClass);
    define(this, "range", slice === null ? undefined : { offset: slice.offset, length: slice.length });
    define(this, "customMetadata", custom);
    define(this, "httpMetadata", http);
    define(this, "uploaded", new Date(object.uploaded));
    define(this, "checksums", new Checksums(internal, object.checksums));
    define(this, "httpEtag", `"${object.etag}"`);
    define(this, "etag", object.etag);
    define(this, "size", object.size);
    define(this, "version", object.version);
    define(this, "key", object.key);
  }

  writeHttpMetadata(headers) {
    if (!(#http in this)) throw new TypeError(ILLEGAL_INVOCATION);
    if (!h.isHeaders(headers)) throw missing("writeHttpMetadata", 1, "Headers", "HeadResult");
    const http = this.#http;
    for (let i = 0; i < HTTP_FIELDS.length; i++) {
      const value = http[HTTP_FIELDS[i][0]];
      if (value !== undefined) ReflectApply(setHeader, headers, [HTTP_FIELDS[i][1], value]);
    }
    if (http.cacheExpiry !== undefined) {
      const date = DatePrototypeToUTCString(new Date(http.cacheExpiry));
      ReflectApply(setHeader, headers, ["expires", date]);
    }
  }

  static {
    typeOf = (result) => result.#http.contentType ?? "";
  }
}

/** An object with its body. */
class GetResult extends HeadResult {
  #body;

  constructor(token, object, slice, body) {
    super(token, object, slice);
    this.#body = body;
  }

  get body() {
    if (!(#body in this)) throw new TypeError(ILLEGAL_INVOCATION);
    return bodies.streamOf(this.#body);
  }

  get bodyUsed() {
    if (!(#body in this)) throw new TypeError(ILLEGAL_INVOCATION);
    return bodies.isUsed(this.#body);
  }

  arrayBuffer() {
    return this.#read(bodies.consumeArrayBuffer);
  }

  bytes() {
    return this.#read(bodies.consumeBytes);
  }

  text() {
    return this.#read(bodies.consumeText);
  }

  json() {
    return this.#read(bodies.consumeJson);
  }

  blob() {
    return promised(() => {
      if (!(#body in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const { Blob } = core.loadExtScript("ext:deno_web/09_file.js");
      const type = typeOf(this);
      return PromisePrototypeThen(bodies.consumeBytes(this.#body), (bytes) => new Blob([bytes], { type }));
    });
  }

  #read(consume) {
    return promised(() => consume(this.#body));
  }
}

/** An upload in parts. */
class R2MultipartUpload {
  #rid;
  #key;
  #upload;

  constructor(token, rid, key, upload) {
    if (token !== internal) throw new TypeError("Illegal constructor");
    this.#rid = rid;
    this.#key = key;
    this.#upload = upload;
    define(this, "uploadId", upload);
    define(this, "key", key);
  }

  uploadPart(partNumber, value, options = undefined) {
    return promised(() => {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      if (arguments.length === 0) throw missing("uploadPart", 1, "integer", "R2MultipartUpload");
      const number = partNumberOf(partNumber);
      const refuse = () => missing("uploadPart", 2, BAD_BODY, "R2MultipartUpload");
      const given = optionsOf(options, "uploadPart", 3, "UploadPartOptions", "R2MultipartUpload");
      if (given !== null) refuseKey(given.ssecKey, "uploadPart");
      const open = (length) => op_r2_part_open(this.#rid, io.slot, this.#key, this.#upload, number, length);
      return write(io, value, open, refuse);
    });
  }

  abort() {
    return promised(() => {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      return PromisePrototypeThen(op_r2_upload_abort(this.#rid, io.slot, this.#key, this.#upload), nothing);
    });
  }

  complete(uploadedParts) {
    return promised(() => {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      if (!ArrayIsArray(uploadedParts)) throw missing("complete", 1, "Array", "R2MultipartUpload");
      const parts = [];
      for (let i = 0; i < uploadedParts.length; i++) {
        const part = uploadedParts[i];
        if (!isObject(part)) {
          throw new TypeError(
            `Incorrect type for array element ${i}: the provided value is not of type 'UploadedPart'.`,
          );
        }
        const partNumber = partNumberOf(part.partNumber);
        ArrayPrototypePush(parts, { __proto__: null, partNumber, etag: stringOf(part.etag) });
      }
      return PromisePrototypeThen(
        op_r2_upload_complete(this.#rid, io.slot, this.#key, this.#upload, parts),
        (object) => new HeadResult(internal, object, null),
      );
    });
  }
}

/** A bucket. All of its methods give promises, also of their errors, but for `resumeMultipartUpload`. */
class R2Bucket {
  #rid;

  constructor(token, rid) {
    if (token !== internal) throw new TypeError("Illegal constructor");
    this.#rid = rid;
  }

  head(key) {
    return promised(() => {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      if (arguments.length === 0) throw missing("head", 1, "string");
      const object = op_r2_head(this.#rid, io.slot, stringOf(key));
      if (object === null) return null;
      return new HeadResult(internal, object, { __proto__: null, offset: 0, length: object.size });
    });
  }

  get(key, options = undefined) {
    return promised(() => {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      if (arguments.length === 0) throw missing("get", 1, "string");
      const found = op_r2_get(this.#rid, io.slot, stringOf(key), getOptions(options));
      if (found === null) return null;
      if (found.body === null) return new HeadResult(internal, found.object, null);
      contexts.ownBody(io, found.body);
      const body = bodies.nativeBody(io, found.body);
      return new GetResult(internal, found.object, found.slice, body);
    });
  }

  put(key, value, options = undefined) {
    return promised(() => {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      if (arguments.length === 0) throw missing("put", 1, "string");
      const name = stringOf(key);
      if (arguments.length === 1) throw missing("put", 2, BAD_BODY);
      const given = putOptions(options);
      const content = value === undefined || value === null ? "" : value;
      const open = (length) => op_r2_put_open(this.#rid, io.slot, name, length, given);
      return PromisePrototypeThen(
        write(io, content, open, () => missing("put", 2, BAD_BODY)),
        (object) => object === null ? null : new HeadResult(internal, object, null),
      );
    });
  }

  createMultipartUpload(key, options = undefined) {
    return promised(() => {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      if (arguments.length === 0) throw missing("createMultipartUpload", 1, "string");
      const name = stringOf(key);
      const given = optionsOf(options, "createMultipartUpload", 2, "MultipartOptions");
      const attributes = given === null
        ? null
        : uploadOptions(given, "MultipartOptions", "createMultipartUpload");
      const rid = this.#rid;
      return PromisePrototypeThen(
        op_r2_upload_create(rid, io.slot, name, attributes),
        (upload) => new R2MultipartUpload(internal, rid, name, upload),
      );
    });
  }

  resumeMultipartUpload(key, uploadId) {
    if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
    if (arguments.length === 0) throw missing("resumeMultipartUpload", 1, "string");
    if (arguments.length === 1) throw missing("resumeMultipartUpload", 2, "string");
    return new R2MultipartUpload(internal, this.#rid, stringOf(key), stringOf(uploadId));
  }

  delete(keys) {
    return promised(() => {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      if (arguments.length === 0) throw missing("delete", 1, "string or Array");
      const names = [];
      if (ArrayIsArray(keys)) {
        for (let i = 0; i < keys.length; i++) ArrayPrototypePush(names, stringOf(keys[i]));
      } else {
        ArrayPrototypePush(names, stringOf(keys));
      }
      return PromisePrototypeThen(op_r2_delete(this.#rid, io.slot, names), nothing);
    });
  }

  list(options = undefined) {
    return promised(() => {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      return PromisePrototypeThen(op_r2_list(this.#rid, io.slot, listOptions(options)), (page) => {
        const objects = [];
        for (let i = 0; i < page.objects.length; i++) {
          ArrayPrototypePush(objects, new HeadResult(internal, page.objects[i], null));
        }
        const cursor = page.cursor ?? undefined;
        return {
          objects,
          truncated: cursor !== undefined,
          cursor,
          delimitedPrefixes: page.delimitedPrefixes,
        };
      });
    });
  }
}

const named = [
  [Checksums, "Checksums"],
  [HeadResult, "HeadResult"],
  [GetResult, "GetResult"],
  [R2MultipartUpload, "R2MultipartUpload"],
  [R2Bucket, "R2Bucket"],
];
for (let i = 0; i < named.length; i++) {
  ObjectDefineProperty(named[i][0].prototype, SymbolToStringTag, {
    __proto__: null,
    value: named[i][1],
    configurable: true,
  });
}

return { bind: (rid) => new R2Bucket(internal, rid) };
})();
