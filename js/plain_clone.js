// `structuredClone()` of what most values are made of: plain objects, arrays, dates,
// maps and sets. It follows the steps of StructuredSerialize and StructuredDeserialize
// (https://html.spec.whatwg.org/multipage/structured-data.html) in one walk; V8 writes
// bytes first and reads them again. What has something else in it is left to V8 from
// the start, so that getters which ran before that was found run once more.
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypePush,
  Date,
  DatePrototypeGetTime,
  Map,
  MapPrototypeForEach,
  MapPrototypeGet,
  MapPrototypeSet,
  ObjectDefineProperty,
  ObjectGetPrototypeOf,
  ObjectHasOwn,
  ObjectKeys,
  ObjectPrototype,
  Set,
  SetPrototypeAdd,
  SetPrototypeForEach,
} = primordials;
const { op_clone_kind } = core.ops;

/** Stands for what is left to V8: other objects, functions, symbols, deep nests. */
const OTHER = { __proto__: null };

/** What `op_clone_kind` says. */
const PLAIN = 1;
const ARRAY = 2;
const DATE = 3;
const MAP = 4;
const SET = 5;

/** V8 says what is nested too deeply to be cloned. */
const MAX_DEPTH = 200;
/** Of more shapes than this, objects are made property by property. */
const MAX_SHAPES = 32;

/** A walk through one value. */
class Walk {
  known = new Map();
  /** Names of properties, and an object that has just these. */
  shapes = [];

  clone(value, depth) {
    if (typeof value !== "object") return typeof value === "function" || typeof value === "symbol" ? OTHER : value;
    if (value === null) return null;
    const before = MapPrototypeGet(this.known, value);
    if (before !== undefined) return before;
    if (depth > MAX_DEPTH) return OTHER;
    switch (op_clone_kind(value)) {
      case PLAIN:
        return this.object(value, depth + 1);
      case ARRAY:
        return this.array(value, depth + 1);
      case DATE:
        return this.keep(value, new Date(DatePrototypeGetTime(value)));
      case MAP:
        return this.map(value, depth + 1);
      case SET:
        return this.set(value, depth + 1);
      default:
        return OTHER;
    }
  }

  keep(value, copy) {
    MapPrototypeSet(this.known, value, copy);
    return copy;
  }

  object(value, depth) {
    const prototype = ObjectGetPrototypeOf(value);
    // Objects of classes may be the platform's.
    if (prototype !== ObjectPrototype && prototype !== null) return OTHER;
    const keys = ObjectKeys(value);
    const shape = this.shapeOf(keys);
    const copy = this.keep(value, shape === null ? {} : { ...shape });
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      const inner = value[key];
      // What a getter before it took away.
      if (inner === undefined && !ObjectHasOwn(value, key)) {
        delete copy[key];
        continue;
      }
      const cloned = this.clone(inner, depth);
      if (cloned === OTHER) return OTHER;
      // It has this property, so that no setter hears of it.
      if (shape !== null) copy[key] = cloned;
      else define(copy, key, cloned);
    }
    return copy;
  }

  /** An object with these properties, from which others are made fast. */
  shapeOf(keys) {
    const { shapes } = this;
    for (let i = shapes.length - 1; i >= 0; i--) {
      const known = shapes[i];
      if (areSame(known.keys, keys)) return known.template;
    }
    if (shapes.length === MAX_SHAPES) return null;
    const template = {};
    for (let i = 0; i < keys.length; i++) define(template, keys[i], undefined);
    ArrayPrototypePush(shapes, { __proto__: null, keys, template });
    return template;
  }

  array(value, depth) {
    const keys = ObjectKeys(value);
    const { length } = value;
    // Elements without a gap, and nothing else: the names are in order.
    if (keys.length !== length || length > 0 && keys[length - 1] !== `${length - 1}`) return OTHER;
    // (The list of names has as many elements of its own.)
    const copy = this.keep(value, keys);
    for (let i = 0; i < length; i++) {
      const inner = value[i];
      if (inner === undefined && !ObjectHasOwn(value, i)) return OTHER;
      const cloned = this.clone(inner, depth);
      if (cloned === OTHER) return OTHER;
      copy[i] = cloned;
    }
    return copy;
  }

  map(value, depth) {
    const copy = this.keep(value, new Map());
    const entries = [];
    MapPrototypeForEach(value, (inner, key) => ArrayPrototypePush(entries, [key, inner]));
    for (let i = 0; i < entries.length; i++) {
      const key = this.clone(entries[i][0], depth);
      if (key === OTHER) return OTHER;
      const inner = this.clone(entries[i][1], depth);
      if (inner === OTHER) return OTHER;
      MapPrototypeSet(copy, key, inner);
    }
    return copy;
  }

  set(value, depth) {
    const copy = this.keep(value, new Set());
    const entries = [];
    SetPrototypeForEach(value, (inner) => ArrayPrototypePush(entries, inner));
    for (let i = 0; i < entries.length; i++) {
      const inner = this.clone(entries[i], depth);
      if (inner === OTHER) return OTHER;
      SetPrototypeAdd(copy, inner);
    }
    return copy;
  }
}

function areSame(left, right) {
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) {
    if (left[i] !== right[i]) return false;
  }
  return true;
}

function define(object, key, value) {
  ObjectDefineProperty(object, key, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
}

/** A clone of a value, or `OTHER` if there is anything in it that is for V8. */
function clonePlain(value) {
  return new Walk().clone(value, 0);
}

return { clonePlain, OTHER };
})();
