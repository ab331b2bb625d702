// compatibility-date: 2026-02-01
// TextDecoder before the spring of 2026: lone surrogates, and older tables.
import { equal, throws } from "../assert.js";

const units = (text) => Array.from({ length: text.length }, (_, i) => text.charCodeAt(i).toString(16)).join(" ");
const decode = (label, values, options) => units(new TextDecoder(label, options).decode(new Uint8Array(values)));

export const loneSurrogatesStay = {
  test() {
    equal(decode("utf-16le", [0x41, 0, 0x3d, 0xd8, 0x42, 0]), "41 d83d 42");
    equal(decode("utf-16le", [0, 0xdc, 0x3d, 0xd8]), "dc00 d83d");
    equal(decode("utf-16be", [0xdc, 0, 0xd8, 0x3d]), "fffd fffd");
    equal(decode("utf-16le", [0x3d, 0xd8], { fatal: true }), "d83d");
    equal(decode("utf-16le", [0x3d, 0xd8, 0, 0xdc]), "d83d dc00");
    equal(decode("utf-16le", [0xff, 0xfe, 0x41, 0]), "41");
    equal(decode("utf-16le", [0xff, 0xfe, 0x41, 0], { ignoreBOM: true }), "feff 41");
  },
};

export const halfACodeUnitIsReplaced = {
  test() {
    equal(decode("utf-16le", [0x41, 0, 0x42]), "41 fffd");
    throws(() => decode("utf-16le", [0x41, 0, 0x42], { fatal: true }), TypeError);
  },
};

export const streamsReplaceThem = {
  test() {
    const decoder = new TextDecoder("utf-16le");
    equal(units(decoder.decode(new Uint8Array([0x41, 0, 0x3d, 0xd8]), { stream: true })), "41");
    equal(units(decoder.decode(new Uint8Array([0x42, 0]))), "fffd 42");
  },
};

export const longTextsAreWhole = {
  test() {
    const values = new Uint8Array(60000);
    for (let i = 0; i < values.length; i += 2) values[i] = 0x61;
    equal(new TextDecoder("utf-16le").decode(values), "a".repeat(30000));
  },
};

export const chineseHasPrivateCharacters = {
  test() {
    for (const label of ["gbk", "gb18030"]) {
      equal(decode(label, [0x80]), "fffd");
      equal(decode(label, [0xa6, 0xd9]), "e78d");
      equal(decode(label, [0xb0, 0xa1, 0xfe, 0x59, 0xb0, 0xa1]), "554a e81e 554a");
      equal(decode(label, [0xa2, 0xe3, 0x41]), "20ac 41");
      equal(decode(label, [0x81, 0x30, 0x81, 0x30]), "80");
      throws(() => decode(label, [0x41, 0x80], { fatal: true }), TypeError);
    }
  },
};

export const chunksMayEndAnywhere = {
  test() {
    const decoder = new TextDecoder("gbk");
    let text = "";
    for (const value of [0xb0, 0xa1, 0xa6, 0xd9, 0x41, 0xfe, 0x59]) {
      text += decoder.decode(new Uint8Array([value]), { stream: true });
    }
    equal(units(text + decoder.decode()), "554a e78d 41 e81e");
  },
};

export const japaneseAndOthersOfTheOlderTables = {
  test() {
    equal(decode("shift_jis", [0x82, 0xa0, 0xf9, 0x40]), "3042 fffd 40");
    equal(decode("shift_jis", [0xf0, 0x40, 0x87, 0x5e, 0xb1]), "e000 fffd ff71");
    equal(decode("big5", [0xa4, 0x40, 0x81, 0x80, 0x41]), "4e00 fffd fffd 41");
    equal(decode("euc-jp", [0xa4, 0xa2, 0x8e, 0xb1, 0x8f, 0xb0, 0xa1]), "3042 ff71 4e02");
    equal(decode("euc-jp", [0x8e, 0xe0, 0x41]), "fffd fffd 41");
    equal(decode("euc-kr", [0xb0, 0xa1]), "ac00");
  },
};
