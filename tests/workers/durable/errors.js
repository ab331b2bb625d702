// Errors in storage and in attachments, and those that callers get.
import { DurableObject } from "cloudflare:workers";
import { equal, ok, rejects, same } from "../assert.js";

class Custom extends Error {
  name = "Custom";
  extra = { a: [1] };
}

function flags(object, key) {
  const { enumerable, writable, configurable } = Object.getOwnPropertyDescriptor(object, key);
  return [enumerable, writable, configurable];
}

export class Subject extends DurableObject {
  async fetch(request) {
    const name = new URL(request.url).pathname.slice(1);
    try {
      await this[name]();
    } catch (error) {
      return new Response(error.stack, { status: 500 });
    }
    return new Response("passed");
  }

  async put(value) {
    const { storage } = this.ctx;
    await storage.put("value", value);
    await storage.sync();
    const got = await storage.get("value");
    ok(got !== value);
    return got;
  }

  async classes() {
    for (const Class of [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]) {
      const error = new Class("message");
      const got = await this.put(error);
      same([got.constructor === Class, got.name, got.message, got.stack], [true, Class.name, "message", error.stack]);
      same(flags(got, "message"), [false, true, true]);
      same(flags(got, "stack"), [true, true, true]);
    }
    const many = await this.put(new AggregateError([new RangeError("a"), 5], "many"));
    same([many.constructor.name, many.errors[0].constructor.name, many.errors[1]], ["AggregateError", "RangeError", 5]);
    const dom = await this.put(new DOMException("dom", "AbortError"));
    same([dom.constructor.name, dom.name, dom.message, dom.code], ["DOMException", "AbortError", "dom", 20]);
    equal((await this.put(new Error())).message, "");
  }

  async names() {
    const custom = await this.put(new Custom("custom"));
    same([custom.constructor.name, custom.name, custom.message, custom.extra], ["Error", "Custom", "custom", { a: [1] }]);
    const named = Object.assign(new RangeError("named"), { name: "Mine" });
    same([(await this.put(named)).constructor.name, (await this.put(named)).name], ["Error", "Mine"]);
    const other = Object.assign(new Error("other"), { name: "TypeError" });
    const got = await this.put(other);
    same([got.constructor.name, Object.hasOwn(got, "name")], ["TypeError", false]);
    equal((await this.put(new (class Sub extends Error {})("sub"))).name, "Error");
    equal((await this.put(new (class Sub extends Error { get name() { return "Sub"; } })("sub"))).name, "Sub");
  }

  async properties() {
    const error = new TypeError("own", { cause: new RangeError("inner", { cause: 5 }) });
    Object.assign(error, { code: 5, when: new Date(7), map: new Map([["k", new Error("in a map")]]), big: 5n, none: undefined });
    Object.defineProperty(error, "hidden", { value: 1 });
    Object.defineProperty(error, "getter", { get: () => 7, enumerable: true });
    error[Symbol("s")] = 1;
    const got = await this.put(error);
    same(Object.getOwnPropertySymbols(got), []);
    same([got.code, +got.when, got.big === 5n, "none" in got, got.hidden, got.getter], [5, 7, true, true, 1, 7]);
    same(flags(got, "hidden"), [true, true, true]);
    same(flags(got, "cause"), [true, true, true]);
    same([got.cause.constructor.name, got.cause.message, got.cause.cause], ["RangeError", "inner", 5]);
    equal(got.map.get("k").message, "in a map");
    const stack = Object.assign(new Error("stack"), { stack: "mine" });
    equal((await this.put(stack)).stack, "mine");
  }

  async places() {
    const error = Object.assign(new Error("placed"), { code: 1 });
    class Plain { r = "r"; error = error; }
    const value = { list: [1, , error], set: new Set([error]), plain: new Plain(), bytes: new Uint8Array([114, 114]), text: "rrr" };
    value.self = value;
    const got = await this.put(value);
    ok(got.self === got && got.list[2] === got.plain.error && got.set.has(got.list[2]), "what is one stays one");
    same([got.list.length, 1 in got.list, got.list[2].code, got.plain.r, got.bytes[1], got.text], [3, false, 1, "r", 114, "rrr"]);
  }

  async refused() {
    for (const inner of [() => {}, Symbol("s")]) {
      const error = Object.assign(new Error("x"), { inner });
      equal((await rejects(this.put(error), "DataCloneError")).message, `${String(inner)} could not be cloned.`);
    }
    const throwing = Object.defineProperty(new Error("x"), "t", { get() { throw new RangeError("getter"); }, enumerable: true });
    equal((await rejects(this.put(throwing), RangeError)).message, "getter");
  }

  async sync() {
    this.ctx.storage.kv.put("error", Object.assign(new Error("sync"), { code: 9 }));
    equal(this.ctx.storage.kv.get("error").code, 9);
    equal([...this.ctx.storage.kv.list({ prefix: "error" })][0][1].code, 9);
    await this.ctx.storage.put({ a: Object.assign(new Error("a"), { code: 1 }), b: "plain" });
    equal((await this.ctx.storage.get(["a", "b"])).get("a").code, 1);
    equal((await this.ctx.storage.list({ start: "a", limit: 1 })).get("a").code, 1);
  }

  async attachments() {
    const [, socket] = Object.values(new WebSocketPair());
    socket.serializeAttachment({ error: Object.assign(new Error("attached"), { code: 3 }) });
    const { error } = socket.deserializeAttachment();
    same([error.message, error.code], ["attached", 3]);
    await rejects(async () => socket.serializeAttachment(() => {}), "DataCloneError");
  }
}
export class Other extends DurableObject {
  throws() {
    throw Object.assign(new RangeError("thrown"), { code: 4 });
  }

  async later() {
    await scheduler.wait(1);
    throw new Error("later");
  }

  fn() {
    return () => {
      throw new Error("in a function");
    };
  }

  fetch(request) {
    const kind = new URL(request.url).pathname.slice(1);
    if (kind === "custom") throw new Custom("custom");
    if (kind === "object") throw { a: 1 };
    throw Object.assign(new RangeError("range", { cause: new TypeError("inner") }), { code: 4 });
  }

  frozen() {
    throw Object.freeze(new Error("frozen"));
  }
}

const within = (name) => ({
  async test(_, { OBJECTS }) {
    const answer = await OBJECTS.getByName(name).fetch(`http://x/${name}`);
    equal(await answer.text(), "passed");
  },
});
export const errors_come_back_as_their_class = within("classes");
export const names_of_ones_own_stay = within("names");
export const properties_of_errors_are_stored = within("properties");
export const errors_are_found_wherever_they_are = within("places");
export const what_cannot_be_cloned_in_an_error_is_refused = within("refused");
export const all_ways_into_storage_keep_errors = within("sync");
export const attachments_keep_errors = within("attachments");

export const an_error_says_which_object_threw_it = {
  async test(_, { OTHERS }) {
    const stub = OTHERS.getByName("thrower");
    const id = String(stub.id);
    const error = await rejects(stub.throws(), RangeError);
    same([error.message, error.code, error.durableObjectId, error.remote], ["thrown", 4, id, true]);
    equal((await rejects(stub.later())).durableObjectId, id);
    equal((await rejects((await stub.fn())())).durableObjectId, id);
    equal((await rejects(stub.frozen())).durableObjectId, undefined);
    equal((await rejects(stub.missing(), TypeError)).durableObjectId, undefined);
  },
};

export const errors_of_fetch_keep_what_they_were_given = {
  async test(_, { OTHERS }) {
    const stub = OTHERS.getByName("fetcher");
    const error = await rejects(stub.fetch("http://x/range"), RangeError);
    same([error.message, error.code, error.cause.name, error.remote], ["range", 4, "TypeError", true]);
    const custom = await rejects(stub.fetch("http://x/custom"), Error);
    same([custom.constructor.name, custom.name, custom.message, custom.extra], ["Error", "Custom", "custom", { a: [1] }]);
    try {
      await stub.fetch("http://x/object");
      ok(false, "it is thrown");
    } catch (thrown) {
      same(thrown, { a: 1, remote: true });
    }
  },
};
