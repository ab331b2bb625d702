'use strict';
// The distinguished encoding rules (X.690), as far as certificates need them.
const { Buffer } = require('buffer');
const { ArrayPrototypePush, RangeError } = primordials;

const UTC_TIME = 0x17;
const BMP_STRING = 0x1e;
const UTF8_STRING = 0x0c;

/** The value at the beginning of some bytes: tag, content, and all of it. */
function read(bytes) {
  let at = 2;
  let length = bytes[1];
  if (length > 0x84 || length === 0x80) throw new RangeError('not DER');
  if (length > 0x80) {
    const count = length & 0x7f;
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + bytes[at + i];
    at += count;
  }
  if (!(at + length <= bytes.length)) throw new RangeError('not DER');
  return { tag: bytes[0], value: bytes.subarray(at, at + length), whole: bytes.subarray(0, at + length) };
}

/** The values within a value. */
function children({ value }) {
  const found = [];
  let rest = value;
  while (rest.length > 0) {
    const node = read(rest);
    ArrayPrototypePush(found, node);
    rest = rest.subarray(node.whole.length);
  }
  return found;
}

/** An object identifier with dots. */
function oid({ value }) {
  const first = value[0];
  let text = first < 80 ? `${first / 40 | 0}.${first % 40}` : `2.${first - 80}`;
  let number = 0;
  for (let i = 1; i < value.length; i++) {
    number = number * 128 + (value[i] & 0x7f);
    if (value[i] < 0x80) {
      text += `.${number}`;
      number = 0;
    }
  }
  return text;
}

function latin1({ value }) {
  return Buffer.from(value).toString('latin1');
}

/** Any of the kinds of text. */
function text(node) {
  if (node.tag === UTF8_STRING) return Buffer.from(node.value).toString('utf8');
  if (node.tag === BMP_STRING) return Buffer.from(node.value).swap16().toString('utf16le');
  return latin1(node);
}

module.exports = { children, latin1, oid, read, text, UTC_TIME };
