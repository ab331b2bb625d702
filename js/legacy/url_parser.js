// URLs as Workers of older compatibility dates have them: those of RFC 3986 with
// an authority, without what browsers put up with. Parts are kept as bytes, a
// character for each, so that what is no UTF-8 survives.
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypePush,
  NumberParseInt,
  NumberPrototypeToString,
  RegExpPrototypeExec,
  SafeRegExp,
  StringFromCharCode,
  StringPrototypeCharCodeAt,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  StringPrototypeStartsWith,
  StringPrototypeToLowerCase,
  StringPrototypeToUpperCase,
  Uint8Array,
} = primordials;

const SCHEME = new SafeRegExp("^[A-Za-z][A-Za-z0-9+.-]*$");
const RELATIVE_SCHEME = new SafeRegExp("^[A-Za-z0-9+.-]*:");
const HOST = new SafeRegExp("^[A-Za-z0-9.:\\-[\\]_]*$");
const HEX = new SafeRegExp("^[0-9A-Fa-f]$");

const CONTROLS = "\\x00-\\x20\\x7f-\\uffff";
/** What is escaped in each part. */
const IN_FRAGMENT = new SafeRegExp(`[${CONTROLS}"<>\`%]`);
const IN_PATH = new SafeRegExp(`[${CONTROLS}"<>\`%#?{}/\\\\]`);
const IN_USER = new SafeRegExp(`[${CONTROLS}"<>\`%#?{}/\\\\:;=@[\\]^|]`);
const IN_QUERY = new SafeRegExp("[^A-Za-z0-9*\\-._]");

function bytesOf(text) {
  const bytes = core.encode(text);
  let out = "";
  for (let i = 0; i < bytes.length; i++) out += StringFromCharCode(bytes[i]);
  return out;
}

function textOf(bytes) {
  const list = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) list[i] = StringPrototypeCharCodeAt(bytes, i);
  const text = core.decode(list);
  // (A byte order mark is a character here.)
  return StringPrototypeStartsWith(bytes, "\xef\xbb\xbf") ? `\ufeff${text}` : text;
}

/** Undoes `%xx`; what is wrong is left out, and noted in `errors`. */
function decode(bytes, errors) {
  if (StringPrototypeIndexOf(bytes, "%") < 0) return bytes;
  let out = "";
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== "%") {
      out += bytes[i];
      continue;
    }
    let digits = "";
    while (digits.length < 2 && i + 1 < bytes.length && RegExpPrototypeExec(HEX, bytes[i + 1]) !== null) {
      digits += bytes[++i];
    }
    if (digits.length < 2) errors.had = true;
    if (digits !== "") out += StringFromCharCode(NumberParseInt(digits, 16));
  }
  return out;
}

function decodeForm(bytes, errors) {
  let out = "";
  for (let i = 0; i < bytes.length; i++) out += bytes[i] === "+" ? " " : bytes[i];
  return decode(out, errors);
}

function encode(bytes, escaped) {
  if (RegExpPrototypeExec(escaped, bytes) === null) return bytes;
  let out = "";
  for (let i = 0; i < bytes.length; i++) {
    const char = bytes[i];
    if (RegExpPrototypeExec(escaped, char) === null) {
      out += char;
      continue;
    }
    const hex = StringPrototypeToUpperCase(NumberPrototypeToString(StringPrototypeCharCodeAt(char, 0), 16));
    out += hex.length < 2 ? `%0${hex}` : `%${hex}`;
  }
  return out;
}

function encodeForm(bytes) {
  let out = "";
  for (let i = 0; i < bytes.length; i++) out += bytes[i] === " " ? "+" : encode(bytes[i], IN_QUERY);
  return out;
}

/** Where one of the characters stands, from a place on; else the end. */
function endOf(text, chars, from) {
  for (let i = from; i < text.length; i++) {
    if (StringPrototypeIndexOf(chars, text[i]) >= 0) return i;
  }
  return text.length;
}

/**
 * Reads what follows a scheme. `decodes`: parts are decoded, and empty ones dropped;
 * otherwise they stay as they are written.
 */
class Reader {
  constructor(text, decodes) {
    this.text = text;
    this.at = 0;
    this.decodes = decodes;
    this.errors = { __proto__: null, had: false };
  }

  starts(prefix) {
    return StringPrototypeStartsWith(this.text, prefix, this.at);
  }

  take(end) {
    const part = StringPrototypeSlice(this.text, this.at, end);
    this.at = end;
    return part;
  }

  decoded(part) {
    return this.decodes ? decode(part, this.errors) : part;
  }

  /** After `//`; whether it is one. */
  authority(url) {
    let host = this.take(endOf(this.text, "/?#", this.at));
    const at = StringPrototypeIndexOf(host, "@");
    url.user = null;
    url.password = null;
    if (at >= 0) {
      const user = StringPrototypeSlice(host, 0, at);
      host = StringPrototypeSlice(host, at + 1);
      const colon = StringPrototypeIndexOf(user, ":");
      url.user = this.decoded(colon < 0 ? user : StringPrototypeSlice(user, 0, colon));
      if (colon >= 0) url.password = this.decoded(StringPrototypeSlice(user, colon + 1));
    }
    host = this.decoded(host);
    if (RegExpPrototypeExec(HOST, host) === null) return false;
    url.host = StringPrototypeToLowerCase(host);
    return true;
  }

  /** One part of a path; `..` takes one away. */
  segment(url) {
    const part = this.take(endOf(this.text, "/?#", this.at));
    addSegment(url, part, this.decodes, this.at === this.text.length, this.errors);
  }

  query(url) {
    do {
      this.at++;
      const part = this.take(endOf(this.text, "&#", this.at));
      if (part === "" && this.decodes) continue;
      ArrayPrototypePush(url.query, pairOf(part, this.decodes ? this.errors : null));
    } while (this.starts("&"));
  }

  fragment(url) {
    if (!this.starts("#")) return;
    this.at++;
    url.fragment = this.decoded(this.take(this.text.length));
  }
}

function addSegment(url, part, decodes, isLast, errors) {
  if (part === "..") {
    if (url.path.length > 0) url.path.length--;
    url.slash = true;
  } else if (part === "." || (part === "" && (decodes || isLast))) {
    url.slash = true;
  } else {
    ArrayPrototypePush(url.path, decodes ? decode(part, errors) : part);
    url.slash = false;
  }
}

/** A part of a query: name and value, which is null where there is none. */
function pairOf(part, errors) {
  const equals = StringPrototypeIndexOf(part, "=");
  const name = equals < 0 ? part : StringPrototypeSlice(part, 0, equals);
  const value = equals < 0 ? null : StringPrototypeSlice(part, equals + 1);
  if (errors === null) return [name, value];
  return [decodeForm(name, errors), value === null ? null : decodeForm(value, errors)];
}

function emptyUrl() {
  return {
    __proto__: null,
    scheme: "",
    user: null,
    password: null,
    host: "",
    path: [],
    slash: false,
    query: [],
    fragment: null,
  };
}

/** An absolute URL, or null. */
function parse(text, decodes) {
  text = bytesOf(text);
  const colon = StringPrototypeIndexOf(text, ":");
  if (colon < 0) return null;
  const url = emptyUrl();
  url.scheme = StringPrototypeToLowerCase(StringPrototypeSlice(text, 0, colon));
  if (RegExpPrototypeExec(SCHEME, url.scheme) === null) return null;
  const reader = new Reader(text, decodes);
  reader.at = colon + 1;
  if (!reader.starts("//")) return null;
  reader.at += 2;
  if (!reader.authority(url)) return null;
  while (reader.starts("/")) {
    reader.at++;
    reader.segment(url);
  }
  if (reader.starts("?")) reader.query(url);
  reader.fragment(url);
  return reader.errors.had ? null : url;
}

/** What a reference means where `base` is, or null. */
function parseRelative(base, text, decodes) {
  text = bytesOf(text);
  const url = copyOf(base);
  if (text === "") return url;
  url.fragment = null;
  const reader = new Reader(text, decodes);
  const scheme = RegExpPrototypeExec(RELATIVE_SCHEME, text);
  if (scheme !== null) {
    url.scheme = StringPrototypeSlice(scheme[0], 0, -1);
    reader.at = scheme[0].length;
  }
  const isElsewhere = reader.starts("//");
  if (isElsewhere) {
    reader.at += 2;
    if (!reader.authority(url)) return null;
  }
  const hasPath = reader.at < text.length && !reader.starts("?") && !reader.starts("#");
  if (hasPath) relativePath(reader, url, isElsewhere);
  else if (isElsewhere) clearPath(url);
  if (isElsewhere || hasPath || reader.starts("?")) url.query = [];
  if (reader.starts("?")) reader.query(url);
  reader.fragment(url);
  return reader.errors.had ? null : url;
}

function clearPath(url) {
  url.path = [];
  url.slash = false;
}

function relativePath(reader, url, isElsewhere) {
  if (isElsewhere || reader.starts("/")) {
    clearPath(url);
    if (reader.starts("/")) reader.at++;
    url.slash = true;
  } else if (url.path.length > 0) {
    if (!url.slash) url.path.length--;
    url.slash = true;
  }
  reader.segment(url);
  while (reader.starts("/")) {
    reader.at++;
    reader.segment(url);
  }
}

function copyOf(url) {
  const path = [];
  for (let i = 0; i < url.path.length; i++) ArrayPrototypePush(path, url.path[i]);
  const query = [];
  for (let i = 0; i < url.query.length; i++) ArrayPrototypePush(query, [url.query[i][0], url.query[i][1]]);
  return { __proto__: null, ...url, path, query };
}

function pathOf(url, decodes) {
  let out = "";
  for (let i = 0; i < url.path.length; i++) out += `/${decodes ? encode(url.path[i], IN_PATH) : url.path[i]}`;
  return url.slash ? `${out}/` : out;
}

function queryOf(url, decodes) {
  let out = "";
  for (let i = 0; i < url.query.length; i++) {
    const pair = url.query[i];
    out += i === 0 ? "?" : "&";
    out += decodes ? encodeForm(pair[0]) : pair[0];
    if (pair[1] !== null) out += `=${decodes ? encodeForm(pair[1]) : pair[1]}`;
  }
  return out;
}

/** As it was written, but for what the parser takes away. `isSent`: without user and fragment, and in ASCII where it must. */
function written(url, isSent) {
  let out = `${url.scheme}://`;
  if (!isSent && url.user !== null) out += `${url.user}${url.password === null ? "" : `:${url.password}`}@`;
  out += `${url.host}${pathOf(url, false)}${queryOf(url, false)}`;
  if (!isSent && url.fragment !== null) out += `#${url.fragment}`;
  return textOf(out);
}

/** The path of a text that is nothing else: question marks and hashes are parts of names. Null for what is none. */
function pathIn(text) {
  text = bytesOf(text);
  const url = emptyUrl();
  const errors = { __proto__: null, had: false };
  let at = text[0] === "/" ? 1 : 0;
  do {
    const end = endOf(text, "/", at);
    addSegment(url, StringPrototypeSlice(text, at, end), true, end === text.length, errors);
    at = end + 1;
  } while (at <= text.length);
  return errors.had ? null : url;
}

const BLANK = new SafeRegExp("[\\x00-\\x20\\x7f]");

/** Where a request for a URL is sent, as text; null for what is none. `base`: of a relative one. */
function target(text, base) {
  const url = base === undefined ? parse(text, false) : parseRelative(parse(base, false), text, false);
  return url === null ? null : encode(written(url, true), BLANK);
}

return {
  bytesOf,
  decode,
  encode,
  encodeForm,
  HOST,
  IN_FRAGMENT,
  IN_USER,
  pairOf,
  parse,
  parseRelative,
  pathIn,
  pathOf,
  queryOf,
  target,
  textOf,
  written,
};
})();
