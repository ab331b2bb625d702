'use strict';
const UV_U_ILLEGAL_ARGUMENT_ERROR = 1;

/** How many columns a text takes on a terminal. */
function getStringWidth(text, _ambiguousIsWide, _expandEmoji) {
  let width = 0;
  for (const character of new primordials.SafeStringIterator(primordials.StringPrototypeNormalize(text, 'NFC'))) {
    const code = primordials.StringPrototypeCodePointAt(character, 0);
    if (isFullWidth(code)) width += 2;
    else if (!isZeroWidth(code)) width++;
  }
  return width;
}

function isFullWidth(code) {
  return code >= 0x1100 && (
    code <= 0x115f || code === 0x2329 || code === 0x232a || code >= 0x2e80 && code <= 0x3247 && code !== 0x303f ||
    code >= 0x3250 && code <= 0x4dbf || code >= 0x4e00 && code <= 0xa4c6 || code >= 0xa960 && code <= 0xa97c ||
    code >= 0xac00 && code <= 0xd7a3 || code >= 0xf900 && code <= 0xfaff || code >= 0xfe10 && code <= 0xfe19 ||
    code >= 0xfe30 && code <= 0xfe6b || code >= 0xff01 && code <= 0xff60 || code >= 0xffe0 && code <= 0xffe6 ||
    code >= 0x1b000 && code <= 0x1b001 || code >= 0x1f200 && code <= 0x1f251 || code >= 0x1f300 && code <= 0x1f64f ||
    code >= 0x1f900 && code <= 0x1f9ff || code >= 0x20000 && code <= 0x3fffd);
}

function isZeroWidth(code) {
  return code <= 0x1f || code >= 0x7f && code <= 0x9f || code >= 0x300 && code <= 0x36f || code >= 0x200b && code <= 0x200f ||
    code >= 0x20d0 && code <= 0x20ff || code >= 0xfe00 && code <= 0xfe0f || code >= 0xfe20 && code <= 0xfe2f ||
    code >= 0xe0100 && code <= 0xe01ef;
}

/** From one encoding to another; what the target lacks becomes `?`. */
function transcode(source, from, to) {
  const { Buffer } = require('buffer');
  const text = Buffer.from(source.buffer, source.byteOffset, source.byteLength).toString(from);
  if (to === 'ascii' || to === 'latin1' || to === 'binary') {
    const limit = to === 'ascii' ? 0x7f : 0xff;
    const bytes = [];
    for (const character of new primordials.SafeStringIterator(text)) {
      const code = primordials.StringPrototypeCodePointAt(character, 0);
      primordials.ArrayPrototypePush(bytes, code > limit ? 0x3f : code);
    }
    return Buffer.from(bytes);
  }
  if (to === 'utf8' || to === 'utf-8' || to === 'ucs2' || to === 'ucs-2' || to === 'utf16le' || to === 'utf-16le') return Buffer.from(text, to);
  return UV_U_ILLEGAL_ARGUMENT_ERROR;
}

module.exports = {
  getStringWidth,
  hasConverter: () => false,
  icuErrName: () => 'U_ILLEGAL_ARGUMENT_ERROR',
  transcode,
};
