'use strict';
// Characters whose bytes came in two pieces. The state lies in a buffer, as Node's
// library expects it: up to four bytes of the character, how many of it are missing
// and how many there are, and the number of the encoding.
const { TypedArrayPrototypeSubarray } = primordials;
/** (Buffer's own module needs this one.) */
const lazyBuffer = () => require('buffer').Buffer;

const kIncompleteCharactersStart = 0;
const kIncompleteCharactersEnd = 4;
const kMissingBytes = 4;
const kBufferedBytes = 5;
const kEncodingField = 6;
const kNumFields = 7;
const kSize = 7;

const encodings = ['ascii', 'utf8', 'base64', 'utf16le', 'latin1', 'hex', 'buffer', 'base64url'];
const ASCII = 0;
const UTF8 = 1;
const BASE64 = 2;
const UTF16 = 3;
const LATIN1 = 4;
const HEX = 5;
const BASE64URL = 7;

const bufferOf = (view) => lazyBuffer().from(view.buffer, view.byteOffset, view.byteLength);

/** How many bytes at the end begin a character, and how many it lacks. */
function incomplete(encoding, bytes) {
  const { length } = bytes;
  switch (encoding) {
    case UTF8:
      for (let back = 1; back <= 3 && back <= length; back++) {
        const byte = bytes[length - back];
        if ((byte & 0xc0) === 0x80) continue;
        const size = (byte & 0xe0) === 0xc0 && byte >= 0xc2 ? 2
          : (byte & 0xf0) === 0xe0 ? 3
          : (byte & 0xf8) === 0xf0 && byte <= 0xf4 ? 4
          : 1;
        if (size <= back || !isPlausible(bytes, length - back)) return [0, 0];
        return [back, size - back];
      }
      return [0, 0];
    case UTF16: {
      if (length % 2 === 1) return [1, 1];
      if (length >= 2 && (bytes[length - 1] & 0xfc) === 0xd8) return [2, 2];
      return [0, 0];
    }
    case BASE64:
    case BASE64URL: {
      const rest = length % 3;
      return [rest, rest === 0 ? 0 : 3 - rest];
    }
    default:
      return [0, 0];
  }
}

/** Whether the second byte may follow the first one. */
function isPlausible(bytes, at) {
  if (at + 1 >= bytes.length) return true;
  const first = bytes[at];
  const second = bytes[at + 1];
  if (first === 0xe0) return second >= 0xa0;
  if (first === 0xed) return second <= 0x9f;
  if (first === 0xf0) return second >= 0x90;
  if (first === 0xf4) return second <= 0x8f;
  return true;
}

function decode(state, chunk) {
  const encoding = state[kEncodingField];
  let bytes = bufferOf(chunk);
  if (encoding === ASCII || encoding === LATIN1 || encoding === HEX) return bytes.toString(encodings[encoding]);
  const held = state[kBufferedBytes];
  if (held > 0) bytes = lazyBuffer().concat([TypedArrayPrototypeSubarray(state, 0, held), bytes]);
  const { 0: kept, 1: missing } = incomplete(encoding, bytes);
  const whole = bytes.length - kept;
  for (let i = 0; i < kept; i++) state[i] = bytes[whole + i];
  state[kBufferedBytes] = kept;
  state[kMissingBytes] = missing;
  return bytes.toString(encodings[encoding], 0, whole);
}

function flush(state) {
  const held = state[kBufferedBytes];
  const encoding = state[kEncodingField];
  state[kBufferedBytes] = 0;
  state[kMissingBytes] = 0;
  if (held === 0) return '';
  const end = encoding === UTF16 ? held - held % 2 : held;
  return lazyBuffer().from(TypedArrayPrototypeSubarray(state, 0, end)).toString(encodings[encoding]);
}

module.exports = {
  decode,
  encodings,
  flush,
  kBufferedBytes,
  kEncodingField,
  kIncompleteCharactersEnd,
  kIncompleteCharactersStart,
  kMissingBytes,
  kNumFields,
  kSize,
};
