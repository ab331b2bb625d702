// The built-ins that the platform's scripts use, where those of the language are
// not enough. `list.push(..)` and `list[at] = ..` look for a setter among the
// elements of `Array.prototype` and `Object.prototype`, which a Worker may put
// there, and hand it the list; `slice`, `map` and others ask
// `list.constructor` what to make. These here define elements and make arrays.
import { primordials as builtIns } from "ext:core/mod.js";

const {
  ArrayBuffer,
  ArrayBufferPrototypeGetByteLength,
  ArrayPrototype,
  MathMax,
  MathMin,
  MathTrunc,
  ObjectDefineProperty,
  ObjectFreeze,
  ObjectGetPrototypeOf,
  ObjectPrototype,
  ObjectSetPrototypeOf,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetLength,
  TypedArrayPrototypeGetSymbolToStringTag,
  TypedArrayPrototypeSet,
  TypedArrayPrototypeSlice,
  TypedArrayPrototypeSubarray,
  Uint8Array,
} = builtIns;

/**
 * An empty list of the platform's own that `list[list.length] = value` fills. It
 * has no prototype, so that nobody stands behind its elements.
 */
function bare() {
  return ObjectSetPrototypeOf([], null);
}

const element = {
  __proto__: null,
  value: undefined,
  writable: true,
  enumerable: true,
  configurable: true,
};

function define(list, at, value) {
  element.value = value;
  ObjectDefineProperty(list, at, element);
  element.value = undefined;
}

/** `list.push(value)`, without a look at what stands behind the list. */
function append(list, value) {
  const at = list.length;
  const isClear = !(at in ArrayPrototype) && ObjectGetPrototypeOf(ArrayPrototype) === ObjectPrototype;
  if (isClear) list[at] = value;
  else define(list, at, value);
}

/** Where a relative index lies in so many elements. */
function indexOf(relative, length) {
  const at = MathTrunc(relative) || 0;
  return at < 0 ? MathMax(length + at, 0) : MathMin(at, length);
}

function push(list) {
  for (let i = 1; i < arguments.length; i++) append(list, arguments[i]);
  return list.length;
}

function pushAll(list, values) {
  for (let i = 0; i < values.length; i++) append(list, values[i]);
  return list.length;
}

function unshift(list) {
  const given = slice(arguments, 1);
  const rest = slice(list);
  list.length = 0;
  pushAll(list, given);
  return pushAll(list, rest);
}

function slice(list, start = 0, end = list.length) {
  const { length } = list;
  const to = indexOf(end, length);
  const part = [];
  for (let i = indexOf(start, length); i < to; i++) append(part, list[i]);
  return part;
}

function splice(list, start, count = list.length) {
  const from = indexOf(start, list.length);
  const taken = MathMin(MathMax(count, 0), list.length - from);
  const removed = slice(list, from, from + taken);
  const rest = slice(list, from + taken);
  list.length = from;
  for (let i = 3; i < arguments.length; i++) append(list, arguments[i]);
  pushAll(list, rest);
  return removed;
}

function map(list, callback) {
  const made = [];
  for (let i = 0; i < list.length; i++) append(made, callback(list[i], i, list));
  return made;
}

function filter(list, callback) {
  const kept = [];
  for (let i = 0; i < list.length; i++) {
    const value = list[i];
    if (callback(value, i, list)) append(kept, value);
  }
  return kept;
}

/** `fill(value)` for all of a list, holes too. */
function fill(list, value) {
  const { length } = list;
  list.length = 0;
  for (let i = 0; i < length; i++) append(list, value);
  return list;
}

/** `concat()` for arrays. */
function concat() {
  const all = [];
  for (let i = 0; i < arguments.length; i++) pushAll(all, arguments[i]);
  return all;
}

/** (`Float16Array` is not there when the snapshot is made.) */
const typedArrays = { __proto__: null };
for (
  const Class of [
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
  ]
) {
  typedArrays[Class.name] = { __proto__: null, Class, size: Class.BYTES_PER_ELEMENT };
}

function subarray(array, start = 0, end = undefined) {
  const type = typedArrays[TypedArrayPrototypeGetSymbolToStringTag(array)];
  if (type === undefined) return TypedArrayPrototypeSubarray(array, start, end);
  const { Class, size } = type;
  const length = TypedArrayPrototypeGetLength(array);
  const from = indexOf(start, length);
  const to = end === undefined ? length : indexOf(end, length);
  const offset = TypedArrayPrototypeGetByteOffset(array) + from * size;
  return new Class(TypedArrayPrototypeGetBuffer(array), offset, MathMax(to - from, 0));
}

function copyOf(array, start = 0, end = undefined) {
  const type = typedArrays[TypedArrayPrototypeGetSymbolToStringTag(array)];
  if (type === undefined) return TypedArrayPrototypeSlice(array, start, end);
  return new type.Class(subarray(array, start, end));
}

function bufferSlice(buffer, start = 0, end = undefined) {
  const length = ArrayBufferPrototypeGetByteLength(buffer);
  const from = indexOf(start, length);
  const size = MathMax((end === undefined ? length : indexOf(end, length)) - from, 0);
  const copy = new ArrayBuffer(size);
  TypedArrayPrototypeSet(new Uint8Array(copy), new Uint8Array(buffer, from, size));
  return copy;
}

/** All built-ins, with those above in place of the language's. */
const primordials = ObjectFreeze({
  __proto__: builtIns,
  ArrayBufferPrototypeSlice: bufferSlice,
  ArrayPrototypeConcat: concat,
  ArrayPrototypeFill: fill,
  ArrayPrototypeFilter: filter,
  ArrayPrototypeMap: map,
  ArrayPrototypePush: push,
  ArrayPrototypePushApply: pushAll,
  ArrayPrototypeSlice: slice,
  ArrayPrototypeSplice: splice,
  ArrayPrototypeUnshift: unshift,
  TypedArrayPrototypeSlice: copyOf,
  TypedArrayPrototypeSubarray: subarray,
});

export { bare, primordials };
