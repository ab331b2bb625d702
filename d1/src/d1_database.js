// D1: classes D1Database, D1PreparedStatement and D1DatabaseSession, as
// https://developers.cloudflare.com/d1/worker-api/ has them. What SQL may do is
// checked behind the ops; here are the shape, the types, and the texts about them.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  op_d1_batch,
  op_d1_batch_later,
  op_d1_bookmark,
  op_d1_dump,
  op_d1_query,
  op_d1_query_later,
} = core.ops;
const {
  ArrayIsArray,
  ArrayPrototypePush,
  ArrayPrototypeUnshift,
  Error,
  ObjectDefineProperty,
  ObjectPrototypeHasOwnProperty,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  StringPrototypeSplit,
  StringPrototypeTrim,
  Symbol,
  SymbolToStringTag,
  TypeError,
  Uint8Array,
} = primordials;
const { viewOf } = internals;
const { io: contexts } = internals.selvedge;

/** As what the ops give rows. */
const OBJECTS = 0;
const RAW = 1;
const FIRST = 2;

const ILLEGAL_INVOCATION = "Illegal invocation: function called with incorrect `this` reference. " +
  "See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.";

const internal = Symbol("internal");

/** An error with its kind before the text, and the text alone as its cause. */
function failure(kind, text) {
  return new Error(`${kind}: ${text}`, { __proto__: null, cause: new Error(text) });
}

/** What a refused call is told: the op gives the number of its query and the text. */
function refusal(refused) {
  return failure("D1_ERROR", StringPrototypeSlice(refused, StringPrototypeIndexOf(refused, ":") + 1));
}

/** The bytes of a buffer or view, copied; null when it is neither. */
function bytesOf(value) {
  const view = viewOf(value);
  return view === null ? null : new Uint8Array(view);
}

/** An array of numbers from 0 to 255 as bytes; null when it is another one. */
function bytesOfList(list) {
  const length = list.length;
  for (let i = 0; i < length; i++) {
    const byte = list[i];
    if (typeof byte !== "number" || !(byte >= 0 && byte < 256)) return null;
  }
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = list[i];
  return bytes;
}

/** A value as it is bound: null, a number, a string or bytes. */
function bound(value) {
  switch (typeof value) {
    case "number":
    case "string":
      return value;
    case "boolean":
      return value ? 1 : 0;
    case "object": {
      if (value === null) return null;
      const bytes = ArrayIsArray(value) ? bytesOfList(value) : bytesOf(value);
      if (bytes !== null) return bytes;
    }
  }
  throw failure("D1_TYPE_ERROR", `Type '${typeof value}' not supported for value '${value}'`);
}

function boundAll(values) {
  const all = [];
  for (let i = 0; i < values.length; i++) ArrayPrototypePush(all, bound(values[i]));
  return all;
}

/** What `all` gives, from the op's array: rows and figures. */
function resultOf(given) {
  return {
    success: true,
    meta: {
      served_by: "selvedge",
      served_by_primary: true,
      duration: given[2],
      timings: { sql_duration_ms: given[2] },
      changes: given[3],
      last_row_id: given[4],
      changed_db: given[1],
      size_after: given[5],
      rows_read: given[6],
      rows_written: given[7],
      total_attempts: 1,
    },
    results: given[0],
  };
}

function resultsOf(given) {
  const results = [];
  for (let i = 0; i < given.length; i++) ArrayPrototypePush(results, resultOf(given[i]));
  return results;
}

/** Goes on with what an op gave, at once or later. A promise. */
function answer(session, io, given, later, then) {
  if (typeof given !== "number") {
    return PromiseResolve(taken(session, given, then));
  }
  return PromisePrototypeThen(later(-1 - given, io.slot), (given) => taken(session, given, then));
}

function taken(session, given, then) {
  if (typeof given === "string") throw refusal(given);
  session.reached();
  return then(given);
}

/** Runs a statement; `then` makes of the op's answer what the caller gets. */
function query(session, statement, kind, then) {
  const io = contexts.requiredOpen();
  const { rid } = session;
  const sql = textOf(statement.statement);
  const given = op_d1_query(rid, io.slot, sql, boundAll(statement.params), kind);
  return answer(session, io, given, op_d1_query_later, then);
}

function textOf(sql) {
  if (typeof sql !== "string") {
    throw failure("D1_ERROR", `the SQL of a statement must be a string, not ${sql === null ? "null" : typeof sql}`);
  }
  return sql;
}

/** Runs many queries, all or none. */
function batch(session, texts, params, then) {
  const io = contexts.requiredOpen();
  const given = op_d1_batch(session.rid, io.slot, texts, params);
  return answer(session, io, given, op_d1_batch_later, then);
}

function batchOf(session, statements) {
  if (!ArrayIsArray(statements)) {
    throw new TypeError("D1Database.batch() expects an array of D1PreparedStatements.");
  }
  const texts = [];
  const params = [];
  for (let i = 0; i < statements.length; i++) {
    const statement = statements[i];
    if (typeof statement !== "object" || statement === null) {
      throw new TypeError("D1Database.batch() expects an array of D1PreparedStatements.");
    }
    ArrayPrototypePush(texts, textOf(statement.statement));
    ArrayPrototypePush(params, boundAll(statement.params ?? []));
  }
  return batch(session, texts, params, resultsOf);
}

/** Runs each line of a text. */
function exec(session, sql) {
  const lines = StringPrototypeSplit(StringPrototypeTrim(`${sql}`), "\n");
  const params = [];
  for (let i = 0; i < lines.length; i++) ArrayPrototypePush(params, null);
  const io = contexts.requiredOpen();
  const given = op_d1_batch(session.rid, io.slot, lines, params);
  const done = (given) => {
    if (typeof given === "string") throw refusalOfLine(given, lines);
    session.reached();
    let duration = 0;
    for (let i = 0; i < given.length; i++) duration += given[i][2];
    return { count: given.length, duration };
  };
  if (typeof given !== "number") return PromiseResolve(done(given));
  return PromisePrototypeThen(op_d1_batch_later(-1 - given, io.slot), done);
}

function refusalOfLine(refused, lines) {
  const colon = StringPrototypeIndexOf(refused, ":");
  const line = +StringPrototypeSlice(refused, 0, colon);
  const text = StringPrototypeSlice(refused, colon + 1);
  return failure("D1_EXEC_ERROR", `Error in line ${line + 1}: ${lines[line]}: ${text}`);
}

function dump(rid) {
  const io = contexts.requiredOpen();
  return PromisePrototypeThen(op_d1_dump(rid, io.slot), (given) => {
    if (typeof given === "string") throw failure("D1_DUMP_ERROR", given);
    return given;
  });
}

/** What the statements of a database, or of a session, have of it. */
class Session {
  rid;
  bookmark;
  #isKept;

  constructor(rid, bookmark, isKept) {
    this.rid = rid;
    this.bookmark = bookmark;
    this.#isKept = isKept;
  }

  /** A query was answered: the state that it saw is remembered. */
  reached() {
    if (!this.#isKept) return;
    const now = op_d1_bookmark(this.rid);
    if (this.bookmark === null || this.bookmark < now) this.bookmark = now;
  }
}

class D1PreparedStatement {
  #session;

  constructor(token, session, statement, params) {
    if (token !== internal) throw new TypeError("Illegal constructor");
    this.#session = session;
    this.statement = statement;
    this.params = params;
  }

  bind(...values) {
    if (!(#session in this)) throw new TypeError(ILLEGAL_INVOCATION);
    return new D1PreparedStatement(internal, this.#session, this.statement, boundAll(values));
  }

  first(colName) {
    try {
      if (!(#session in this)) throw new TypeError(ILLEGAL_INVOCATION);
      return query(this.#session, this, FIRST, (row) => {
        if (row === null || colName === undefined) return row;
        if (!ObjectPrototypeHasOwnProperty(row, colName)) {
          throw new Error(`D1_COLUMN_NOTFOUND: Column not found (${colName})`, {
            __proto__: null,
            cause: new Error("Column not found"),
          });
        }
        return row[colName];
      });
    } catch (error) {
      return PromiseReject(error);
    }
  }

  run() {
    try {
      if (!(#session in this)) throw new TypeError(ILLEGAL_INVOCATION);
      return query(this.#session, this, OBJECTS, resultOf);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  all() {
    try {
      if (!(#session in this)) throw new TypeError(ILLEGAL_INVOCATION);
      return query(this.#session, this, OBJECTS, resultOf);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  raw(options) {
    try {
      if (!(#session in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const named = !!options?.columnNames;
      return query(this.#session, this, RAW, (given) => {
        const rows = given[1];
        if (named) ArrayPrototypeUnshift(rows, given[0]);
        return rows;
      });
    } catch (error) {
      return PromiseReject(error);
    }
  }
}

class D1DatabaseSession {
  #session;

  constructor(token, session) {
    if (token !== internal) throw new TypeError("Illegal constructor");
    this.#session = session;
  }

  prepare(query) {
    if (!(#session in this)) throw new TypeError(ILLEGAL_INVOCATION);
    return new D1PreparedStatement(internal, this.#session, query, []);
  }

  batch(statements) {
    try {
      if (!(#session in this)) throw new TypeError(ILLEGAL_INVOCATION);
      return batchOf(this.#session, statements);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  getBookmark() {
    if (!(#session in this)) throw new TypeError(ILLEGAL_INVOCATION);
    return this.#session.bookmark;
  }
}

/** A database. All calls of it see what was written before. */
class D1Database {
  #session;

  constructor(token, rid) {
    if (token !== internal) throw new TypeError("Illegal constructor");
    this.#session = new Session(rid, null, false);
  }

  prepare(query) {
    if (!(#session in this)) throw new TypeError(ILLEGAL_INVOCATION);
    return new D1PreparedStatement(internal, this.#session, query, []);
  }

  batch(statements) {
    try {
      if (!(#session in this)) throw new TypeError(ILLEGAL_INVOCATION);
      return batchOf(this.#session, statements);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  exec(query) {
    try {
      if (!(#session in this)) throw new TypeError(ILLEGAL_INVOCATION);
      return exec(this.#session, query);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  /**
   * A session: what it sees is never older than its bookmark. There is one copy of
   * a database here, so that holds for every constraint.
   */
  withSession(constraintOrBookmark) {
    if (!(#session in this)) throw new TypeError(ILLEGAL_INVOCATION);
    let from = constraintOrBookmark ?? "";
    if (typeof from !== "string") {
      throw new TypeError("D1Database.withSession() expects a constraint or a bookmark: a string.");
    }
    from = StringPrototypeTrim(from);
    const isConstraint = from === "" || from === "first-primary" || from === "first-unconstrained";
    const session = new Session(this.#session.rid, isConstraint ? null : from, true);
    return new D1DatabaseSession(internal, session);
  }

  dump() {
    try {
      if (!(#session in this)) throw new TypeError(ILLEGAL_INVOCATION);
      return dump(this.#session.rid);
    } catch (error) {
      return PromiseReject(error);
    }
  }
}

function tag(prototype, value) {
  ObjectDefineProperty(prototype, SymbolToStringTag, { __proto__: null, value, configurable: true });
}
tag(D1Database.prototype, "D1Database");
tag(D1DatabaseSession.prototype, "D1DatabaseSession");
tag(D1PreparedStatement.prototype, "D1PreparedStatement");

return { bind: (rid) => new D1Database(internal, rid) };
})();
