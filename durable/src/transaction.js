// `storage.transaction()`: a critical section of its object, all of whose writes
// are committed together, or none
// (https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/#transaction).
(function () {
const { core, primordials } = __bootstrap;
const { op_do_transaction_begin, op_do_transaction_end } = core.ops;
const {
  Error,
  ObjectDefineProperty,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  SymbolToStringTag,
  TypeError,
} = primordials;

const internal = { __proto__: null };
const ILLEGAL_INVOCATION = "Illegal invocation: function called with incorrect `this` reference. " +
  "See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.";

const OPEN = 0;
const COMMITTED = 1;
const ROLLED_BACK = 2;

/** One transaction: its storage, how it stands, and what is open within it. */
class Transaction {
  storage;
  operations;
  parent;
  state = OPEN;
  children = 0;

  constructor(storage, operations, parent) {
    this.storage = storage;
    this.operations = operations;
    this.parent = parent;
  }

  check(what) {
    if (this.state === ROLLED_BACK) throw new Error(`Cannot ${what}() on rolled back transaction`);
    if (this.state === COMMITTED) {
      throw new Error(
        `Cannot call ${what}() on transaction that has already committed: ` +
          "did you move `txn` outside of the closure?",
      );
    }
  }

  begin() {
    const { storage, parent } = this;
    storage.check();
    try {
      op_do_transaction_begin(storage.number);
    } catch (error) {
      throw storage.failure(error);
    }
    if (parent !== null) parent.children++;
    storage.transaction = this;
  }

  end(isKept) {
    if (this.state !== OPEN) return;
    const { storage, parent } = this;
    if (this.children > 0) {
      const what = isKept ? "commit" : "roll back";
      throw new Error(`Cannot ${what} an outer transaction while a nested transaction is still running.`);
    }
    this.state = isKept ? COMMITTED : ROLLED_BACK;
    if (parent !== null) parent.children--;
    storage.transaction = parent;
    // The object may have ended within it: all of it is undone then.
    if (storage.number < 0) return;
    try {
      op_do_transaction_end(storage.number, isKept);
    } catch (error) {
      throw storage.failure(error);
    }
  }
}

class DurableObjectTransaction {
  #transaction;

  constructor(marker, transaction) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
    this.#transaction = transaction;
  }

  static #of(self) {
    if (typeof self !== "object" || self === null || !(#transaction in self)) {
      throw new TypeError(ILLEGAL_INVOCATION);
    }
    return self.#transaction;
  }

  static #run(self, method, args) {
    const transaction = DurableObjectTransaction.#of(self);
    try {
      transaction.check(method);
    } catch (error) {
      return PromiseReject(error);
    }
    return transaction.operations[method](transaction.storage, "DurableObjectTransaction", args);
  }

  get() {
    return DurableObjectTransaction.#run(this, "get", arguments);
  }

  list() {
    return DurableObjectTransaction.#run(this, "list", arguments);
  }

  put() {
    return DurableObjectTransaction.#run(this, "put", arguments);
  }

  delete() {
    return DurableObjectTransaction.#run(this, "delete", arguments);
  }

  deleteAll() {
    throw new Error("Cannot call deleteAll() within a transaction");
  }

  rollback() {
    const transaction = DurableObjectTransaction.#of(this);
    if (transaction.state === ROLLED_BACK) return;
    transaction.check("rollback");
    transaction.end(false);
  }

  getAlarm() {
    return DurableObjectTransaction.#run(this, "getAlarm", arguments);
  }

  setAlarm() {
    return DurableObjectTransaction.#run(this, "setAlarm", arguments);
  }

  deleteAlarm() {
    return DurableObjectTransaction.#run(this, "deleteAlarm", arguments);
  }
}

ObjectDefineProperty(DurableObjectTransaction.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "DurableObjectTransaction",
  configurable: true,
});

/**
 * Runs `callback` in a transaction. What it throws undoes the transaction and
 * goes to the caller: unlike in `blockConcurrencyWhile()` the object goes on.
 */
function transaction(storage, operations, callback) {
  const { block } = core.loadExtScript("ext:selvedge_durable/actor.js");
  const blocked = block(storage.actor, () => {
    // A turn of microtasks later: `transactionSync()` may be around the call.
    const begun = PromisePrototypeThen(PromiseResolve(undefined), () => {
      const inner = new Transaction(storage, operations, storage.transaction ?? null);
      inner.begin();
      return inner;
    });
    return PromisePrototypeThen(begun, (inner) => run(inner, callback), (error) => ({
      __proto__: null,
      isOk: false,
      value: error,
    }));
  });
  return PromisePrototypeThen(blocked, (result) => {
    if (!result.isOk) throw result.value;
    return result.value;
  });
}

function run(inner, callback) {
  const end = (isOk, value) => {
    try {
      inner.end(isOk);
    } catch (error) {
      if (isOk) return { __proto__: null, isOk: false, value: error };
    }
    return { __proto__: null, isOk, value };
  };
  let result;
  try {
    result = callback(new DurableObjectTransaction(internal, inner));
  } catch (error) {
    return end(false, error);
  }
  return PromisePrototypeThen(PromiseResolve(result), (value) => end(true, value), (error) => end(false, error));
}

return { transaction };
})();
