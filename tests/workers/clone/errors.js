// Errors keep what they were given when they are cloned or sent.
import { equal, ok, same } from "../assert.js";

class Mine extends Error {
  constructor(message) {
    super(message);
    this.name = "Mine";
    this.code = 7;
  }
}

export const properties_come_along = {
  test() {
    const error = new RangeError("far", { cause: new TypeError("near") });
    error.where = { x: 1 };
    const copy = structuredClone(error);
    ok(copy instanceof RangeError && copy !== error);
    equal(copy.message, "far");
    same(copy.where, { x: 1 });
    ok(copy.cause instanceof TypeError);
    equal(copy.cause.message, "near");
    equal(copy.stack, error.stack);
  },
};

export const names_of_own_classes_come_along = {
  test() {
    const copy = structuredClone({ list: [new Mine("a")] }).list[0];
    ok(copy instanceof Error && !(copy instanceof Mine));
    equal(copy.name, "Mine");
    equal(copy.code, 7);
  },
};

export const what_an_aggregate_holds_comes_along = {
  test() {
    const copy = structuredClone(new AggregateError([new Mine("a"), 5], "both"));
    ok(copy instanceof AggregateError);
    equal(copy.errors[0].code, 7);
    equal(copy.errors[1], 5);
  },
};

export const one_error_stays_one = {
  test() {
    const error = new Error("a");
    const copy = structuredClone({ a: error, b: [error], c: new Map([["k", error]]) });
    ok(copy.a === copy.b[0] && copy.a === copy.c.get("k"));
  },
};

export const what_cannot_be_cloned_in_an_error_is_refused = {
  test() {
    const error = new Error("a");
    error.call = () => {};
    let name = "nothing";
    try {
      structuredClone(error);
    } catch (thrown) {
      name = thrown.name;
    }
    equal(name, "DataCloneError");
  },
};

export const ports_carry_errors_whole = {
  async test() {
    const { port1, port2 } = new MessageChannel();
    const got = new Promise((resolve) => {
      port2.onmessage = (event) => resolve(event.data);
    });
    port1.postMessage({ error: new Mine("a") });
    const { error } = await got;
    equal(error.code, 7);
    equal(error.name, "Mine");
    port1.close();
  },
};
