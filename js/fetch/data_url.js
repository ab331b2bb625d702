// `fetch()` of URLs that hold what they stand for
// (https://fetch.spec.whatwg.org/#data-url-processor). No request leaves.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  RegExpPrototypeExec,
  SafeRegExp,
  StringFromCharCode,
  StringPrototypeCharCodeAt,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  StringPrototypeStartsWith,
  StringPrototypeTrim,
  TypedArrayPrototypeSubarray,
  TypeError,
  Uint8Array,
} = primordials;
const { forgivingBase64Decode } = core.loadExtScript("ext:deno_web/00_infra.js");

const BASE64 = new SafeRegExp("; *base64$", "i");
const MIME = new SafeRegExp("^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+/[!#$%&'*+\\-.^_`|~0-9A-Za-z]+ *(?:;|$)");

function hexOf(code) {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** The bytes of a URL's text, which is ASCII. */
function percentDecode(text) {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const code = StringPrototypeCharCodeAt(text, i);
    const high = code === 37 ? hexOf(StringPrototypeCharCodeAt(text, i + 1)) : -1;
    const low = high < 0 ? -1 : hexOf(StringPrototypeCharCodeAt(text, i + 2));
    if (low < 0) {
      bytes[length++] = code;
      continue;
    }
    bytes[length++] = high * 16 + low;
    i += 2;
  }
  return TypedArrayPrototypeSubarray(bytes, 0, length);
}

function textOf(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += StringFromCharCode(bytes[i]);
  return text;
}

/** The response that a URL of the scheme `data:` stands for. */
function fetchData(url) {
  const refused = () => new TypeError(`Fetch API cannot load: ${url}`);
  const hash = StringPrototypeIndexOf(url, "#");
  const rest = StringPrototypeSlice(url, 5, hash < 0 ? url.length : hash);
  const comma = StringPrototypeIndexOf(rest, ",");
  if (comma < 0) throw refused();
  let type = StringPrototypeTrim(StringPrototypeSlice(rest, 0, comma));
  let bytes = percentDecode(StringPrototypeSlice(rest, comma + 1));
  const base64 = RegExpPrototypeExec(BASE64, type);
  if (base64 !== null) {
    try {
      bytes = forgivingBase64Decode(textOf(bytes));
    } catch {
      throw refused();
    }
    type = StringPrototypeSlice(type, 0, base64.index);
  }
  if (StringPrototypeStartsWith(type, ";")) type = `text/plain${type}`;
  if (RegExpPrototypeExec(MIME, type) === null) type = "text/plain;charset=US-ASCII";
  const { Response } = internals.selvedge.response;
  return new Response(bytes, { __proto__: null, headers: { __proto__: null, "content-type": type } });
}

return { fetchData };
})();
