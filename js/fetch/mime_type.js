// MIME types (https://mimesniff.spec.whatwg.org/#parsing-a-mime-type), for the
// type of a body's Blob where it is not plain.
(function () {
const { primordials } = __bootstrap;
const {
  RegExpPrototypeExec,
  RegExpPrototypeSymbolReplace,
  SafeRegExp,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  StringPrototypeToLowerCase,
} = primordials;

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const ESSENCE = new SafeRegExp(`^[\\t\\n\\r ]*(${TOKEN})/(${TOKEN})[\\t\\n\\r ]*(?:;|$)`);
const WHOLE_TOKEN = new SafeRegExp(`^${TOKEN}$`);
const QUOTABLE = new SafeRegExp("^[\\t\\x20-\\x7e\\x80-\\xff]*$");
const EDGES = new SafeRegExp("^[\\t\\n\\r ]+|[\\t\\n\\r ]+$", "g");
const TO_ESCAPE = new SafeRegExp('["\\\\]', "g");

/** The type that a text stands for, as it is written; "" if it stands for none. */
function normalized(text) {
  const essence = RegExpPrototypeExec(ESSENCE, text);
  if (essence === null) return "";
  let out = StringPrototypeToLowerCase(`${essence[1]}/${essence[2]}`);
  const known = { __proto__: null };
  let at = essence[0].length;
  while (at < text.length) {
    const found = parameter(text, at);
    at = found.end;
    const { name, value } = found;
    if (value === null || known[name] || RegExpPrototypeExec(WHOLE_TOKEN, name) === null) continue;
    if (RegExpPrototypeExec(QUOTABLE, value) === null) continue;
    known[name] = true;
    out += `;${name}=${written(value)}`;
  }
  return out;
}

/** What begins at a place of the text: name and value, and where it ends. */
function parameter(text, at) {
  let end = StringPrototypeIndexOf(text, ";", at);
  if (end < 0) end = text.length;
  const equals = StringPrototypeIndexOf(text, "=", at);
  if (equals < 0 || equals > end) return { name: "", value: null, end: end + 1 };
  const name = StringPrototypeToLowerCase(stripped(StringPrototypeSlice(text, at, equals)));
  if (text[equals + 1] === '"') return quoted(name, text, equals + 2);
  const value = stripped(StringPrototypeSlice(text, equals + 1, end));
  return { name, value: value === "" ? null : value, end: end + 1 };
}

function quoted(name, text, at) {
  let value = "";
  while (at < text.length && text[at] !== '"') {
    if (text[at] === "\\" && at + 1 < text.length) at++;
    value += text[at++];
  }
  const end = StringPrototypeIndexOf(text, ";", at);
  return { name, value, end: end < 0 ? text.length : end + 1 };
}

function stripped(text) {
  return RegExpPrototypeSymbolReplace(EDGES, text, "");
}

function written(value) {
  if (RegExpPrototypeExec(WHOLE_TOKEN, value) !== null) return value;
  return `"${RegExpPrototypeSymbolReplace(TO_ESCAPE, value, "\\$&")}"`;
}

return { normalized };
})();
