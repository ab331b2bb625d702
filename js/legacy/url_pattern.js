// URLPattern as Workers of older compatibility dates know it: what a text says
// nothing of is empty, and not any; a base gives all that is not given; ports
// and names of hosts stay as they are written; groups that take no part are "".
(function () {
const { core, primordials } = __bootstrap;
const {
  RegExpPrototypeExec,
  SafeRegExp,
  StringPrototypeLastIndexOf,
  StringPrototypeSlice,
  StringPrototypeStartsWith,
  SymbolFor,
  RegExpPrototypeSymbolReplace,
  TypeError,
} = primordials;
const patterns = core.loadExtScript("ext:deno_web/01_urlpattern.js");
const { componentsIn } = core.loadExtScript("ext:selvedge/legacy/pattern_string.js");
const { bytesOf, encode } = core.loadExtScript("ext:selvedge/legacy/url_parser.js");
const Inner = core.classOf(patterns.URLPattern);
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");

const COMPONENTS = ["protocol", "username", "password", "hostname", "port", "pathname", "search", "hash"];
const PATTERN_CHARS = new SafeRegExp("[+*?:{}()\\\\]", "g");
const NOT_ASCII = new SafeRegExp("[^\\x00-\\x7f]");
const NUMBER = new SafeRegExp("^[0-9]+$");

function syntaxError(detail) {
  return new TypeError(`Syntax error in URL Pattern${detail}`);
}

function inner(init, options = undefined) {
  try {
    return new Inner(init, options);
  } catch {
    throw syntaxError("");
  }
}

function escaped(text) {
  return RegExpPrototypeSymbolReplace(PATTERN_CHARS, text, "\\$&");
}

/** What a URL has, as patterns. */
function ofBase(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    throw new TypeError("Invalid base URL.");
  }
  return {
    __proto__: null,
    protocol: escaped(StringPrototypeSlice(url.protocol, 0, -1)),
    username: escaped(url.username),
    password: escaped(url.password),
    hostname: escaped(url.hostname),
    port: url.port,
    pathname: escaped(url.pathname),
    search: escaped(StringPrototypeSlice(url.search, 1)),
    hash: escaped(StringPrototypeSlice(url.hash, 1)),
  };
}

function isAbsolute(pathname) {
  return StringPrototypeStartsWith(pathname, "/") || StringPrototypeStartsWith(pathname, "\\/") ||
    StringPrototypeStartsWith(pathname, "{/");
}

/** Puts what is given on what the base has. */
function onBase(given, baseURL) {
  const base = ofBase(baseURL);
  for (let i = 0; i < COMPONENTS.length; i++) {
    const key = COMPONENTS[i];
    const value = given[key];
    if (value === undefined) continue;
    base[key] = key === "pathname" && !isAbsolute(value)
      ? StringPrototypeSlice(base.pathname, 0, StringPrototypeLastIndexOf(base.pathname, "/") + 1) + value
      : value;
  }
  return base;
}

function ofObject(init) {
  const given = { __proto__: null };
  for (let i = 0; i < COMPONENTS.length; i++) {
    const value = init[COMPONENTS[i]];
    if (value !== undefined) given[COMPONENTS[i]] = `${value}`;
  }
  const { baseURL } = init;
  return baseURL === undefined ? given : onBase(given, `${baseURL}`);
}

function ofText(text, baseURL) {
  const given = componentsIn(text);
  if (baseURL !== undefined) return onBase(given, `${baseURL}`);
  if (given.protocol === undefined) throw syntaxError(": a relative pattern must have a base URL.");
  return given;
}

class URLPattern extends core.Given {
  #inner;
  #shown;
  /** It names a port or host as no URL has it. */
  #isFutile = false;

  constructor(input = undefined, baseURL = undefined, options = undefined) {
    super();
    if (typeof baseURL === "object" && baseURL !== null) {
      options = baseURL;
      baseURL = undefined;
    }
    const isObject = typeof input === "object" || input === undefined;
    const given = isObject ? ofObject(input ?? { __proto__: null }) : ofText(`${input}`, baseURL);
    const pattern = inner(given, { __proto__: null, ignoreCase: !!options?.ignoreCase });
    const shown = { __proto__: null };
    for (let i = 0; i < COMPONENTS.length; i++) shown[COMPONENTS[i]] = pattern[COMPONENTS[i]];
    if (shown.port === "" && given.port !== undefined && RegExpPrototypeExec(NUMBER, given.port) !== null) {
      shown.port = given.port;
      this.#isFutile = true;
    }
    if (given.hostname !== undefined && RegExpPrototypeExec(NOT_ASCII, given.hostname) !== null) {
      shown.hostname = encode(bytesOf(given.hostname), NOT_ASCII);
      this.#isFutile = true;
    }
    this.#inner = pattern;
    this.#shown = shown;
  }

  get protocol() {
    return this.#shown.protocol;
  }

  get username() {
    return this.#shown.username;
  }

  get password() {
    return this.#shown.password;
  }

  get hostname() {
    return this.#shown.hostname;
  }

  get port() {
    return this.#shown.port;
  }

  get pathname() {
    return this.#shown.pathname;
  }

  get search() {
    return this.#shown.search;
  }

  get hash() {
    return this.#shown.hash;
  }

  test(input = undefined, baseURL = undefined) {
    checkInput(input, baseURL);
    return this.#inner.test(input ?? { __proto__: null }, baseURL) && !this.#isFutile;
  }

  exec(input = undefined, baseURL = undefined) {
    checkInput(input, baseURL);
    return this.#isFutile ? null : this.#inner.exec(input ?? {}, baseURL);
  }

  [SymbolFor("Deno.privateCustomInspect")](inspect, options) {
    return `URLPattern ${inspect({ ...this.#shown }, options)}`;
  }
}

function checkInput(input, baseURL) {
  if (typeof input === "object" && baseURL !== undefined) {
    throw new TypeError("A baseURL is not allowed when input is an object.");
  }
}

const { checkReceivers } = core.loadExtScript("ext:selvedge/receivers.js");
checkReceivers(URLPattern);
patterns.urlPatternSettings.groupStringFallback = true;

return { URLPattern: core.expose(URLPattern) };
})();
