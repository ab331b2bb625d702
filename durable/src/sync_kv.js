// `storage.kv`: keys and values without promises
// (https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/#synchronous-kv-api).
(function () {
const { core, primordials } = __bootstrap;
const { op_do_kv_delete, op_do_kv_get, op_do_kv_list, op_do_kv_put } = core.ops;
const {
  Error,
  ObjectDefineProperty,
  SymbolIterator,
  SymbolToStringTag,
  TypeError,
} = primordials;

const internal = { __proto__: null };
/** Keys that an iterator reads at a time. */
const PAGE = 64;

const ILLEGAL_INVOCATION = "Illegal invocation: function called with incorrect `this` reference. " +
  "See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.";
const NOT_SQLITE =
  "The storage.kv (synchronous KV) API is only available for SQLite-backed Durable Objects, but this " +
  "object's namespace is not declared to use SQLite. You can use the older, asyncronous interface via " +
  "methods of `storage` itself (e.g. `storage.get()`). Alternatively, to enable SQLite, change " +
  "`new_classes` to `new_sqlite_classes` within the 'migrations' field in your wrangler.jsonc or " +
  "wrangler.toml file. If using workerd directly, set `enableSql = true` in your workerd config for the " +
  "class. Note that this change cannot be made after the class is already deployed to production.";
const INVALIDATED = "kv.list() iterator was invalidated because a new call to kv.list() was started. Only " +
  "one kv.list() iterator can exist at a time.";

class SyncKvStorage {
  #storage;
  #tools;

  constructor(marker, storage, tools) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
    this.#storage = storage;
    this.#tools = tools;
  }

  static #open(self) {
    if (typeof self !== "object" || self === null || !(#storage in self)) {
      throw new TypeError(ILLEGAL_INVOCATION);
    }
    self.#storage.check();
  }

  static #checkSql(self) {
    if (!self.#storage.hasSql) throw new Error(NOT_SQLITE);
  }

  get(key) {
    SyncKvStorage.#open(this);
    const storage = this.#storage;
    const { deserialize, missing, stringOf } = this.#tools;
    if (arguments.length === 0) throw missing("get", "SyncKvStorage", 1, "string");
    const name = stringOf(key);
    SyncKvStorage.#checkSql(this);
    try {
      return deserialize(op_do_kv_get(storage.number, name));
    } catch (error) {
      throw storage.failure(error);
    }
  }

  list(options = undefined) {
    SyncKvStorage.#open(this);
    const { optionsOf, rangeOf } = this.#tools;
    const range = rangeOf(optionsOf(options, "list", "SyncKvStorage", 1, "ListOptions"));
    SyncKvStorage.#checkSql(this);
    return new ListIterator(internal, this.#storage, range, this.#tools.deserialize);
  }

  put(key, value) {
    SyncKvStorage.#open(this);
    const storage = this.#storage;
    const { missing, serialize, stringOf } = this.#tools;
    if (arguments.length === 0) throw missing("put", "SyncKvStorage", 1, "string");
    const name = stringOf(key);
    if (arguments.length === 1) throw missing("put", "SyncKvStorage", 2, "Value");
    SyncKvStorage.#checkSql(this);
    try {
      op_do_kv_put(storage.number, name, serialize(value), false);
    } catch (error) {
      throw storage.failure(error);
    }
  }

  delete(key) {
    SyncKvStorage.#open(this);
    const storage = this.#storage;
    const { missing, stringOf } = this.#tools;
    if (arguments.length === 0) throw missing("delete", "SyncKvStorage", 1, "string");
    const name = stringOf(key);
    SyncKvStorage.#checkSql(this);
    try {
      return op_do_kv_delete(storage.number, name, false);
    } catch (error) {
      throw storage.failure(error);
    }
  }
}

/** Keys with their values, read a page at a time. */
class ListIterator {
  #storage;
  #range;
  #deserialize;
  #page = [];
  #at = 0;
  /** Keys that may still come; below zero without a limit. */
  #left;
  #isLast = false;

  constructor(marker, storage, range, deserialize) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
    this.#storage = storage;
    this.#range = range;
    this.#left = range.limit;
    this.#deserialize = deserialize;
    storage.listing = this;
    this.#read();
  }

  #read() {
    const { bounds, reverse } = this.#range;
    const count = this.#left >= 0 && this.#left < PAGE ? this.#left : PAGE;
    try {
      this.#page = op_do_kv_list(this.#storage.number, bounds, reverse, count);
    } catch (error) {
      throw this.#storage.failure(error);
    }
    this.#at = 0;
    const found = this.#page.length / 2;
    if (this.#left >= 0) this.#left -= found;
    this.#isLast = found < count || this.#left === 0;
    if (found > 0) {
      const last = this.#page[this.#page.length - 2];
      // From there on: `start` and `startAfter`, or `end`.
      if (reverse) bounds[2] = last;
      else {
        bounds[0] = undefined;
        bounds[1] = last;
      }
    }
  }

  next() {
    if (typeof this !== "object" || this === null || !(#storage in this)) {
      throw new TypeError(ILLEGAL_INVOCATION);
    }
    const storage = this.#storage;
    storage.check();
    if (storage.listing !== this) {
      if (this.#isLast && this.#at === this.#page.length) return { done: true, value: undefined };
      throw new Error(INVALIDATED);
    }
    if (this.#at === this.#page.length && !this.#isLast) this.#read();
    if (this.#at === this.#page.length) return { done: true, value: undefined };
    const key = this.#page[this.#at];
    const value = this.#deserialize(this.#page[this.#at + 1]);
    this.#at += 2;
    return { done: false, value: [key, value] };
  }

  [SymbolIterator]() {
    return this;
  }
}

const named = [[SyncKvStorage, "SyncKvStorage"], [ListIterator, "ListIterator"]];
for (let i = 0; i < named.length; i++) {
  ObjectDefineProperty(named[i][0].prototype, SymbolToStringTag, {
    __proto__: null,
    value: named[i][1],
    configurable: true,
  });
}

function makeKv(storage, tools) {
  return new SyncKvStorage(internal, storage, tools);
}

return { makeKv };
})();
