import { bytes, equal, same, throws } from "../assert.js";

export const text_becomes_utf_8_and_back = {
  test() {
    same([...new TextEncoder().encode("h\u00e9\u20ac\u{1f600}")], [104, 195, 169, 226, 130, 172, 240, 159, 152, 128]);
    equal(new TextDecoder().decode(bytes(226, 130, 172)), "\u20ac");
    equal(new TextEncoder().encoding, "utf-8");
    same([...new TextEncoder().encode("\ud800")], [239, 191, 189]);
  },
};

export const long_texts_become_utf_8_and_back = {
  test() {
    for (const part of ["plain ASCII. ", "gr\u00fc\u00dfe \u00ff\u0080 ", "\u20ac and \u{1f600} ", "\u00e9\ud800 \udc00 "]) {
      const text = part.repeat(1000);
      const once = [...new TextEncoder().encode(part)];
      const encoded = new TextEncoder().encode(text);
      equal(encoded.length, once.length * 1000);
      equal(encoded.byteOffset, 0);
      equal(encoded.buffer.byteLength, encoded.length);
      same([...encoded.subarray(-once.length)], once);
      equal(new TextDecoder().decode(encoded), text.toWellFormed());
    }
  },
};

export const encode_into_writes_what_fits = {
  test() {
    const target = new Uint8Array(4);
    const { read, written } = new TextEncoder().encodeInto("a\u20acb", target);
    same([read, written, [...target]], [2, 4, [97, 226, 130, 172]]);
  },
};

export const decoders_stream = {
  test() {
    const decoder = new TextDecoder();
    equal(decoder.decode(bytes(226, 130), { stream: true }), "");
    equal(decoder.decode(bytes(172), { stream: true }), "\u20ac");
    equal(decoder.decode(), "");
  },
};

export const broken_text_is_replaced_or_refused = {
  test() {
    equal(new TextDecoder().decode(bytes(97, 255)), "a\ufffd");
    throws(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes(255)), TypeError);
    throws(() => new TextDecoder("no-such-encoding"), RangeError);
  },
};

export const marks_are_dropped_unless_asked_for = {
  test() {
    equal(new TextDecoder().decode(bytes(0xef, 0xbb, 0xbf, 97)), "a");
    equal(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes(0xef, 0xbb, 0xbf, 97)), "\ufeffa");
  },
};

export const other_encodings_are_decoded = {
  test() {
    equal(new TextDecoder("utf-16le").decode(bytes(0x61, 0, 0xac, 0x20)), "a\u20ac");
    equal(new TextDecoder("latin1").encoding, "windows-1252");
    equal(new TextDecoder("windows-1252").decode(bytes(0x80)), "\u20ac");
    equal(new TextDecoder("shift_jis").decode(bytes(0x82, 0xa0)), "\u3042");
  },
};
