// `storage.sql`: SQL on the object's own database
// (https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/#sql-api).
(function () {
const { core, primordials } = __bootstrap;
const { op_do_sql_close, op_do_sql_exec, op_do_sql_next, op_do_sql_size } = core.ops;
const {
  ArrayBufferIsView,
  ArrayPrototypePush,
  Error,
  FinalizationRegistryPrototypeRegister,
  ObjectDefineProperty,
  SafeFinalizationRegistry,
  SymbolIterator,
  SymbolToStringTag,
  TypeError,
  Uint8Array,
} = primordials;

const internal = { __proto__: null };
/** More rows than there are. */
const ALL = 0x7fffffff;

const ILLEGAL_INVOCATION = "Illegal invocation: function called with incorrect `this` reference. " +
  "See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.";
const NOT_ENABLED =
  "SQL is not enabled for this Durable Object class. To enable it, change `new_classes` to " +
  "`new_sqlite_classes` within the 'migrations' field in your wrangler.jsonc or wrangler.toml file. " +
  "If using workerd directly,set `enableSql = true` in your workerd config for the class. Note that this " +
  "change cannot be made after the class is already deployed to production.";

/** What is bound to a parameter: null, a number, text, or bytes. */
function bindingOf(value) {
  switch (typeof value) {
    case "number":
    case "string":
    case "undefined":
      return value;
    case "bigint":
      throw new TypeError("Cannot convert a BigInt value to a number");
  }
  if (value === null || ArrayBufferIsView(value)) return value;
  if (core.isAnyArrayBuffer(value)) return new Uint8Array(value);
  return `${value}`;
}

class SqlStorage {
  #storage;

  constructor(marker, storage) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
    this.#storage = storage;
  }

  static #of(self) {
    if (typeof self !== "object" || self === null || !(#storage in self)) {
      throw new TypeError(ILLEGAL_INVOCATION);
    }
    const storage = self.#storage;
    storage.check();
    return storage;
  }

  exec(query) {
    const storage = SqlStorage.#of(this);
    if (arguments.length === 0) {
      throw new TypeError("Failed to execute 'exec' on 'SqlStorage': parameter 1 is not of type 'String'.");
    }
    const text = typeof query === "string" ? query : `${query}`;
    const bindings = [];
    for (let i = 1; i < arguments.length; i++) ArrayPrototypePush(bindings, bindingOf(arguments[i]));
    if (!storage.hasSql) throw new Error(NOT_ENABLED);
    try {
      return new Cursor(internal, storage, op_do_sql_exec(storage.number, text, bindings));
    } catch (error) {
      throw storage.failure(error);
    }
  }

  get databaseSize() {
    const storage = SqlStorage.#of(this);
    if (!storage.hasSql) throw new Error(NOT_ENABLED);
    try {
      return op_do_sql_size(storage.number);
    } catch (error) {
      throw storage.failure(error);
    }
  }

  get Cursor() {
    SqlStorage.#of(this);
    return Cursor;
  }

  get Statement() {
    SqlStorage.#of(this);
    return Statement;
  }
}

/** There is no way to make one: `prepare()` is gone. */
class Statement {
  constructor() {
    throw new TypeError("Illegal constructor");
  }
}

/** Cursors that were forgotten with rows left hold their object's connection. */
let forgotten = null;

function watch(cursor, number, id) {
  if (forgotten === null) {
    forgotten = new SafeFinalizationRegistry((held) => op_do_sql_close(held.number, held.id));
  }
  FinalizationRegistryPrototypeRegister(forgotten, cursor, { __proto__: null, number, id });
}

let rowsOf;

class Cursor {
  #storage;
  /** The host's number of it; 0 when there are no more rows. */
  #id;
  #names;
  #read;
  #written;

  constructor(marker, storage, opened) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
    this.#storage = storage;
    this.#id = opened[0];
    this.#names = opened[1];
    this.#read = opened[2];
    this.#written = opened[3];
    if (this.#id !== 0) watch(this, storage.number, this.#id);
  }

  static #of(self) {
    if (typeof self !== "object" || self === null || !(#storage in self)) {
      throw new TypeError(ILLEGAL_INVOCATION);
    }
    return self;
  }

  /** Up to so many rows, after three numbers. */
  #rows(count, isRaw) {
    const storage = this.#storage;
    storage.check();
    const id = this.#id;
    if (id === 0) return null;
    // An error ends it.
    this.#id = 0;
    let rows;
    try {
      rows = op_do_sql_next(storage.number, id, count, isRaw);
    } catch (error) {
      throw storage.failure(error);
    }
    if (!rows[0]) this.#id = id;
    this.#read = rows[1];
    this.#written = rows[2];
    return rows;
  }

  #all(isRaw) {
    const rows = this.#rows(ALL, isRaw);
    const all = [];
    if (rows !== null) for (let i = 3; i < rows.length; i++) ArrayPrototypePush(all, rows[i]);
    return all;
  }

  #one(isRaw) {
    const rows = this.#rows(1, isRaw);
    return rows === null ? { done: true, value: undefined } : { done: false, value: rows[3] };
  }

  next() {
    return Cursor.#of(this).#one(false);
  }

  toArray() {
    return Cursor.#of(this).#all(false);
  }

  one() {
    const rows = Cursor.#of(this).#rows(1, false);
    if (rows === null) throw new Error("Expected exactly one result from SQL query, but got no results.");
    if (this.#id !== 0) {
      op_do_sql_close(this.#storage.number, this.#id);
      this.#id = 0;
      throw new Error("Expected exactly one result from SQL query, but got multiple results.");
    }
    return rows[3];
  }

  raw() {
    return new RawIterator(internal, Cursor.#of(this));
  }

  get columnNames() {
    const names = Cursor.#of(this).#names;
    const copy = [];
    for (let i = 0; i < names.length; i++) ArrayPrototypePush(copy, names[i]);
    return copy;
  }

  get rowsRead() {
    return Cursor.#of(this).#read;
  }

  get rowsWritten() {
    return Cursor.#of(this).#written;
  }

  [SymbolIterator]() {
    return this;
  }

  static {
    rowsOf = (cursor, isOne) => isOne ? cursor.#one(true) : cursor.#all(true);
  }
}

/** The rows of a cursor as arrays. */
class RawIterator {
  #cursor;

  constructor(marker, cursor) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
    this.#cursor = cursor;
  }

  next() {
    return rowsOf(this.#cursor, true);
  }

  toArray() {
    return rowsOf(this.#cursor, false);
  }

  [SymbolIterator]() {
    return this;
  }
}

const named = [[SqlStorage, "SqlStorage"], [Statement, "Statement"], [Cursor, "Cursor"], [
  RawIterator,
  "RawIterator",
]];
for (let i = 0; i < named.length; i++) {
  ObjectDefineProperty(named[i][0].prototype, SymbolToStringTag, {
    __proto__: null,
    value: named[i][1],
    configurable: true,
  });
}

function makeSql(storage) {
  return new SqlStorage(internal, storage);
}

return { makeSql };
})();
