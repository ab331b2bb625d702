import { equal, ok, same, throws } from "../assert.js";

export const values_are_copied_deeply = {
  test() {
    const value = {
      list: [1, "a", null, undefined, true], date: new Date(5), pattern: /a+/gi,
      map: new Map([["k", { v: 1 }]]), set: new Set([1, 2]), bytes: new Uint8Array([1, 2]), big: 10n,
      nested: { deep: { er: 1 } },
    };
    const copy = structuredClone(value);
    ok(copy !== value && copy.nested !== value.nested);
    equal(copy.date.getTime(), 5);
    equal(String(copy.pattern), "/a+/gi");
    equal(copy.map.get("k").v, 1);
    equal(copy.set.has(2), true);
    same([...copy.bytes], [1, 2]);
    equal(copy.big, 10n);
    equal(copy.list[3], undefined);
    equal(copy.nested.deep.er, 1);
  },
};

export const cycles_and_errors_survive = {
  test() {
    const value = {};
    value.self = value;
    const copy = structuredClone(value);
    equal(copy.self, copy);
    const error = structuredClone(new RangeError("mine"));
    ok(error instanceof RangeError);
    equal(error.message, "mine");
  },
};

export const functions_cannot_be_copied = {
  test() {
    throws(() => structuredClone(() => {}), "DataCloneError");
    throws(() => structuredClone({ a: Symbol() }), "DataCloneError");
  },
};

