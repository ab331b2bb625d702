// compatibility-date: 2026-04-20
// Errors before they crossed whole: clones are what V8 makes of them, and of what a
// remote call throws there is a class and a text.
import { WorkerEntrypoint } from "cloudflare:workers";
import { equal, ok, rejects, same } from "../assert.js";

class Custom extends Error {
  name = "Custom";
  extra = 1;
}

const made = {
  custom: () => new Custom("m"),
  typed: () => Object.assign(new TypeError("t", { cause: new RangeError("r") }), { code: "E" }),
  many: () => new AggregateError([new Error("one")], "many"),
  nameless: () => Object.assign(new Error("m"), { name: "" }),
  silent: () => Object.assign(new Error(""), { name: "Custom" }),
  dom: () => new DOMException("d", "AbortError"),
  object: () => ({ a: 1 }),
  instance: () => new (class Foo {})(),
  list: () => [1],
  date: () => new Date(0),
  text: () => "text",
  nothing: () => null,
};

export class Thrower extends WorkerEntrypoint {
  throws(kind) {
    throw made[kind]();
  }
  gives(kind) {
    return made[kind]();
  }
  keysOf(error) {
    return [error.name, error.message, Object.keys(error).join(), Object.getOwnPropertyNames(error).includes("cause")];
  }
}

export const clonesLoseWhatTheyWereGiven = {
  test() {
    const custom = structuredClone(made.custom());
    ok(custom instanceof Error);
    equal(custom.name, "Error");
    equal(custom.message, "m");
    equal(custom.extra, undefined);
    ok(custom.stack.startsWith("Custom: m"), custom.stack);
    const typed = structuredClone(made.typed());
    ok(typed instanceof TypeError);
    equal(typed.code, undefined);
    ok(typed.cause instanceof RangeError);
    equal(Object.keys(typed).length, 0);
    equal(structuredClone(made.many()).constructor, Error);
    equal(structuredClone(made.dom()).name, "AbortError");
    // What could not be cloned is not looked at.
    equal(structuredClone(Object.assign(new Error("f"), { f() {} })).message, "f");
    const inner = structuredClone({ list: [made.custom()] });
    equal(inner.list[0].name, "Error");
  },
};

export const whatIsThrownIsALine = {
  async test(_ctrl, _env, ctx) {
    const thrown = {};
    for (const kind of Object.keys(made)) {
      const error = await rejects(ctx.exports.Thrower.throws(kind), Error, kind);
      thrown[kind] = `${error.constructor.name} ${error.name} ${error.message}`;
      equal(error.remote, true, kind);
      equal(error.extra ?? error.code === "E", false, kind);
      if (kind !== "dom") equal(error.cause, undefined, kind);
    }
    same(thrown, {
      custom: "Error Error Custom: m",
      typed: "TypeError TypeError t",
      many: "AggregateError AggregateError many",
      nameless: "Error Error m",
      silent: "Error Error Custom",
      dom: "DOMException AbortError d",
      object: "Error Error #<Object>",
      instance: "Error Error #<Foo>",
      list: "Error Error [object Array]",
      date: "Error Error [object Date]",
      text: "Error Error text",
      nothing: "Error Error null",
    });
  },
};

export const whatIsPassedIsAsV8WritesIt = {
  async test(_ctrl, _env, ctx) {
    const { Thrower } = ctx.exports;
    same(await Thrower.keysOf(made.custom()), ["Error", "m", "", false]);
    same(await Thrower.keysOf(made.typed()), ["TypeError", "t", "", true]);
    const typed = await Thrower.gives("typed");
    ok(typed instanceof TypeError);
    ok(typed.cause instanceof RangeError);
    equal(Object.keys(typed).includes("cause"), false);
    ok(typed.stack.includes("\n    at "), typed.stack);
    const many = await Thrower.gives("many");
    equal(many.constructor, Error);
    equal(many.errors, undefined);
  },
};
