// `ctx.storage` of a Durable Object
// (https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/).
//
// Reads and writes happen within the call, so that the promises given here are
// settled already. What an object wrote is committed when the turn of its
// isolate is over; `unconfirmed()` tells what leaves the object to wait for.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  op_do_alarm_get,
  op_do_alarm_set,
  op_do_bookmark_current,
  op_do_bookmark_for_time,
  op_do_bookmark_restore,
  op_do_delete_all,
  op_do_facets_exist,
  op_do_kv_delete,
  op_do_kv_delete_many,
  op_do_kv_get,
  op_do_kv_get_many,
  op_do_kv_list,
  op_do_kv_put,
  op_do_kv_put_many,
  op_do_savepoint_begin,
  op_do_savepoint_end,
  op_do_storage_close,
  op_do_storage_failed,
  op_do_storage_has_sql,
  op_do_storage_open,
  op_do_storage_unconfirmed,
  op_do_storage_wait,
} = core.ops;
const {
  ArrayIsArray,
  ArrayPrototypePush,
  DateNow,
  DatePrototypeGetTime,
  Error,
  MapPrototypeSet,
  MathTrunc,
  NumberIsFinite,
  NumberIsNaN,
  ObjectDefineProperty,
  ObjectGetPrototypeOf,
  ObjectKeys,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  RangeError,
  Map,
  SymbolToStringTag,
  TypeError,
} = primordials;
const { headers: headerLists, io: contexts, request: requests, response: responses } = internals.selvedge;
const { getAsyncContext, setAsyncContext } = core;
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const stored = core.loadExtScript("ext:selvedge_durable/stored_errors.js");
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");
const { AbortSignal } = core.loadExtScript("ext:deno_web/03_abort_signal.js");

const internal = { __proto__: null };
const NO_OPTIONS = { __proto__: null };

/** Keys or pairs that one call takes. */
const MAX_KEYS = 128;
/** The last time that an alarm can have: nanoseconds since 1970 in 63 bits. */
const MAX_TIME = 9223372036854;

const ILLEGAL_INVOCATION = "Illegal invocation: function called with incorrect `this` reference. " +
  "See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.";
const OUT_OF_RANGE = "Value out of range. Must be between -2147483648 and 2147483647 (inclusive).";
const PUT_FORMS = "put() may only be called with a single key-value pair and optional options as " +
  "put(key, value, options) or with multiple key-value pairs and optional options as put(entries, options)";
const NO_ALARM_HANDLER = "Your Durable Object class must have an alarm() handler in order to call setAlarm()";
const RESET = "Internal error in Durable Object storage caused object to be reset.";
const WRITE_RESET = "Internal error in Durable Object storage write caused object to be reset.";

/** The storage of an object, as the classes here share it. */
class Storage {
  actor;
  /** The host's number of it; -1 when it is closed. */
  number;
  hasSql;
  /** Why it is closed. */
  closed = null;
  /** The commit that is waited for, and the promise of that. */
  commit = 0;
  written = null;
  /** The innermost explicit transaction. */
  transaction = null;
  /** The iterator of `kv.list()` that counts. */
  listing = null;

  constructor(actor, number) {
    this.actor = actor;
    this.number = number;
    this.hasSql = op_do_storage_has_sql(number);
  }

  /** Throws unless the object's own code calls, and it lives. */
  check() {
    const { io } = this.actor;
    if (contexts.current() !== io) contexts.checkOwner(io);
    if (this.number < 0) throw this.closed;
  }

  /** What a Worker gets for what an op threw; a storage that failed ends the object. */
  failure(error) {
    if (this.number < 0 || !op_do_storage_failed(this.number)) return error;
    return this.reset(RESET);
  }

  reset(text) {
    const error = new Error(text);
    error.durableObjectReset = true;
    core.loadExtScript("ext:selvedge_durable/actor.js").breakActor(this.actor, error);
    return error;
  }
}

// ----- Values, keys, options. -----

/** Objects of the platform have nothing that could be stored: that is told. */
function refuseToStore(Class, name) {
  ObjectDefineProperty(Class.prototype, core.hostObjectBrand, {
    __proto__: null,
    value() {
      throw new DOMException(
        `Could not serialize object of type "${name}". This type does not support serialization.`,
        "DataCloneError",
      );
    },
  });
}

/** What an op stores: a primitive value, or the bytes of one that is none. */
function serialize(value) {
  switch (typeof value) {
    case "boolean":
    case "number":
    case "string":
    case "undefined":
      return value;
  }
  return value === null ? null : stored.serialize(value);
}

function deserialize(value) {
  return typeof value === "object" && value !== null ? stored.deserialize(value) : value;
}

function isObject(value) {
  return typeof value === "object" && value !== null || typeof value === "function";
}

/** A string, as workerd makes it of any value: a symbol throws. */
function stringOf(value) {
  return typeof value === "string" ? value : `${value}`;
}

function stringsOf(values) {
  const strings = [];
  for (let i = 0; i < values.length; i++) ArrayPrototypePush(strings, stringOf(values[i]));
  return strings;
}

function missing(method, owner, position, type) {
  return new TypeError(`Failed to execute '${method}' on '${owner}': parameter ${position} is not of type '${type}'.`);
}

/** An object of options, or what stands for none. */
function optionsOf(options, method, owner, position, type) {
  if (options === undefined || options === null) return NO_OPTIONS;
  if (!isObject(options)) throw missing(method, owner, position, type);
  return options;
}

function checkCount(count, what) {
  if (count > MAX_KEYS) throw new RangeError(`Maximum number of ${what} is ${MAX_KEYS}.`);
}

/** What `list` is asked for, as the op takes it. */
function rangeOf(options) {
  const text = (value) => value === undefined ? undefined : stringOf(value);
  const { limit, reverse, start, startAfter, end, prefix } = options;
  const range = {
    __proto__: null,
    bounds: [text(start), text(startAfter), text(end), text(prefix)],
    reverse: !!reverse,
    limit: -1,
  };
  if (start !== undefined && startAfter !== undefined) {
    throw new TypeError("list() cannot be called with both start and startAfter values.");
  }
  if (limit !== undefined) {
    const number = +limit;
    const whole = NumberIsFinite(number) ? MathTrunc(number) : 0;
    if (whole < -2147483648 || whole > 2147483647) throw new TypeError(OUT_OF_RANGE);
    if (whole <= 0) throw new TypeError("List limit must be positive.");
    range.limit = whole;
  }
  return range;
}

/** A map of what an op gave: keys and values by turns. */
function mapOf(flat) {
  const map = new Map();
  for (let i = 0; i < flat.length; i += 2) MapPrototypeSet(map, flat[i], deserialize(flat[i + 1]));
  return map;
}

/** A time in Unix ms, of an alarm or a bookmark, from a number or a Date. */
function timeOf(value, owner, method = "setAlarm") {
  let time = value;
  if (typeof value !== "number") {
    try {
      time = DatePrototypeGetTime(value);
    } catch {
      throw missing(method, owner, 1, "date");
    }
  }
  if (!NumberIsFinite(time)) throw new TypeError("The value cannot be converted because it is not a valid Date.");
  if (time > MAX_TIME) throw new TypeError("This API doesn't support dates after 2189.");
  return MathTrunc(time);
}

// ----- What storage and transactions have in common. -----

/** Runs `act` and gives a promise of its result; `owner` says for which class. */
function promised(storage, act) {
  try {
    storage.check();
    return PromiseResolve(act(storage.number));
  } catch (error) {
    return PromiseReject(storage.failure(error));
  }
}

/** The methods of both classes, as functions of the storage and their arguments. */
const operations = {
  __proto__: null,

  get(storage, owner, args) {
    return promised(storage, (number) => {
      const key = args[0];
      if (key === undefined && args.length === 0) throw missing("get", owner, 1, "string or Array");
      optionsOf(args[1], "get", owner, 2, "GetOptions");
      if (!ArrayIsArray(key)) return deserialize(op_do_kv_get(number, stringOf(key)));
      const keys = stringsOf(key);
      checkCount(keys.length, "keys");
      return mapOf(op_do_kv_get_many(number, keys));
    });
  },

  list(storage, owner, args) {
    return promised(storage, (number) => {
      const range = rangeOf(optionsOf(args[0], "list", owner, 1, "ListOptions"));
      return mapOf(op_do_kv_list(number, range.bounds, range.reverse, range.limit));
    });
  },

  put(storage, owner, args) {
    return promised(storage, (number) => {
      const key = args[0];
      const value = args[1];
      if (args.length === 0) throw missing("put", owner, 1, "string or object");
      if (isObject(key) && !ArrayIsArray(key)) {
        if (value !== undefined && value !== null && !isObject(value)) throw new TypeError(PUT_FORMS);
        const options = value ?? optionsOf(args[2], "put", owner, 3, "PutOptions");
        putMany(number, key, options);
        return undefined;
      }
      const options = optionsOf(args[2], "put", owner, 3, "PutOptions");
      const name = stringOf(key);
      if (value === undefined) throw new TypeError("put() called with undefined value.");
      const isUnconfirmed = !!options.allowUnconfirmed;
      op_do_kv_put(number, name, serialize(value), isUnconfirmed);
      return undefined;
    });
  },

  delete(storage, owner, args) {
    return promised(storage, (number) => {
      const key = args[0];
      if (args.length === 0) throw missing("delete", owner, 1, "string or Array");
      const isUnconfirmed = !!optionsOf(args[1], "delete", owner, 2, "PutOptions").allowUnconfirmed;
      if (!ArrayIsArray(key)) return op_do_kv_delete(number, stringOf(key), isUnconfirmed);
      const keys = stringsOf(key);
      checkCount(keys.length, "keys");
      return op_do_kv_delete_many(number, keys, isUnconfirmed);
    });
  },

  getAlarm(storage, owner, args) {
    return promised(storage, (number) => {
      optionsOf(args[0], "getAlarm", owner, 1, "GetAlarmOptions");
      const time = op_do_alarm_get(number);
      return NumberIsNaN(time) ? null : time;
    });
  },

  setAlarm(storage, owner, args) {
    return promised(storage, (number) => {
      const time = timeOf(args[0], owner);
      const options = optionsOf(args[1], "setAlarm", owner, 2, "SetAlarmOptions");
      if (time <= 0) throw new TypeError("setAlarm() cannot be called with an alarm time <= 0");
      const { instance } = storage.actor;
      // There is no instance yet while its constructor runs.
      if (instance !== null && typeof instance.alarm !== "function") throw new TypeError(NO_ALARM_HANDLER);
      if (storage.actor.home.facet !== null) throw new Error("Facets currently cannot set alarms.");
      const now = DateNow();
      op_do_alarm_set(number, time < now ? now : time, !!options.allowUnconfirmed);
      return undefined;
    });
  },

  deleteAlarm(storage, owner, args) {
    return promised(storage, (number) => {
      const options = optionsOf(args[0], "deleteAlarm", owner, 1, "SetAlarmOptions");
      op_do_alarm_set(number, NaN, !!options.allowUnconfirmed);
      return undefined;
    });
  },
};

function putMany(number, object, options) {
  const isUnconfirmed = !!options.allowUnconfirmed;
  const keys = ObjectKeys(object);
  const entries = [];
  for (let i = 0; i < keys.length; i++) {
    const value = object[keys[i]];
    if (value !== undefined) ArrayPrototypePush(entries, keys[i], serialize(value));
  }
  checkCount(entries.length / 2, "pairs");
  op_do_kv_put_many(number, entries, isUnconfirmed);
}

// ----- The class. -----

class DurableObjectStorage {
  #storage;
  #sql = null;
  #kv = null;

  constructor(marker, storage) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
    this.#storage = storage;
  }

  static #of(self) {
    if (!isObject(self) || !(#storage in self)) throw new TypeError(ILLEGAL_INVOCATION);
    return self.#storage;
  }

  get() {
    return operations.get(DurableObjectStorage.#of(this), "DurableObjectStorage", arguments);
  }

  list() {
    return operations.list(DurableObjectStorage.#of(this), "DurableObjectStorage", arguments);
  }

  put() {
    return operations.put(DurableObjectStorage.#of(this), "DurableObjectStorage", arguments);
  }

  delete() {
    return operations.delete(DurableObjectStorage.#of(this), "DurableObjectStorage", arguments);
  }

  deleteAll(options = undefined) {
    return promised(DurableObjectStorage.#of(this), (number) => {
      const { allowUnconfirmed } = optionsOf(options, "deleteAll", "DurableObjectStorage", 1, "PutOptions");
      op_do_delete_all(number, !!allowUnconfirmed);
      const { actor } = DurableObjectStorage.#of(this);
      if (actor.facets !== null || op_do_facets_exist(actor.home.rid)) {
        core.loadExtScript("ext:selvedge_durable/facets.js").deleteAll(actor);
      }
      return undefined;
    });
  }

  transaction(callback, options = undefined) {
    const storage = DurableObjectStorage.#of(this);
    try {
      storage.check();
      if (typeof callback !== "function") throw missing("transaction", "DurableObjectStorage", 1, "function");
      optionsOf(options, "transaction", "DurableObjectStorage", 2, "TransactionOptions");
      return core.loadExtScript("ext:selvedge_durable/transaction.js").transaction(storage, operations, callback);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  getAlarm() {
    return operations.getAlarm(DurableObjectStorage.#of(this), "DurableObjectStorage", arguments);
  }

  setAlarm() {
    return operations.setAlarm(DurableObjectStorage.#of(this), "DurableObjectStorage", arguments);
  }

  deleteAlarm() {
    return operations.deleteAlarm(DurableObjectStorage.#of(this), "DurableObjectStorage", arguments);
  }

  sync() {
    const storage = DurableObjectStorage.#of(this);
    return promised(storage, (number) => {
      const commit = op_do_storage_unconfirmed(number, true);
      if (commit === 0) return undefined;
      // Like all that an object waits for, its end passes the gate.
      return PromisePrototypeThen(op_do_storage_wait(number, commit), () => undefined, () => {
        throw storage.reset(WRITE_RESET);
      });
    });
  }

  transactionSync(callback) {
    const storage = DurableObjectStorage.#of(this);
    storage.check();
    if (typeof callback !== "function") throw missing("transactionSync", "DurableObjectStorage", 1, "function");
    return atOnce(storage, callback);
  }

  getCurrentBookmark() {
    return promised(DurableObjectStorage.#of(this), (number) => op_do_bookmark_current(number));
  }

  getBookmarkForTime(time) {
    const given = arguments.length;
    return promised(DurableObjectStorage.#of(this), (number) => {
      if (given === 0) throw missing("getBookmarkForTime", "DurableObjectStorage", 1, "date");
      return op_do_bookmark_for_time(number, timeOf(time, "DurableObjectStorage", "getBookmarkForTime"));
    });
  }

  onNextSessionRestoreBookmark(bookmark) {
    const given = arguments.length;
    return promised(DurableObjectStorage.#of(this), (number) => {
      if (given === 0) throw missing("onNextSessionRestoreBookmark", "DurableObjectStorage", 1, "string");
      return op_do_bookmark_restore(number, stringOf(bookmark));
    });
  }

  get sql() {
    const storage = DurableObjectStorage.#of(this);
    if (this.#sql === null) this.#sql = core.loadExtScript("ext:selvedge_durable/sql.js").makeSql(storage);
    return this.#sql;
  }

  get kv() {
    const storage = DurableObjectStorage.#of(this);
    if (this.#kv === null) this.#kv = core.loadExtScript("ext:selvedge_durable/sync_kv.js").makeKv(storage, tools);
    return this.#kv;
  }
}

refuseToStore(AbortSignal, "AbortSignal");
refuseToStore(DurableObjectStorage, "DurableObjectStorage");
refuseToStore(headerLists.Headers, "Headers");
refuseToStore(requests.Request, "Request");
refuseToStore(responses.Response, "Response");
refuseToStore(URL, "URL");

ObjectDefineProperty(DurableObjectStorage.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "DurableObjectStorage",
  configurable: true,
});

/** What the classes of other scripts use. */
const tools = { __proto__: null, deserialize, missing, optionsOf, rangeOf, serialize, stringOf };

/** `transactionSync()`: all that the callback writes, or nothing. */
function atOnce(storage, callback) {
  const { number } = storage;
  try {
    op_do_savepoint_begin(number);
  } catch (error) {
    throw storage.failure(error);
  }
  let result;
  try {
    result = callback();
  } catch (error) {
    // The callback may have ended its object.
    if (storage.number >= 0) endSavepoint(storage, false);
    throw error;
  }
  if (storage.number >= 0) endSavepoint(storage, true);
  return result;
}

function endSavepoint(storage, isKept) {
  try {
    op_do_savepoint_end(storage.number, isKept);
  } catch (error) {
    throw storage.failure(error);
  }
}

// ----- For the object itself. -----

/** `null`, or the promise that all that counts is on disk. */
function unconfirmed(storage) {
  const { number } = storage;
  if (number < 0) return null;
  const commit = op_do_storage_unconfirmed(number, false);
  if (commit === 0) return null;
  if (storage.written !== null && storage.commit >= commit) return storage.written;
  // It settles whatever the gate says: what waits passes that afterwards.
  const before = getAsyncContext();
  setAsyncContext(undefined);
  const written = PromisePrototypeThen(op_do_storage_wait(number, commit), () => {
    if (storage.written === written) storage.written = null;
  }, () => {
    throw storage.reset(WRITE_RESET);
  });
  PromisePrototypeThen(written, undefined, () => {});
  setAsyncContext(before);
  storage.commit = commit;
  storage.written = written;
  return written;
}

let refusesIds = false;

function close(storage, isBroken) {
  if (storage.number < 0) return;
  const { number } = storage;
  storage.number = -1;
  storage.closed = storage.actor.broken ?? new Error("The Durable Object is not in memory any more.");
  op_do_storage_close(number, !isBroken);
}

/**
 * The object's storage: `api` is `ctx.storage`; `unconfirmed()` is `null` or
 * the promise that all written so far is on disk; `failure(error)` is what is
 * thrown for what an op threw; `close(broken)` ends it.
 * `null` where the namespace has no storage.
 */
function openStorage(actor) {
  const number = op_do_storage_open(actor.home.rid, actor.io.slot, actor.hex, actor.id.name);
  if (number < 0) return null;
  const storage = new Storage(actor, number);
  if (!refusesIds && typeof actor.id === "object") {
    refusesIds = true;
    refuseToStore({ __proto__: null, prototype: ObjectGetPrototypeOf(actor.id) }, "DurableObjectId");
  }
  return {
    __proto__: null,
    number,
    api: new DurableObjectStorage(internal, storage),
    failure: (error) => storage.failure(error),
    unconfirmed: () => unconfirmed(storage),
    close: (isBroken) => close(storage, isBroken),
  };
}

return { openStorage };
})();
