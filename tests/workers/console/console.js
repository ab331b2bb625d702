export const no_method_throws = {
  test() {
    const circular = {};
    circular.self = circular;
    const odd = {
      get bad() { throw new Error("getter"); },
      toString() { throw new Error("toString"); },
    };
    const values = [
      undefined, null, 1, -0, 10n, "text", Symbol("s"), () => {}, class A {}, [1, [2, [3, [4, [5]]]]],
      circular, new Map([[{}, 1]]), new Set([1]), new Error("e", { cause: "c" }), new Date(NaN), /x/g,
      new Uint8Array(300), new Proxy({}, {}), Object.create(null), odd, globalThis, new Response("x"),
      Promise.resolve(1), new WeakMap(), "%s %d %i %f %j %o %O %c %%",
    ];
    for (const name of ["log", "debug", "info", "warn", "error", "dir", "dirxml", "trace", "group"]) {
      for (const value of values) console[name](value);
      console[name]();
      console[name]("%s is %d years and %o", "Bob", 42, { a: 1 }, "rest");
    }
    console.groupEnd();
    console.groupEnd();
    console.assert(true, "fine");
    console.assert(false, "not fine %s", "x");
    console.count();
    console.count("a");
    console.countReset("a");
    console.time("t");
    console.timeLog("t", 1);
    console.timeEnd("t");
    console.timeEnd("never started");
    console.groupCollapsed("g");
    console.groupEnd();
    console.clear();
  },
};
