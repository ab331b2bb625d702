// FormData (https://xhr.spec.whatwg.org/#formdata), its multipart encoding and
// both of its parsers (RFC 7578, https://url.spec.whatwg.org/#urlencoded-parsing).
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ArrayIteratorPrototype,
  ArrayPrototypeFilter,
  ArrayPrototypePush,
  ArrayPrototypeSplice,
  DataViewPrototype,
  MathRandom,
  ObjectDefineProperty,
  ObjectGetPrototypeOf,
  ObjectPrototypeIsPrototypeOf,
  RegExpPrototypeExec,
  SafeRegExp,
  String,
  StringPrototypeReplaceAll,
  StringPrototypeSlice,
  StringPrototypeToLowerCase,
  Symbol,
  SymbolFor,
  SymbolIterator,
  SymbolToStringTag,
  TypedArrayPrototypeSet,
  TypedArrayPrototypeSubarray,
  TypeError,
  Uint8Array,
} = primordials;
const { decodeText } = internals.selvedge.bodies;
const { BlobPrototype, File, FilePrototype, getParts } = core.loadExtScript("ext:deno_web/09_file.js");
const { URLSearchParams } = core.loadExtScript("ext:deno_web/00_url.js");
const { op_blob_read_all_sync } = core.ops;

let isFormData, entriesOf;

const kState = Symbol("state");

/** What the iterators of forms have in common. They see what is appended meanwhile. */
const FormDataIteratorPrototype = {
  __proto__: ObjectGetPrototypeOf(ArrayIteratorPrototype),
  next() {
    const state = this?.[kState];
    if (state === undefined) throw core.illegalInvocation();
    const entries = entriesOf(state.form);
    if (state.at >= entries.length) {
      return internals.isOff("enable_fast_jsg_struct") ? { done: true } : { value: undefined, done: true };
    }
    return { value: state.show(entries[state.at++]), done: false };
  },
};
ObjectDefineProperty(FormDataIteratorPrototype, SymbolToStringTag, {
  __proto__: null,
  value: "FormData Iterator",
  configurable: true,
});

function makeIterator(form, show) {
  const value = { __proto__: null, form, show, at: 0 };
  return ObjectDefineProperty({ __proto__: FormDataIteratorPrototype }, kState, { __proto__: null, value });
}

class FormData extends core.Given {
  #entries = [];

  append(name, value, filename = undefined) {
    need(arguments, 2, "append");
    ArrayPrototypePush(this.#entries, entryOf(name, value, filename, arguments.length > 2));
  }

  set(name, value, filename = undefined) {
    need(arguments, 2, "set");
    const entry = entryOf(name, value, filename, arguments.length > 2);
    const list = this.#entries;
    let found = false;
    for (let i = 0; i < list.length; i++) {
      if (list[i].name !== entry.name) continue;
      if (!found) {
        list[i] = entry;
        found = true;
      } else {
        ArrayPrototypeSplice(list, i, 1);
        i--;
      }
    }
    if (!found) ArrayPrototypePush(list, entry);
  }

  delete(name) {
    need(arguments, 1, "delete");
    name = `${name}`;
    this.#entries = ArrayPrototypeFilter(this.#entries, (entry) => entry.name !== name);
  }

  get(name) {
    need(arguments, 1, "get");
    name = `${name}`;
    for (let i = 0; i < this.#entries.length; i++) {
      if (this.#entries[i].name === name) return this.#entries[i].value;
    }
    return null;
  }

  getAll(name) {
    need(arguments, 1, "getAll");
    name = `${name}`;
    const values = [];
    for (let i = 0; i < this.#entries.length; i++) {
      if (this.#entries[i].name === name) ArrayPrototypePush(values, this.#entries[i].value);
    }
    return values;
  }

  has(name) {
    need(arguments, 1, "has");
    name = `${name}`;
    for (let i = 0; i < this.#entries.length; i++) {
      if (this.#entries[i].name === name) return true;
    }
    return false;
  }

  forEach(callback, thisArg = undefined) {
    if (typeof callback !== "function") need([], 1, "forEach");
    for (let i = 0; i < this.#entries.length; i++) {
      const { name, value } = this.#entries[i];
      primordials.FunctionPrototypeCall(callback, thisArg, value, name, this);
    }
  }

  entries() {
    return makeIterator(this, (entry) => [entry.name, entry.value]);
  }

  keys() {
    return makeIterator(this, (entry) => entry.name);
  }

  values() {
    return makeIterator(this, (entry) => entry.value);
  }

  [SymbolFor("Deno.privateCustomInspect")](inspect, options) {
    const object = { __proto__: null };
    for (let i = 0; i < this.#entries.length; i++) object[this.#entries[i].name] = this.#entries[i].value;
    return `FormData ${inspect(object, options)}`;
  }

  static {
    isFormData = (value) => typeof value === "object" && value !== null && #entries in value;
    entriesOf = (form) => form.#entries;
  }
}
ObjectDefineProperty(FormData.prototype, SymbolIterator, {
  __proto__: null,
  value: FormData.prototype.entries,
  writable: true,
  enumerable: false,
  configurable: true,
});
ObjectDefineProperty(FormData.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "FormData",
  configurable: true,
});

function need(args, count, method) {
  if (args.length < count) {
    // What is there is converted first.
    if (args.length > 0) void `${args[0]}`;
    const type = args.length === 1 ? "File or Blob or string" : method === "forEach" ? "function" : "string";
    throw new TypeError(
      `Failed to execute '${method}' on 'FormData': parameter ${args.length + 1} is not of type '${type}'.`,
    );
  }
}

function entryOf(name, value, filename, named) {
  name = String(name);
  if (typeof value === "object" && value !== null && ObjectPrototypeIsPrototypeOf(BlobPrototype, value)) {
    const isFile = ObjectPrototypeIsPrototypeOf(FilePrototype, value);
    if (!isFile || named) {
      value = new File([value], named ? String(filename) : "blob", {
        type: value.type,
        lastModified: isFile ? value.lastModified : undefined,
      });
    }
    return { name, value };
  }
  return { name, value: String(value) };
}

const LINE_BREAK = new SafeRegExp("\\r?\\n|\\r", "g");

function escapeName(text) {
  text = StringPrototypeReplaceAll(text, "\n", "%0A");
  text = StringPrototypeReplaceAll(text, "\r", "%0D");
  return StringPrototypeReplaceAll(text, '"', "%22");
}

function crlf(text) {
  return primordials.RegExpPrototypeSymbolReplace(LINE_BREAK, text, "\r\n");
}

/** Encodes a form as multipart/form-data. */
function encode(form) {
  let boundary = "----SelvedgeFormBoundary";
  for (let i = 0; i < 4; i++) boundary += StringPrototypeSlice(`${MathRandom()}`, 2, 8);
  const pieces = [];
  let length = 0;
  const push = (bytes) => {
    ArrayPrototypePush(pieces, bytes);
    length += bytes.length;
  };
  const entries = entriesOf(form);
  for (let i = 0; i < entries.length; i++) {
    const { name, value } = entries[i];
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${escapeName(crlf(name))}"`;
    if (typeof value === "string") {
      push(core.encode(`${head}\r\n\r\n${crlf(value)}\r\n`));
    } else {
      const type = value.type === "" ? "application/octet-stream" : value.type;
      push(core.encode(`${head}; filename="${escapeName(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`));
      push(blobBytes(value));
      push(core.encode("\r\n"));
    }
  }
  push(core.encode(`--${boundary}--\r\n`));
  const bytes = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < pieces.length; i++) {
    TypedArrayPrototypeSet(bytes, pieces[i], at);
    at += pieces[i].length;
  }
  return { bytes, type: `multipart/form-data; boundary=${boundary}` };
}

/** The bytes of a Blob, which all lie in memory here. */
function blobBytes(blob) {
  const bytes = new Uint8Array(blob.size);
  let at = 0;
  const parts = getParts(blob, []);
  for (let i = 0; i < parts.length; i++) {
    const part = op_blob_read_all_sync(parts[i]);
    TypedArrayPrototypeSet(bytes, part, at);
    at += part.length;
  }
  return bytes;
}

const MULTIPART = new SafeRegExp("^multipart/form-data\\s*(;|$)", "i");
const URLENCODED = new SafeRegExp("^application/x-www-form-urlencoded\\s*(;|$)", "i");
const BOUNDARY = new SafeRegExp(";\\s*boundary=(?:\"([^\"]*)\"|([^;\\s]*))", "i");
const NAME = new SafeRegExp(";\\s*name=\"((?:[^\"\\\\]|\\\\.)*)\"", "i");
const NAME_TOKEN = new SafeRegExp(";\\s*name=([^;\"\\s]+)", "i");
const FILENAME = new SafeRegExp(";\\s*filename=\"((?:[^\"\\\\]|\\\\.)*)\"", "i");
const HEADER = new SafeRegExp("^([^:]+):\\s*(.*)$");

/** Parses a body by its content type. */
function parse(bytes, type) {
  if (RegExpPrototypeExec(URLENCODED, type) !== null) {
    const form = new FormData();
    // deno-lint-ignore prefer-primordials
    for (const pair of new URLSearchParams(decodeText(bytes))) form.append(pair[0], pair[1]);
    return form;
  }
  if (RegExpPrototypeExec(MULTIPART, type) === null) {
    throw new TypeError(
      `Unrecognized Content-Type header value. FormData can only parse the following MIME types: multipart/form-data, application/x-www-form-urlencoded`,
    );
  }
  const found = RegExpPrototypeExec(BOUNDARY, type);
  const boundary = found === null ? "" : found[1] ?? found[2];
  if (boundary === "") {
    throw new TypeError(
      "No boundary string in Content-Type header. The multipart/form-data MIME type requires a boundary parameter, e.g. 'Content-Type: multipart/form-data; boundary=\"abcd\"'. See RFC 7578, section 4.",
    );
  }
  return parseMultipart(bytes, core.encode(`--${boundary}`));
}

function indexOf(bytes, needle, from) {
  const last = bytes.length - needle.length;
  const first = needle[0];
  outer:
  for (let i = from; i <= last; i++) {
    if (bytes[i] !== first) continue;
    for (let j = 1; j < needle.length; j++) {
      if (bytes[i + j] !== needle[j]) continue outer;
    }
    return i;
  }
  return -1;
}

const BLANK_LINE = new Uint8Array([13, 10, 13, 10]);

function parseMultipart(bytes, boundary) {
  const form = new FormData();
  const bad = () => new TypeError("FormData parse error: the body is not well-formed multipart/form-data.");
  let at = indexOf(bytes, boundary, 0);
  if (at < 0) throw bad();
  const close = new Uint8Array(boundary.length + 2);
  close[0] = 13;
  close[1] = 10;
  TypedArrayPrototypeSet(close, boundary, 2);
  at += boundary.length;
  while (true) {
    if (bytes[at] === 45 && bytes[at + 1] === 45) return form;
    if (bytes[at] !== 13 || bytes[at + 1] !== 10) throw bad();
    at += 2;
    const headEnd = indexOf(bytes, BLANK_LINE, at);
    if (headEnd < 0) throw bad();
    const head = core.decode(TypedArrayPrototypeSubarray(bytes, at, headEnd));
    const next = indexOf(bytes, close, headEnd + 2);
    if (next < 0) throw bad();
    const content = TypedArrayPrototypeSubarray(bytes, headEnd + 4, next);
    addPart(form, head, content, bad);
    at = next + close.length;
  }
}

function unescapeName(text) {
  text = StringPrototypeReplaceAll(text, "%0A", "\n");
  text = StringPrototypeReplaceAll(text, "%0D", "\r");
  return StringPrototypeReplaceAll(text, "%22", '"');
}

function addPart(form, head, content, bad) {
  let name = null;
  let filename = null;
  let type = null;
  const lines = primordials.StringPrototypeSplit(head, "\r\n");
  for (let i = 0; i < lines.length; i++) {
    const header = RegExpPrototypeExec(HEADER, lines[i]);
    if (header === null) continue;
    const key = StringPrototypeToLowerCase(header[1]);
    if (key === "content-disposition") {
      const quoted = RegExpPrototypeExec(NAME, header[2]) ?? RegExpPrototypeExec(NAME_TOKEN, header[2]);
      if (quoted !== null) name = unescapeName(quoted[1]);
      const file = RegExpPrototypeExec(FILENAME, header[2]);
      if (file !== null) filename = unescapeName(file[1]);
    } else if (key === "content-type") {
      type = header[2];
    }
  }
  if (name === null) throw bad();
  if (filename === null || internals.isOff("formdata_parser_supports_files")) {
    form.append(name, core.decode(content));
  } else {
    form.append(name, new File([content], filename, { type: type ?? "application/octet-stream" }));
  }
}
void DataViewPrototype;

const { checkReceivers } = core.loadExtScript("ext:selvedge/receivers.js");
checkReceivers(FormData);

return { encode, FormData: core.expose(FormData), isFormData, parse };
})();
