// What an instance keeps, in the storage of its object: `facts` of its making,
// `params`, the `state` that it is in, a record for each step, results apart from
// them, those that were streams in pieces, events that nobody took yet, and records
// of what undid steps.
(function () {
const { core, primordials } = __bootstrap;
const { op_do_alarm_set, op_do_delete_all, op_do_kv_delete, op_do_kv_get, op_do_kv_list, op_do_kv_put } = core.ops;
const {
  ArrayPrototypePush,
  ArrayPrototypeSort,
  Error,
  ObjectDefineProperty,
  NumberPrototypeToString,
  String,
  StringPrototypePadStart,
  StringPrototypeReplace,
  SafeArrayIterator,
  SafeRegExp,
  TypedArrayPrototypeGetByteLength,
} = primordials;
const stored = core.loadExtScript("ext:selvedge_durable/stored_errors.js");

/** The longest params, result of a step, output, or payload of an event: 1 MiB. */
const MAX_VALUE_BYTES = 1 << 20;

const FACTS = "facts";
const STATE = "state";
const PARAMS = "params";
const OUTPUT = "output";
const STEPS = "step:";
const RESULTS = "result:";
const CHUNKS = "chunk:";
const EVENTS = "event:";
const UNDOS = "undo:";

/** The bytes of a value, or a primitive one that is kept as it is. */
function pack(value) {
  switch (typeof value) {
    case "boolean":
    case "number":
    case "string":
    case "undefined":
      return value;
  }
  return value === null ? null : stored.serialize(value);
}

/** The value again: another one each time. */
function unpack(packed) {
  return typeof packed === "object" && packed !== null ? stored.deserialize(packed) : packed;
}

/** How long a packed value is, in bytes; of text, at least. */
function sizeOf(packed) {
  if (typeof packed === "string") return packed.length;
  return typeof packed === "object" && packed !== null ? TypedArrayPrototypeGetByteLength(packed) : 8;
}

function isTooLarge(packed) {
  return sizeOf(packed) > MAX_VALUE_BYTES;
}

/** A number as text that sorts as it does. */
function sortable(number) {
  return StringPrototypePadStart(NumberPrototypeToString(number, 16), 14, "0");
}

/** What is told of an error. */
function plainError(error) {
  try {
    if (core.isNativeError(error) || typeof error === "object" && error !== null) {
      return { name: String(error.name ?? "Error"), message: String(error.message ?? "") };
    }
    return { name: "Error", message: String(error) };
  } catch {
    return { name: "Error", message: "" };
  }
}

/** An error of this name; what it is, is its own property as in Cloudflare's. */
function named(name, message) {
  const error = new Error(message);
  ObjectDefineProperty(error, "name", { __proto__: null, value: name, writable: true, enumerable: true, configurable: true });
  return error;
}

const PREFIX = new SafeRegExp("^NonRetryableError:?\\s*");

/** The message of such an error without its name. */
function bareMessage({ name, message }) {
  return name === "NonRetryableError" ? message : StringPrototypeReplace(message, PREFIX, "");
}

/** The records of one instance. */
class Records {
  #storage;

  constructor(storage) {
    this.#storage = storage;
  }

  #run(op, ...args) {
    try {
      return op(this.#storage.number, ...new SafeArrayIterator(args));
    } catch (error) {
      throw this.#storage.failure(error);
    }
  }

  /** A packed value; undefined where there is none. */
  get(key) {
    return this.#run(op_do_kv_get, key);
  }

  read(key) {
    return unpack(this.get(key));
  }

  put(key, packed) {
    this.#run(op_do_kv_put, key, packed, false);
  }

  write(key, value) {
    this.put(key, pack(value));
  }

  delete(key) {
    this.#run(op_do_kv_delete, key, false);
  }

  /** Packed values by turns with their keys, in the order of keys; `limit` -1: all. */
  list(prefix, limit = -1) {
    return this.#run(op_do_kv_list, [undefined, undefined, undefined, prefix], false, limit);
  }

  /** Deletes what begins with one of these. */
  clear(...prefixes) {
    for (let i = 0; i < prefixes.length; i++) {
      const found = this.list(prefixes[i]);
      for (let j = 0; j < found.length; j += 2) this.delete(found[j]);
    }
  }

  /** When the object is woken; NaN: it is not. */
  setAlarm(time) {
    this.#run(op_do_alarm_set, time, false);
  }

  deleteAll() {
    this.#run(op_do_delete_all, false);
  }

  /** The result of a step, or the error with which it ended. */
  result(key, step) {
    if (step.stream === undefined) return this.read(RESULTS + key);
    return core.loadExtScript("ext:selvedge_workflows/streams.js").again(this, key, step.stream);
  }

  /** Deletes a step with all that it gave. */
  forget(key) {
    this.delete(STEPS + key);
    this.delete(RESULTS + key);
    this.clear(`${CHUNKS}${key}:`);
  }

  /** The records of all steps, or of what undid them, in the order in which they began. */
  steps(prefix = STEPS) {
    const found = this.list(prefix);
    const steps = [];
    for (let i = 0; i < found.length; i += 2) ArrayPrototypePush(steps, [found[i], unpack(found[i + 1])]);
    return ArrayPrototypeSort(steps, (one, other) => one[1].order - other[1].order);
  }
}

return {
  bareMessage,
  CHUNKS,
  EVENTS,
  FACTS,
  isTooLarge,
  named,
  OUTPUT,
  pack,
  PARAMS,
  plainError,
  Records,
  RESULTS,
  sortable,
  STATE,
  STEPS,
  UNDOS,
  unpack,
};
})();
