'use strict';
// Bytes and text.
const { core, ops } = require('internal/selvedge/host');
const {
  ArrayBuffer, ArrayBufferIsView, MathMax, MathMin, Number, NumberIsNaN,
  StringPrototypeCharCodeAt, TypedArrayPrototypeFill,
  TypedArrayPrototypeSet, TypedArrayPrototypeSubarray, Uint8Array,
} = primordials;
const {
  op_node_buffer_compare, op_node_buffer_decode, op_node_buffer_index_of, op_node_buffer_is_ascii, op_node_buffer_is_utf8,
  op_node_buffer_write_base64, op_node_buffer_write_hex, op_node_buffer_write_utf8,
} = ops;

const UTF8 = 1;
const UTF16 = 3;
const kMaxLength = 2 ** 53 - 1;
const kStringMaxLength = 2 ** 29 - 24;

/** The bytes of whatever view or buffer this is. */
function bytesOf(value) {
  if (core.isAnyArrayBuffer(value)) return new Uint8Array(value);
  if (value instanceof Uint8Array) return value;
  if (ArrayBufferIsView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  const { ERR_INVALID_ARG_TYPE } = require('internal/errors').codes;
  throw new ERR_INVALID_ARG_TYPE('buffer', ['Buffer', 'TypedArray', 'DataView'], value);
}

function range(length, start, end) {
  const { ERR_OUT_OF_RANGE } = require('internal/errors').codes;
  start = start === undefined ? 0 : Number(start);
  end = end === undefined ? length : Number(end);
  if (NumberIsNaN(start) || start < 0) start = 0;
  if (end > length) end = length;
  if (NumberIsNaN(end)) end = 0;
  if (start > length) throw new ERR_OUT_OF_RANGE('start', `<= ${length}`, start);
  return end < start ? [start, start] : [start, end];
}

function slicer(encoding) {
  return function(start, end) {
    const bytes = bytesOf(this);
    const { 0: from, 1: to } = range(bytes.length, start, end);
    if (to - from > kStringMaxLength) {
      const { ERR_STRING_TOO_LONG } = require('internal/errors').codes;
      throw new ERR_STRING_TOO_LONG(kStringMaxLength);
    }
    return from === to ? '' : op_node_buffer_decode(encoding, bytes, from, to);
  };
}

function checkWrite(bytes, offset, length) {
  const { ERR_BUFFER_OUT_OF_BOUNDS } = require('internal/errors').codes;
  offset = offset === undefined ? 0 : +offset;
  if (offset < 0 || offset > bytes.length) throw new ERR_BUFFER_OUT_OF_BOUNDS('offset');
  const room = bytes.length - offset;
  length = length === undefined ? room : MathMin(MathMax(+length, 0), room);
  return [offset, length];
}

function checkString(text) {
  if (typeof text === 'string') return;
  const { ERR_INVALID_ARG_TYPE } = require('internal/errors').codes;
  throw new ERR_INVALID_ARG_TYPE('argument', 'string', text);
}

function writer(op) {
  return function(text, offset, length) {
    checkString(text);
    const bytes = bytesOf(this);
    const { 0: at, 1: room } = checkWrite(bytes, offset, length);
    return op(text, bytes, at, room);
  };
}

function latin1(text, bytes, offset, room) {
  const count = MathMin(text.length, room);
  for (let i = 0; i < count; i++) bytes[offset + i] = StringPrototypeCharCodeAt(text, i);
  return count;
}

function utf16(text, bytes, offset, room) {
  const count = MathMin(text.length, room >> 1);
  for (let i = 0; i < count; i++) {
    const unit = StringPrototypeCharCodeAt(text, i);
    bytes[offset + 2 * i] = unit;
    bytes[offset + 2 * i + 1] = unit >> 8;
  }
  return 2 * count;
}

function statically(write) {
  return (target, text, offset, length) => {
    checkString(text);
    const bytes = bytesOf(target);
    const { 0: at, 1: room } = checkWrite(bytes, offset, length);
    return write(text, bytes, at, room);
  };
}

function encoded(text, encoding) {
  const { Buffer } = require('buffer');
  const names = internalBinding('string_decoder').encodings;
  return Buffer.from(text, names[encoding]);
}

/** Where bytes lie; `-1` if nowhere. As Node counts a negative offset, and one past the end. */
function indexOf(haystack, needle, byteOffset, step, forward) {
  const bytes = bytesOf(haystack);
  const { length } = bytes;
  let from = byteOffset < 0 ? length + byteOffset : byteOffset;
  if (from < 0) {
    if (!forward) return -1;
    from = 0;
  }
  if (from > length) {
    if (forward) return -1;
    from = length;
  }
  if (needle.length === 0) return from;
  if (length === 0 || needle.length > length) return -1;
  if (forward && from + needle.length > length) return -1;
  return op_node_buffer_index_of(bytes, needle, from, step, forward);
}

function swap(size) {
  return (buffer) => {
    const bytes = bytesOf(buffer);
    for (let i = 0; i + size <= bytes.length; i += size) {
      for (let low = i, high = i + size - 1; low < high; low++, high--) {
        const byte = bytes[low];
        bytes[low] = bytes[high];
        bytes[high] = byte;
      }
    }
    return buffer;
  };
}

/** Fills with bytes over and over; -1: out of bounds, -2: nothing to fill with. */
function fill(buffer, value, start, end, encoding) {
  const bytes = bytesOf(buffer);
  if (start < 0 || end > bytes.length) return -2;
  if (start >= end) return undefined;
  if (typeof value === 'number' || typeof value === 'boolean') {
    TypedArrayPrototypeFill(bytes, value & 255, start, end);
    return undefined;
  }
  const { Buffer } = require('buffer');
  const pattern = typeof value === 'string' ? Buffer.from(value, encoding) : bytesOf(value);
  if (pattern.length === 0) return -1;
  let done = MathMin(pattern.length, end - start);
  TypedArrayPrototypeSet(bytes, TypedArrayPrototypeSubarray(pattern, 0, done), start);
  while (start + done < end) {
    const more = MathMin(done, end - start - done);
    TypedArrayPrototypeSet(bytes, TypedArrayPrototypeSubarray(bytes, start, start + more), start + done);
    done += more;
  }
  return undefined;
}

const base64 = core.loadExtScript('ext:deno_web/05_base64.js');

module.exports = {
  atob(text) {
    try {
      return base64.atob(text);
    } catch {
      return -1;
    }
  },
  btoa(text) {
    try {
      return base64.btoa(text);
    } catch {
      return -1;
    }
  },
  byteLengthUtf8: (text) => core.byteLength(text),
  compare: (left, right) => op_node_buffer_compare(bytesOf(left), bytesOf(right)),
  compareOffset(source, target, targetStart, sourceStart, targetLength, sourceLength) {
    const { ERR_OUT_OF_RANGE } = require('internal/errors').codes;
    const left = bytesOf(source);
    const right = bytesOf(target);
    if (sourceStart > left.length) throw new ERR_OUT_OF_RANGE('sourceStart', `<= ${left.length}`, sourceStart);
    if (targetStart > right.length) throw new ERR_OUT_OF_RANGE('targetStart', `<= ${right.length}`, targetStart);
    return op_node_buffer_compare(
      TypedArrayPrototypeSubarray(left, sourceStart, sourceStart + sourceLength),
      TypedArrayPrototypeSubarray(right, targetStart, targetStart + targetLength),
    );
  },
  copy(source, target, targetStart, sourceStart, count) {
    TypedArrayPrototypeSet(
      bytesOf(target),
      TypedArrayPrototypeSubarray(bytesOf(source), sourceStart, sourceStart + count),
      targetStart,
    );
    return count;
  },
  copyArrayBuffer(target, targetOffset, source, sourceOffset, count) {
    TypedArrayPrototypeSet(new Uint8Array(target, targetOffset, count), new Uint8Array(source, sourceOffset, count));
  },
  createFromString: (text, encoding) => encoded(text, encoding),
  createUnsafeArrayBuffer: (size) => new ArrayBuffer(size),
  fill,
  getZeroFillToggle: () => undefined,
  indexOfBuffer: (haystack, needle, byteOffset, encoding, forward) =>
    indexOf(haystack, bytesOf(needle), byteOffset, encoding === UTF16 ? 2 : 1, forward),
  indexOfNumber: (haystack, number, byteOffset, forward) =>
    indexOf(haystack, new Uint8Array([number]), byteOffset, 1, forward),
  indexOfString: (haystack, text, byteOffset, encoding, forward) =>
    indexOf(haystack, encoded(text, encoding), byteOffset, encoding === UTF16 ? 2 : 1, forward),
  isAscii: (input) => op_node_buffer_is_ascii(bytesOf(input)),
  isUtf8: (input) => op_node_buffer_is_utf8(bytesOf(input)),
  kMaxLength,
  kStringMaxLength,
  setBufferPrototype() {},
  swap16: swap(2),
  swap32: swap(4),
  swap64: swap(8),
  asciiSlice: slicer(0),
  utf8Slice: slicer(UTF8),
  base64Slice: slicer(2),
  ucs2Slice: slicer(UTF16),
  latin1Slice: slicer(4),
  hexSlice: slicer(5),
  base64urlSlice: slicer(7),
  base64Write: writer(op_node_buffer_write_base64),
  base64urlWrite: writer(op_node_buffer_write_base64),
  hexWrite: writer(op_node_buffer_write_hex),
  ucs2Write: writer(utf16),
  asciiWriteStatic: statically(latin1),
  latin1WriteStatic: statically(latin1),
  utf8WriteStatic: statically(op_node_buffer_write_utf8),
};
