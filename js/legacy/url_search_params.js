// URLSearchParams as Workers of older compatibility dates know it.
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayIsArray,
  ArrayIteratorPrototype,
  ArrayPrototypePush,
  ArrayPrototypeSort,
  ArrayPrototypeSplice,
  FunctionPrototypeCall,
  ObjectDefineProperty,
  ObjectGetPrototypeOf,
  ObjectKeys,
  StringPrototypeSlice,
  StringPrototypeSplit,
  Symbol,
  SymbolFor,
  SymbolIterator,
  SymbolToStringTag,
  TypeError,
} = primordials;
const { bytesOf, encodeForm, pairOf, textOf } = core.loadExtScript("ext:selvedge/legacy/url_parser.js");

const kState = Symbol("state");

const URLSearchParamsIteratorPrototype = {
  __proto__: ObjectGetPrototypeOf(ArrayIteratorPrototype),
  next() {
    const state = this?.[kState];
    if (state === undefined) throw core.illegalInvocation();
    const list = listOf(state.params);
    if (state.at >= list.length) return { value: undefined, done: true };
    return { value: state.show(list[state.at++]), done: false };
  },
};
ObjectDefineProperty(URLSearchParamsIteratorPrototype, SymbolToStringTag, {
  __proto__: null,
  value: "URLSearchParams Iterator",
  configurable: true,
});

function makeIterator(params, show) {
  const value = { __proto__: null, params, show, at: 0 };
  return ObjectDefineProperty({ __proto__: URLSearchParamsIteratorPrototype }, kState, { __proto__: null, value });
}

const nameOf = (pair) => textOf(pair[0]);
const valueOf = (pair) => pair[1] === null ? "" : textOf(pair[1]);

/** The pairs of a query, as bytes; a question mark before them does not count. `hasValues`: each has one. */
function pairsOf(text, hasValues) {
  text = bytesOf(text);
  if (text[0] === "?") text = StringPrototypeSlice(text, 1);
  const parts = StringPrototypeSplit(text, "&");
  const errors = { __proto__: null, had: false };
  const pairs = [];
  for (let i = 0; i < parts.length; i++) {
    if (parts[i] === "") continue;
    const pair = pairOf(parts[i], errors);
    if (hasValues) pair[1] ??= "";
    ArrayPrototypePush(pairs, pair);
  }
  return pairs;
}

function fromList(init) {
  const pairs = [];
  for (let i = 0; i < init.length; i++) {
    if (!ArrayIsArray(init[i])) {
      throw new TypeError(`Incorrect type for array element ${i}: the provided value is not of type 'Array'.`);
    }
    if (init[i].length !== 2) {
      throw new TypeError(
        "To initialize a URLSearchParams object from an array-of-arrays, each inner array must have exactly two elements.",
      );
    }
    ArrayPrototypePush(pairs, [bytesOf(`${init[i][0]}`), bytesOf(`${init[i][1]}`)]);
  }
  return pairs;
}

function fromObject(init) {
  const pairs = [];
  const keys = ObjectKeys(init);
  for (let i = 0; i < keys.length; i++) ArrayPrototypePush(pairs, [bytesOf(keys[i]), bytesOf(`${init[keys[i]]}`)]);
  return pairs;
}

function copied(list) {
  const pairs = [];
  for (let i = 0; i < list.length; i++) ArrayPrototypePush(pairs, [list[i][0], list[i][1]]);
  return pairs;
}

function need(args, count, method) {
  if (args.length >= count) return;
  const type = method === "forEach" ? "function" : "string";
  throw new TypeError(
    `Failed to execute '${method}' on 'URLSearchParams': parameter ${args.length + 1} is not of type '${type}'.`,
  );
}

let isQuery, listOf, queryOn;

class URLSearchParams extends core.Given {
  /** What has the pairs: a URL, or an object of one's own. */
  #owner = { __proto__: null, query: [] };

  constructor(init = undefined) {
    super();
    if (init === undefined) return;
    if (init === null || typeof init !== "object") this.#owner.query = pairsOf(`${init}`, true);
    else if (isQuery(init)) this.#owner.query = copied(listOf(init));
    else this.#owner.query = ArrayIsArray(init) ? fromList(init) : fromObject(init);
  }

  get size() {
    return this.#owner.query.length;
  }

  append(name, value) {
    need(arguments, 2, "append");
    ArrayPrototypePush(this.#owner.query, [bytesOf(`${name}`), bytesOf(`${value}`)]);
  }

  delete(name) {
    need(arguments, 1, "delete");
    name = bytesOf(`${name}`);
    const list = this.#owner.query;
    for (let i = list.length - 1; i >= 0; i--) if (list[i][0] === name) ArrayPrototypeSplice(list, i, 1);
  }

  get(name) {
    need(arguments, 1, "get");
    name = bytesOf(`${name}`);
    const list = this.#owner.query;
    for (let i = 0; i < list.length; i++) if (list[i][0] === name) return valueOf(list[i]);
    return null;
  }

  getAll(name) {
    need(arguments, 1, "getAll");
    name = bytesOf(`${name}`);
    const list = this.#owner.query;
    const values = [];
    for (let i = 0; i < list.length; i++) if (list[i][0] === name) ArrayPrototypePush(values, valueOf(list[i]));
    return values;
  }

  has(name) {
    need(arguments, 1, "has");
    name = bytesOf(`${name}`);
    const list = this.#owner.query;
    for (let i = 0; i < list.length; i++) if (list[i][0] === name) return true;
    return false;
  }

  set(name, value) {
    need(arguments, 2, "set");
    name = bytesOf(`${name}`);
    value = bytesOf(`${value}`);
    const list = this.#owner.query;
    let isSet = false;
    for (let i = 0; i < list.length; i++) {
      if (list[i][0] !== name) continue;
      if (isSet) ArrayPrototypeSplice(list, i--, 1);
      else list[i][1] = value;
      isSet = true;
    }
    if (!isSet) ArrayPrototypePush(list, [name, value]);
  }

  sort() {
    ArrayPrototypeSort(this.#owner.query, (a, b) => a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0);
  }

  entries() {
    return makeIterator(this, (pair) => [nameOf(pair), valueOf(pair)]);
  }

  keys() {
    return makeIterator(this, nameOf);
  }

  values() {
    return makeIterator(this, valueOf);
  }

  forEach(callback, thisArg = undefined) {
    if (typeof callback !== "function") need([], 1, "forEach");
    const list = this.#owner.query;
    for (let i = 0; i < list.length; i++) FunctionPrototypeCall(callback, thisArg, valueOf(list[i]), nameOf(list[i]), this);
  }

  toString() {
    const list = this.#owner.query;
    let out = "";
    for (let i = 0; i < list.length; i++) {
      out += `${i === 0 ? "" : "&"}${encodeForm(list[i][0])}=${encodeForm(list[i][1] ?? "")}`;
    }
    return out;
  }

  [SymbolFor("Deno.privateCustomInspect")](inspect, options) {
    const list = this.#owner.query;
    if (list.length === 0) return "URLSearchParams {}";
    let out = "";
    for (let i = 0; i < list.length; i++) {
      out += `${i === 0 ? "" : ", "}${inspect(nameOf(list[i]), options)} => ${inspect(valueOf(list[i]), options)}`;
    }
    return `URLSearchParams { ${out} }`;
  }

  static {
    isQuery = (value) => typeof value === "object" && value !== null && #owner in value;
    listOf = (params) => params.#owner.query;
    queryOn = (params, url) => {
      params.#owner = url;
    };
  }
}
ObjectDefineProperty(URLSearchParams.prototype, SymbolIterator, {
  __proto__: null,
  value: URLSearchParams.prototype.entries,
  writable: true,
  enumerable: false,
  configurable: true,
});

const { checkReceivers } = core.loadExtScript("ext:selvedge/receivers.js");
checkReceivers(URLSearchParams);

return { isQuery, pairsOf, queryOn, URLSearchParams };
})();
