// TextDecoder before 2026: UTF-16LE keeps lone surrogates, and some tables of Chinese
// and Japanese are those of an older ICU.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ReflectApply,
  StringFromCharCode,
  TypedArrayPrototypeSet,
  TypedArrayPrototypeSubarray,
  TypeError,
  Uint16Array,
  Uint8Array,
} = primordials;
const { isOff } = internals;

/** Code units that one call makes text of. */
const CALL = 8192;
const BOM = 0xfeff;
const REPLACEMENT = "\ufffd";

const malformed = () => new TypeError("Failed to decode input.");

/** UTF-16LE, all bytes at once, whatever the code units are. */
function decodeUtf16(bytes, isFatal, keepsBom) {
  const count = bytes.length >> 1;
  const isOdd = bytes.length % 2 === 1;
  if (isOdd && isFatal) throw malformed();
  const units = new Uint16Array(count);
  for (let i = 0; i < count; i++) units[i] = bytes[2 * i] | bytes[2 * i + 1] << 8;
  let text = "";
  for (let at = !keepsBom && units[0] === BOM ? 1 : 0; at < count; at += CALL) {
    text += ReflectApply(StringFromCharCode, undefined, TypedArrayPrototypeSubarray(units, at, at + CALL));
  }
  return isOdd ? text + REPLACEMENT : text;
}

/** Pairs of GBK that meant private characters before GB 18030-2022. */
const PRIVATE = {
  __proto__: null,
  0xa6d9: "\ue78d",
  0xa6da: "\ue78e",
  0xa6db: "\ue78f",
  0xa6dc: "\ue790",
  0xa6dd: "\ue791",
  0xa6de: "\ue792",
  0xa6df: "\ue793",
  0xa6ec: "\ue794",
  0xa6ed: "\ue795",
  0xa6f3: "\ue796",
  0xfe59: "\ue81e",
  0xfe61: "\ue826",
  0xfe66: "\ue82b",
  0xfe67: "\ue82c",
  0xfe6d: "\ue832",
  0xfe7e: "\ue843",
  0xfe90: "\ue854",
  0xfea0: "\ue864",
};

const within = (byte, from, to) => byte >= from && byte <= to;

/** What a lead byte gets wrong alone, so that the next one is looked at again. */
const LEAD = { __proto__: null, length: 1, text: REPLACEMENT };

/**
 * By encoding, what stands at the beginning of some bytes: how many bytes it takes
 * (0: more are needed), or, where today's table has another, its text, too.
 */
const READERS = {
  __proto__: null,
  gbk: readGbk,
  gb18030: readGbk,
  big5(bytes, at) {
    if (!within(bytes[at], 0x81, 0xfe)) return 1;
    if (at + 1 === bytes.length) return 0;
    const next = bytes[at + 1];
    if (within(next, 0x80, 0xa0)) return LEAD;
    return next < 0x40 || next === 0x7f ? 1 : 2;
  },
  shift_jis(bytes, at) {
    const lead = bytes[at];
    if (!within(lead, 0x81, 0x9f) && !within(lead, 0xe0, 0xfc)) return 1;
    if (at + 1 === bytes.length) return 0;
    const next = bytes[at + 1];
    if (lead === 0x87 && next === 0x5e) return { __proto__: null, length: 2, text: REPLACEMENT };
    if (lead === 0xf9 && within(next, 0x40, 0xfc) && next !== 0x7f) {
      return next < 0x80 ? LEAD : { __proto__: null, length: 2, text: REPLACEMENT };
    }
    return next < 0x40 || next === 0x7f ? 1 : 2;
  },
  "euc-jp"(bytes, at) {
    const lead = bytes[at];
    if (lead !== 0x8e && lead !== 0x8f && !within(lead, 0xa1, 0xfe)) return 1;
    if (at + 1 === bytes.length) return 0;
    const next = bytes[at + 1];
    if (next === 0x8e || next === 0x8f || lead === 0x8e && within(next, 0xe0, 0xfe)) return LEAD;
    if (next < 0x80) return 1;
    if (lead !== 0x8f || !within(next, 0xa1, 0xfe)) return 2;
    if (at + 2 === bytes.length) return 0;
    const third = bytes[at + 2];
    return third < 0x80 || third === 0x8e || third === 0x8f ? LEAD : 3;
  },
};

function readGbk(bytes, at) {
  const lead = bytes[at];
  if (lead === 0x80) return LEAD;
  if (!within(lead, 0x81, 0xfe)) return 1;
  if (at + 1 === bytes.length) return 0;
  const next = bytes[at + 1];
  if (within(next, 0x30, 0x39)) {
    if (at + 3 >= bytes.length) return 0;
    return within(bytes[at + 2], 0x81, 0xfe) && within(bytes[at + 3], 0x30, 0x39) ? 4 : 1;
  }
  const text = PRIVATE[lead << 8 | next];
  if (text !== undefined) return { __proto__: null, length: 2, text };
  return next < 0x40 || next === 0x7f ? 1 : 2;
}

/** A decoder that goes on from call to call. */
class Decoder {
  /** What is not complete yet. */
  rest = new Uint8Array(0);

  constructor(read, isFatal, handle, decode) {
    this.read = read;
    this.isFatal = isFatal;
    this.handle = handle;
    this.decodeMore = decode;
  }

  decode(chunk, isStream) {
    const bytes = new Uint8Array(this.rest.length + chunk.length);
    TypedArrayPrototypeSet(bytes, this.rest);
    TypedArrayPrototypeSet(bytes, chunk, this.rest.length);
    let text = "";
    let from = 0;
    let at = 0;
    while (at < bytes.length) {
      const found = this.read(bytes, at);
      if (found === 0) break;
      if (typeof found === "number") {
        at += found;
        continue;
      }
      if (this.isFatal && found.text === REPLACEMENT) throw malformed();
      text += this.decodeMore(TypedArrayPrototypeSubarray(bytes, from, at), this.handle, true) + found.text;
      at += found.length;
      from = at;
    }
    // (What is not complete at the end is wrong in both tables.)
    const end = isStream ? at : bytes.length;
    this.rest = isStream ? TypedArrayPrototypeSubarray(bytes, at) : new Uint8Array(0);
    return text + this.decodeMore(TypedArrayPrototypeSubarray(bytes, from, end), this.handle, isStream);
  }
}

/** The decoders of another compatibility date, in place of the ops. */
function older(single, start, more) {
  const keepsSurrogates = isOff("text_decoder_replace_surrogates");
  const hasOldTables = isOff("text_decoder_cjk_decoder");
  const begin = (encoding, isFatal, keepsBom) => {
    const handle = start(encoding, isFatal, keepsBom);
    const read = hasOldTables ? READERS[encoding] : undefined;
    return read === undefined ? handle : new Decoder(read, isFatal, handle, more);
  };
  return {
    __proto__: null,
    single(input, encoding, isFatal, keepsBom) {
      if (keepsSurrogates && encoding === "utf-16le") return decodeUtf16(internals.viewOf(input), isFatal, keepsBom);
      if (!hasOldTables || READERS[encoding] === undefined) return single(input, encoding, isFatal, keepsBom);
      try {
        return begin(encoding, isFatal, keepsBom).decode(internals.viewOf(input), false);
      } catch {
        throw malformed();
      }
    },
    start: begin,
    more(input, handle, isStream) {
      return handle instanceof Decoder
        ? handle.decode(internals.viewOf(input), isStream)
        : more(input, handle, isStream);
    },
  };
}

let isApplied = false;

function apply() {
  if (isApplied) return;
  isApplied = true;
  core.whenLoaded("ext:deno_web/08_text_encoding.js", ({ replaceDecoders }) => replaceDecoders(older));
}

return { apply };
})();
