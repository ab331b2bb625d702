// ----- application/x-www-form-urlencoded (https://url.spec.whatwg.org/#urlencoded-parsing) -----

const NOT_PLAIN = new SafeRegExp("[^A-Za-z0-9*\\-._]");

/** Pairs of a query. What is not UTF-8 is left to the op, which replaces it. */
function parseForm(text) {
  const list = [];
  const end = text.length;
  let equals = -1;
  for (let from = 0; from < end;) {
    let to = StringPrototypeIndexOf(text, "&", from);
    if (to < 0) to = end;
    if (to > from) {
      if (equals < from) {
        equals = StringPrototypeIndexOf(text, "=", from);
        if (equals < 0) equals = end;
      }
      const middle = equals < to ? equals : to;
      try {
        const name = decodeForm(StringPrototypeSlice(text, from, middle));
        const value = middle < to ? decodeForm(StringPrototypeSlice(text, middle + 1, to)) : "";
        ArrayPrototypePush(list, [name, value]);
      } catch {
        return op_url_parse_search_params(text);
      }
    }
    from = to + 1;
  }
  return list;
}

function decodeForm(text) {
  let at = StringPrototypeIndexOf(text, "+");
  if (at >= 0) {
    let out = "";
    let from = 0;
    do {
      out += StringPrototypeSlice(text, from, at) + " ";
      from = at + 1;
      at = StringPrototypeIndexOf(text, "+", from);
    } while (at >= 0);
    text = out + StringPrototypeSlice(text, from);
  }
  return StringPrototypeIndexOf(text, "%") < 0 ? text : decodeURIComponent(text);
}

/** A query of pairs. */
function stringifyForm(list) {
  let out = "";
  for (let i = 0; i < list.length; i++) {
    const pair = list[i];
    out += `${i === 0 ? "" : "&"}${encodeForm(pair[0])}=${encodeForm(pair[1])}`;
  }
  return out;
}

/** What `encodeURIComponent` leaves as it is, but a form does not. */
const ENCODED = { __proto__: null, "!": "%21", "'": "%27", "(": "%28", ")": "%29", "~": "%7E" };

function encodeForm(text) {
  if (RegExpPrototypeExec(NOT_PLAIN, text) === null) return text;
  const encoded = encodeURIComponent(text);
  let out = "";
  for (let i = 0; i < encoded.length; i++) {
    const char = encoded[i];
    if (char === "%" && encoded[i + 1] === "2" && encoded[i + 2] === "0") {
      out += "+";
      i += 2;
    } else {
      out += ENCODED[char] ?? char;
    }
  }
  return out;
}

