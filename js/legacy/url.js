// URL as Workers of older compatibility dates know it. What it does not know of
// the URL standard: schemes without `//`, names of hosts beyond ASCII, numbers in
// other notations, empty parts of paths and queries.
(function () {
const { core, primordials } = __bootstrap;
const { RegExpPrototypeExec, SafeRegExp, StringPrototypeIndexOf, StringPrototypeSlice, StringPrototypeToLowerCase, SymbolFor, TypeError } =
  primordials;
const parser = core.loadExtScript("ext:selvedge/legacy/url_parser.js");
const { bytesOf, decode, encode, HOST, IN_FRAGMENT, IN_USER, parse, parseRelative, pathOf, queryOf } = parser;
const { isQuery, pairsOf, queryOn, URLSearchParams } = core.loadExtScript("ext:selvedge/legacy/url_search_params.js");

const PORTS = { __proto__: null, http: "80", https: "443", ftp: "21", ws: "80", wss: "443" };
const SCHEME = new SafeRegExp("^[A-Za-z][A-Za-z0-9+.-]*$");

/** A host and its port, which begins after the first colon. */
function split(host) {
  const colon = StringPrototypeIndexOf(host, ":");
  if (colon < 0) return [host, ""];
  return [StringPrototypeSlice(host, 0, colon), StringPrototypeSlice(host, colon + 1)];
}

/** Puts them together, without the scheme's own port. */
function join(url, name, port) {
  url.host = port === "" || port === PORTS[url.scheme] ? name : `${name}:${port}`;
}

function setHost(url, host) {
  const parts = split(host);
  join(url, parts[0], parts[1]);
}

/** What a URL is in a text; null if it is none. */
function read(text, base) {
  const url = base === undefined ? parse(text, true) : parseRelative(base, text, true);
  if (url !== null) setHost(url, url.host);
  return url;
}

function userOf(url) {
  if (url.user === null) return "";
  const password = url.password === null ? "" : `:${encode(url.password, IN_USER)}`;
  return `${encode(url.user, IN_USER)}${password}@`;
}

function hrefOf(url) {
  if (RegExpPrototypeExec(HOST, url.host) === null) throw new TypeError("Invalid hostname when stringifying URL.");
  for (let i = 0; i < url.path.length; i++) {
    if (url.path[i] === "" || url.path[i] === "." || url.path[i] === "..") {
      throw new TypeError("Invalid pathname when stringifying URL.");
    }
  }
  const fragment = url.fragment === null ? "" : `#${encode(url.fragment, IN_FRAGMENT)}`;
  return `${url.scheme}://${userOf(url)}${url.host}${pathOf(url, true)}${queryOf(url, true)}${fragment}`;
}

class URL extends core.Given {
  #url;
  #params = null;

  constructor(url, base = undefined) {
    super();
    if (arguments.length === 0) {
      throw new TypeError("Failed to construct 'URL': constructor parameter 1 is not of type 'string'.");
    }
    url = `${url}`;
    let from = undefined;
    if (base !== undefined) {
      from = parse(`${base}`, true);
      if (from === null) throw new TypeError("Invalid base URL string.");
    }
    this.#url = read(url, from);
    if (this.#url === null) throw new TypeError(`Invalid ${base === undefined ? "" : "relative "}URL string.`);
  }

  get href() {
    return hrefOf(this.#url);
  }

  set href(value) {
    const url = read(`${value}`, undefined);
    if (url === null) {
      throw new TypeError("Failed to set the 'href' property on 'URL': the provided value is not of type 'valid URL string'.");
    }
    this.#url = url;
    if (this.#params !== null) queryOn(this.#params, url);
  }

  get origin() {
    const { scheme, host } = this.#url;
    return PORTS[scheme] === undefined ? "null" : `${scheme}://${host}`;
  }

  get protocol() {
    return `${this.#url.scheme}:`;
  }

  set protocol(value) {
    const scheme = split(`${value}`)[0];
    if (RegExpPrototypeExec(SCHEME, scheme) === null) return;
    this.#url.scheme = StringPrototypeToLowerCase(scheme);
    setHost(this.#url, this.#url.host);
  }

  get username() {
    const { user } = this.#url;
    return user === null ? "" : encode(user, IN_USER);
  }

  set username(value) {
    this.#url.user = bytesOf(`${value}`);
  }

  get password() {
    const { password } = this.#url;
    return password === null ? "" : encode(password, IN_USER);
  }

  set password(value) {
    const password = bytesOf(`${value}`);
    if (password === "" && this.#url.user === null) return;
    this.#url.user ??= "";
    this.#url.password = password === "" ? null : password;
  }

  get host() {
    return this.#url.host;
  }

  set host(value) {
    const given = split(bytesOf(`${value}`));
    join(this.#url, given[0], given[1] === "" ? split(this.#url.host)[1] : given[1]);
  }

  get hostname() {
    return split(this.#url.host)[0];
  }

  set hostname(value) {
    join(this.#url, split(bytesOf(`${value}`))[0], split(this.#url.host)[1]);
  }

  get port() {
    return split(this.#url.host)[1];
  }

  set port(value) {
    join(this.#url, split(this.#url.host)[0], bytesOf(`${value}`));
  }

  get pathname() {
    const path = pathOf(this.#url, true);
    const { scheme } = this.#url;
    return path === "" && (PORTS[scheme] !== undefined || scheme === "file") ? "/" : path;
  }

  set pathname(value) {
    const read = parser.pathIn(`${value}`);
    if (read === null) return;
    this.#url.path = read.path;
    this.#url.slash = read.slash;
  }

  get search() {
    return queryOf(this.#url, true);
  }

  set search(value) {
    this.#url.query = pairsOf(`${value}`, false);
  }

  get searchParams() {
    if (this.#params === null) {
      this.#params = new URLSearchParams();
      queryOn(this.#params, this.#url);
    }
    return this.#params;
  }

  get hash() {
    const { fragment } = this.#url;
    return fragment === null || fragment === "" ? "" : `#${encode(fragment, IN_FRAGMENT)}`;
  }

  set hash(value) {
    value = bytesOf(`${value}`);
    this.#url.fragment = decode(value[0] === "#" ? StringPrototypeSlice(value, 1) : value, { __proto__: null, had: false });
  }

  toString() {
    return hrefOf(this.#url);
  }

  toJSON() {
    return hrefOf(this.#url);
  }

  [SymbolFor("Deno.privateCustomInspect")](inspect, options) {
    const { href, origin, protocol, username, password, host, hostname, port, pathname, search, searchParams, hash } = this;
    const shown = { href, origin, protocol, username, password, host, hostname, port, pathname, search, searchParams, hash };
    return `URL ${inspect(shown, options)}`;
  }
}

const { checkReceivers } = core.loadExtScript("ext:selvedge/receivers.js");
checkReceivers(URL);

return { isQuery, URL: core.expose(URL), URLSearchParams: core.expose(URLSearchParams) };
})();
