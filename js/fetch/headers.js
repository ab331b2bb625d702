// Headers (https://fetch.spec.whatwg.org/#headers-class), with the `getAll` of
// Workers. A list of headers that came from the network stays one string until
// somebody looks into it.
import { bare, core, primordials } from "ext:selvedge/core.js";
import { isOff } from "ext:selvedge/shared.js";

const {
  ArrayPrototype,
  ArrayPrototypeJoin,
  ArrayPrototypePush,
  ArrayPrototypeSort,
  ArrayPrototypeSplice,
  ObjectDefineProperty,
  ObjectPrototypeIsPrototypeOf,
  ObjectSetPrototypeOf,
  ReflectOwnKeys,
  ReflectGetOwnPropertyDescriptor,
  RegExpPrototypeExec,
  SafeRegExp,
  String,
  StringFromCharCode,
  StringPrototypeCharCodeAt,
  StringPrototypeIndexOf,
  StringPrototypeSplit,
  StringPrototypeToLowerCase,
  SymbolFor,
  SymbolIterator,
  SymbolToStringTag,
  TypedArrayPrototypeGetLength,
  TypeError,
  Uint8Array,
} = primordials;

/** Of more headers than this, a list is made before it becomes a string. */
const FEW = 6;

const NOT_TOKEN = new SafeRegExp("[^!#$%&'*+\\-.^_`|~0-9A-Za-z]");
const NOT_LOWER_TOKEN = new SafeRegExp("[^!#$%&'*+\\-.^_`|~0-9a-z]");
const BAD_VALUE = new SafeRegExp("[\\0\\r\\n]");
const NOT_ASCII = new SafeRegExp("[^\\x00-\\x7f]");
const EDGE_SPACE = new SafeRegExp("^[\\t\\n\\r ]|[\\t\\n\\r ]$");

function normalName(name) {
  if (typeof name !== "string") name = `${name}`;
  if (name.length === 0) throw new TypeError("Invalid header name.");
  // Most names come in lower case: one look settles it.
  if (RegExpPrototypeExec(NOT_LOWER_TOKEN, name) === null) return name;
  if (RegExpPrototypeExec(NOT_TOKEN, name) !== null) {
    throw new TypeError("Invalid header name.");
  }
  return StringPrototypeToLowerCase(name);
}

function normalValue(value) {
  if (typeof value !== "string") value = `${value}`;
  if (RegExpPrototypeExec(EDGE_SPACE, value) !== null) value = strip(value);
  if (RegExpPrototypeExec(BAD_VALUE, value) !== null) {
    throw new TypeError("Invalid header value.");
  }
  return RegExpPrototypeExec(NOT_ASCII, value) === null ? value : bytesOf(value);
}

/**
 * Values are kept as they go over the wire: a character for each byte. To Workers
 * they are UTF-8, as on Cloudflare.
 */
function bytesOf(text) {
  const bytes = core.encode(text);
  const length = TypedArrayPrototypeGetLength(bytes);
  let value = "";
  for (let i = 0; i < length; i++) value += StringFromCharCode(bytes[i]);
  return value;
}

function textOf(value) {
  if (value === null || RegExpPrototypeExec(NOT_ASCII, value) === null) return value;
  const bytes = new Uint8Array(value.length);
  for (let i = 0; i < value.length; i++) bytes[i] = StringPrototypeCharCodeAt(value, i);
  return core.decode(bytes);
}

function isSpace(char) {
  return char === " " || char === "\t" || char === "\n" || char === "\r";
}

function strip(value) {
  let start = 0;
  let end = value.length;
  while (start < end && isSpace(value[start])) start++;
  while (end > start && isSpace(value[end - 1])) end--;
  let out = "";
  for (let i = start; i < end; i++) out += value[i];
  return out;
}

/** An iterator over what `entries()` gives, without a generator's cost. */
const HeadersIteratorPrototype = {
  __proto__: primordials.ObjectGetPrototypeOf(primordials.ArrayIteratorPrototype),
  next() {
    const state = this[kState];
    const version = versionOf(state.headers);
    if (state.version !== version) {
      state.list = combined(state.headers);
      state.version = version;
    }
    const { list } = state;
    const index = state.index++;
    if (index >= list.length) return isOff("enable_fast_jsg_struct") ? { done: true } : { value: undefined, done: true };
    const pair = list[index];
    const value = state.kind === 0 ? [pair[0], pair[1]] : pair[state.kind - 1];
    return { value, done: false };
  },
  [SymbolToStringTag]: "Headers Iterator",
};
const kState = primordials.Symbol("state");

function makeIterator(headers, kind) {
  const iterator = { __proto__: HeadersIteratorPrototype };
  ObjectDefineProperty(iterator, kState, {
    __proto__: null,
    value: { __proto__: null, headers, index: 0, kind, list: null, version: -1 },
    enumerable: false,
  });
  return iterator;
}

let fromBlob, toBlob, getRaw, setRaw, deleteRaw, setImmutable, copy, combined, appendRaw, isHeaders, fill, versionOf;

class Headers extends core.Given {
  /** Names and values in turn; `null` while `#blob` was not looked into. */
  #list = null;
  /** Whether the list has no prototype, so that it may grow. */
  #bare = false;
  #blob = "";
  #immutable = false;
  /** Counts changes, for iterators. */
  #version = 0;

  constructor(init = undefined) {
    super();
    if (typeof init === "object" && init !== null || typeof init === "function") this.#fill(init);
    else if (init !== undefined) {
      throw new TypeError(
        "Failed to construct 'Headers': constructor parameter 1 is not of type 'Headers or Sequence or object'.",
      );
    }
  }

  #open() {
    if (this.#list === null) {
      const blob = this.#blob;
      this.#bare = blob === "";
      this.#list = this.#bare ? bare() : StringPrototypeSplit(blob, "\0");
      this.#blob = "";
    }
    return this.#list;
  }

  /** Adds to what is there, without a look into it. */
  #add(name, value) {
    this.#version++;
    if (this.#list === null) {
      this.#blob = this.#blob === "" ? `${name}\0${value}` : `${this.#blob}\0${name}\0${value}`;
      return;
    }
    const list = this.#list;
    if (!this.#bare) {
      ObjectSetPrototypeOf(list, null);
      this.#bare = true;
    }
    list[list.length] = name;
    list[list.length] = value;
  }

  /** Makes one string of them. */
  #close() {
    if (this.#list === null) return this.#blob;
    // That of arrays joins them fastest.
    if (this.#bare) ObjectSetPrototypeOf(this.#list, ArrayPrototype);
    this.#blob = ArrayPrototypeJoin(this.#list, "\0");
    this.#list = null;
    return this.#blob;
  }

  #fill(init) {
    if (typeof init !== "object" && typeof init !== "function") {
      throw new TypeError(
        "Incorrect type for the 'headers' field on 'RequestInitializerDict': the provided value is not of type " +
          "'Headers or Sequence or object'.",
      );
    }
    if (#list in init) {
      const from = init.#open();
      for (let i = 0; i < from.length; i += 2) this.#add(from[i], from[i + 1]);
      return;
    }
    const iterate = init[SymbolIterator];
    if (iterate !== undefined && iterate !== null) {
      // deno-lint-ignore prefer-primordials
      for (const pair of init) {
        if (typeof pair !== "object" || pair === null) {
          throw new TypeError("Incorrect type: the provided value is not of type 'Sequence'.");
        }
        // deno-lint-ignore prefer-primordials
        const parts = [...pair];
        if (parts.length !== 2) {
          throw new TypeError(
            "To initialize a Headers object from a sequence, each inner sequence must have exactly two elements.",
          );
        }
        this.#append(parts[0], parts[1]);
      }
      return;
    }
    const keys = ReflectOwnKeys(init);
    if (keys.length > FEW) this.#open();
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      const descriptor = ReflectGetOwnPropertyDescriptor(init, key);
      if (descriptor === undefined || !descriptor.enumerable) continue;
      if (typeof key === "symbol") {
        throw new TypeError("Cannot convert a Symbol value to a string");
      }
      this.#append(key, init[key]);
    }
  }

  #append(name, value) {
    this.#add(normalName(name), normalValue(value));
  }

  #checkMutable() {
    if (this.#immutable) throw new TypeError("Can't modify immutable headers.");
  }

  append(name, value) {
    if (!isHeaders(this)) throw core.illegalInvocation();
    need(arguments, 2, "append");
    name = normalName(name);
    value = normalValue(value);
    this.#checkMutable();
    this.#add(name, value);
  }

  delete(name) {
    if (!isHeaders(this)) throw core.illegalInvocation();
    need(arguments, 1, "delete");
    name = normalName(name);
    this.#checkMutable();
    this.#delete(name);
  }

  #delete(name) {
    this.#version++;
    const list = this.#open();
    for (let i = list.length - 2; i >= 0; i -= 2) {
      if (list[i] === name) ArrayPrototypeSplice(list, i, 2);
    }
  }

  get(name) {
    if (!isHeaders(this)) throw core.illegalInvocation();
    need(arguments, 1, "get");
    return textOf(this.#get(normalName(name)));
  }

  #get(name) {
    // What is nowhere in the text is no name: most questions are about what is not there.
    if (this.#list === null && StringPrototypeIndexOf(this.#blob, name) < 0) return null;
    const list = this.#open();
    let value = null;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === name) value = value === null ? list[i + 1] : `${value}, ${list[i + 1]}`;
    }
    return value;
  }

  getAll(name) {
    if (!isHeaders(this)) throw core.illegalInvocation();
    need(arguments, 1, "getAll");
    if (normalName(name) !== "set-cookie") {
      throw new TypeError(
        'getAll() can only be used with the header name "Set-Cookie".',
      );
    }
    return this.#cookies();
  }

  getSetCookie() {
    if (!isHeaders(this)) throw core.illegalInvocation();
    return this.#cookies();
  }

  #cookies() {
    const list = this.#open();
    const values = [];
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === "set-cookie") ArrayPrototypePush(values, textOf(list[i + 1]));
    }
    return values;
  }

  has(name) {
    if (!isHeaders(this)) throw core.illegalInvocation();
    need(arguments, 1, "has");
    return this.#get(normalName(name)) !== null;
  }

  set(name, value) {
    if (!isHeaders(this)) throw core.illegalInvocation();
    need(arguments, 2, "set");
    name = normalName(name);
    value = normalValue(value);
    this.#checkMutable();
    this.#set(name, value);
  }

  #set(name, value) {
    this.#version++;
    const list = this.#open();
    let found = false;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] !== name) continue;
      if (!found) {
        list[i + 1] = value;
        found = true;
      } else {
        ArrayPrototypeSplice(list, i, 2);
        i -= 2;
      }
    }
    if (!found) this.#add(name, value);
  }

  forEach(callback, thisArg = undefined) {
    if (!isHeaders(this)) throw core.illegalInvocation();
    need(arguments, 1, "forEach");
    if (typeof callback !== "function") {
      throw new TypeError("Failed to execute 'forEach' on 'Headers': parameter 1 is not of type 'function'.");
    }
    const pairs = this.#combined();
    for (let i = 0; i < pairs.length; i++) {
      primordials.FunctionPrototypeCall(callback, thisArg, pairs[i][1], pairs[i][0], this);
    }
  }

  /** Sorted, values of one name joined, each cookie on its own (but for old dates). */
  #combined() {
    const list = this.#open();
    const joinsCookies = isOff("http_headers_getsetcookie");
    const byName = { __proto__: null };
    const pairs = [];
    for (let i = 0; i < list.length; i += 2) {
      const name = list[i];
      const known = byName[name];
      if (known === undefined || (name === "set-cookie" && !joinsCookies)) {
        const pair = [name, textOf(list[i + 1])];
        byName[name] = pair;
        ArrayPrototypePush(pairs, pair);
      } else {
        known[1] = `${known[1]}, ${textOf(list[i + 1])}`;
      }
    }
    return ArrayPrototypeSort(pairs, (a, b) => a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0);
  }

  entries() {
    if (!isHeaders(this)) throw core.illegalInvocation();
    this.#open();
    return makeIterator(this, 0);
  }

  keys() {
    if (!isHeaders(this)) throw core.illegalInvocation();
    this.#open();
    return makeIterator(this, 1);
  }

  values() {
    if (!isHeaders(this)) throw core.illegalInvocation();
    this.#open();
    return makeIterator(this, 2);
  }

  [SymbolFor("Deno.privateCustomInspect")](inspect, options) {
    const object = { __proto__: null };
    const pairs = this.#combined();
    for (let i = 0; i < pairs.length; i++) object[pairs[i][0]] = pairs[i][1];
    return `Headers(${pairs.length}) ${inspect(object, options)}`;
  }

  static {
    fromBlob = (blob, immutable) => {
      const headers = new Headers();
      headers.#blob = blob;
      headers.#immutable = immutable;
      return headers;
    };
    toBlob = (headers) => headers.#close();
    getRaw = (headers, name) => headers.#get(name);
    setRaw = (headers, name, value) => headers.#set(name, value);
    deleteRaw = (headers, name) => headers.#delete(name);
    appendRaw = (headers, name, value) => headers.#add(name, value);
    setImmutable = (headers) => {
      headers.#immutable = true;
    };
    fill = (headers, init) => headers.#fill(init);
    copy = (headers) => {
      const other = new Headers();
      other.#blob = headers.#close();
      return other;
    };
    combined = (headers) => headers.#combined();
    versionOf = (headers) => headers.#version;
    isHeaders = (value) => typeof value === "object" && value !== null && #list in value;
  }
}

function need(args, count, method) {
  if (args.length < count) {
    // What is there is converted first.
    if (args.length > 0) normalName(args[0]);
    const type = method === "forEach" ? "function" : "string";
    throw new TypeError(
      `Failed to execute '${method}' on 'Headers': parameter ${args.length + 1} is not of type '${type}'.`,
    );
  }
}

ObjectDefineProperty(Headers.prototype, SymbolIterator, {
  __proto__: null,
  value: Headers.prototype.entries,
  writable: true,
  enumerable: false,
  configurable: true,
});
ObjectDefineProperty(Headers.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "Headers",
  configurable: true,
});

/**
 * What an init value stands for, as Headers of one's own.
 */
function headersOf(init) {
  const headers = new Headers();
  if (init !== undefined && init !== null) {
    if (isHeaders(init)) return copy(init);
    fill(headers, init);
  }
  return headers;
}

export {
  appendRaw,
  copy,
  deleteRaw,
  fromBlob,
  getRaw,
  Headers,
  headersOf,
  isHeaders,
  setImmutable,
  setRaw,
  toBlob,
};
