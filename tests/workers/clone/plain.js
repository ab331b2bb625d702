// What most values are made of, down to the order of what can be seen of it.
import { equal, ok, same, throws } from "../assert.js";

export const objects_become_ordinary_ones = {
  test() {
    class Point {
      x = 1;
      #hidden = 2;
      get sum() {
        return this.x + this.#hidden;
      }
    }
    const clone = structuredClone({ point: new Point(), bare: Object.assign(Object.create(null), { a: 1 }) });
    equal(Object.getPrototypeOf(clone.point), Object.prototype);
    equal(Object.getPrototypeOf(clone.bare), Object.prototype);
    same(clone, { point: { x: 1 }, bare: { a: 1 } });
    const frozen = structuredClone(Object.freeze({ a: Object.freeze([1]) }));
    frozen.a.push(2);
    frozen.b = 3;
    same(frozen, { a: [1, 2], b: 3 });
    const hidden = Object.defineProperty({ [Symbol("s")]: 1, shown: 2 }, "hidden", { value: 3, enumerable: false });
    same(Reflect.ownKeys(structuredClone(hidden)), ["shown"]);
    same(Reflect.ownKeys(structuredClone({ b: 1, 2: 0, a: 2, 1: 0 })), ["1", "2", "b", "a"]);
  },
};

export const getters_are_asked_once_and_in_order = {
  test() {
    const asked = [];
    const value = {
      get a() {
        asked.push("a");
        return { get inner() { asked.push("inner"); delete value.gone; return 1; } };
      },
      gone: 1,
      get b() {
        asked.push("b");
        return undefined;
      },
    };
    const clone = structuredClone(value);
    same(asked, ["a", "inner", "b"]);
    same(Reflect.ownKeys(clone), ["a", "b"]);
    same(clone.a, { inner: 1 });
    same(Object.getOwnPropertyDescriptor(clone, "b"), { value: undefined, writable: true, enumerable: true, configurable: true });
    throws(() => structuredClone({ get a() { throw new RangeError("mine"); } }), RangeError);
  },
};

export const names_and_setters_of_prototypes_do_not_matter = {
  test() {
    const odd = JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}');
    const clone = structuredClone(odd);
    same(Reflect.ownKeys(clone), ["__proto__", "constructor"]);
    equal(Object.getPrototypeOf(clone), Object.prototype);
    equal(clone.x, undefined);
    const heard = [];
    const set = (value) => heard.push(value);
    Object.defineProperty(Object.prototype, "watched", { set, configurable: true });
    Object.defineProperty(Array.prototype, "0", { set, configurable: true });
    try {
      const list = Object.defineProperty([], 0, { value: 7, enumerable: true, configurable: true, writable: true });
      const other = structuredClone({ watched: 5, list });
      equal(other.watched, 5);
      ok(Object.hasOwn(other.list, 0));
      same(heard, []);
    } finally {
      delete Object.prototype.watched;
      delete Array.prototype[0];
    }
  },
};

export const lists_keep_gaps_and_what_else_they_have = {
  test() {
    const gaps = structuredClone([1, , 3]);
    equal(gaps.length, 3);
    ok(!(1 in gaps));
    const more = structuredClone(Object.assign([1, 2], { name: "list" }));
    same([more.length, more.name, more[1]], [2, "list", 2]);
    const long = structuredClone(Object.assign([], { length: 5 }));
    same([long.length, 0 in long], [5, false]);
    const odd = structuredClone(Object.assign([, "x"], { extra: 1 }));
    same([odd.length, 0 in odd, odd[1], odd.extra], [2, false, "x", 1]);
    class List extends Array {}
    const list = structuredClone(List.from([1, undefined, null]));
    equal(Object.getPrototypeOf(list), Array.prototype);
    same(list, [1, undefined, null]);
    same(structuredClone([]), []);
  },
};

export const one_thing_stays_one = {
  test() {
    const shared = { a: 1 };
    const value = { one: shared, two: [shared], map: new Map([[shared, shared]]), set: new Set([shared]) };
    value.self = value;
    value.map.set("map", value.map);
    value.two.push(value.two);
    const clone = structuredClone(value);
    ok(clone !== value && clone.one !== shared);
    equal(clone.self, clone);
    equal(clone.two[0], clone.one);
    equal(clone.two[1], clone.two);
    equal(clone.map.get(clone.one), clone.one);
    equal(clone.map.get("map"), clone.map);
    ok(clone.set.has(clone.one));
    const date = new Date(5);
    const dates = structuredClone([date, date, new Date(NaN)]);
    equal(dates[0], dates[1]);
    ok(dates[0] !== date && Number.isNaN(dates[2].getTime()));
  },
};

export const kinds_of_values = {
  test() {
    class Table extends Map {}
    class Day extends Date {}
    const value = {
      none: [null, undefined],
      numbers: [-0, NaN, Infinity, 1n],
      table: Object.assign(new Table([["k", 1]]), { extra: 1 }),
      day: new Day(9),
      boxed: [new Number(1), new String("s"), new Boolean(false), Object(2n)],
      pattern: /a+/gi,
      bytes: new Uint8Array([1, 2]),
    };
    const clone = structuredClone(value);
    ok(Object.is(clone.numbers[0], -0) && Number.isNaN(clone.numbers[1]) && clone.numbers[3] === 1n);
    equal(Object.getPrototypeOf(clone.table), Map.prototype);
    equal(clone.table.get("k"), 1);
    equal(clone.table.extra, undefined);
    equal(Object.getPrototypeOf(clone.day), Date.prototype);
    same(clone.boxed.map((it) => typeof it), ["object", "object", "object", "object"]);
    equal(String(clone.pattern), "/a+/gi");
    same([...clone.bytes], [1, 2]);
    const view = new Uint8Array(8);
    const views = structuredClone({ one: view.subarray(1), two: view.subarray(2) });
    equal(views.one.buffer, views.two.buffer);
  },
};

export const what_cannot_be_cloned_is_refused_anywhere = {
  test() {
    for (const bad of [() => 1, Symbol("s"), new Proxy({}, {}), new Proxy([], {}), new WeakMap(), Promise.resolve()]) {
      throws(() => structuredClone(bad), "DataCloneError");
      throws(() => structuredClone({ a: [1, { b: new Map([[1, bad]]) }] }), "DataCloneError");
      throws(() => structuredClone(new Set([bad])), "DataCloneError");
    }
    let told = 0;
    const proxy = new Proxy({}, { getPrototypeOf: () => (told++, Object.prototype), ownKeys: () => (told++, []) });
    throws(() => structuredClone([proxy]), "DataCloneError");
    equal(told, 0);
  },
};

export const deep_and_many = {
  test() {
    let deep = { end: true };
    for (let i = 0; i < 1000; i++) deep = i % 2 ? { deep } : [deep];
    let clone = structuredClone(deep);
    for (let i = 999; i >= 0; i--) clone = i % 2 ? clone.deep : clone[0];
    same(clone, { end: true });
    const many = Array.from({ length: 100 }, (_, i) => ({ [`key${i}`]: i, [`other${i}`]: { i } }));
    same(structuredClone(many), many);
    const map = new Map(Array.from({ length: 1000 }, (_, i) => [i, { i }]));
    equal(structuredClone(map).get(999).i, 999);
    equal(structuredClone(new Set([1, 2, 3])).size, 3);
  },
};
