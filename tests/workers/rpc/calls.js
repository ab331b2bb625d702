// Which names are reached, what is at the end of a path, how calls fail.
import { env, exports, RpcPromise, RpcProperty, RpcStub, RpcTarget, WorkerEntrypoint } from "cloudflare:workers";
import { equal, ok, rejects, same, throws } from "../assert.js";

class Target extends RpcTarget {
  field = 5;
  #count = 1;

  get total() {
    return this.#count;
  }

  add(n) {
    this.#count += n;
    return this.#count;
  }

  self() {
    return this;
  }
}

class Foreign {
  method() {}
}

class Failure extends Error {
  constructor(message) {
    super(message);
    this.name = "Failure";
    this.code = 42;
    this.extra = { a: 1 };
  }
}

export class Service extends WorkerEntrypoint {
  constructor(ctx, env) {
    super(ctx, env);
    this.instance = () => 1;
  }

  static stat() {}

  args(...list) {
    return list;
  }

  target() {
    return new Target();
  }

  get number() {
    return 12;
  }

  get pending() {
    return Promise.resolve(7);
  }

  get tree() {
    return { a: { b: { leaf: 3, method: (x) => x * 2 } }, foreign: new Foreign(), target: new Target() };
  }

  get failing() {
    throw new RangeError("getter");
  }

  fail() {
    throw new Failure("boom");
  }

  async failLater() {
    throw new TypeError("later");
  }

  throwIt(kind) {
    if (kind === "text") throw "text";
    if (kind === "object") throw { a: 1 };
    if (kind === "null") throw null;
    if (kind === "aggregate") throw new AggregateError([new Error("e1")], "many");
    throw new DOMException("dom", "AbortError");
  }

  call(callback, ...args) {
    return callback(...args);
  }

  get() {
    return "get";
  }

  put() {
    return "put";
  }

  delete() {
    return "delete";
  }

  alarm() {}

  props() {
    return this.ctx.props;
  }

  makeFunction() {
    const double = (x) => x * 2;
    double.extra = 3;
    return double;
  }
}

export const handlers = {
  one: (arg, env, ctx) => [arg, typeof env, typeof ctx.waitUntil],
  short: (arg) => arg,
  two: (a, b, env, ctx) => [a, b, env, ctx],
  value: 5,
};

const service = () => exports.Service;

export const methods_and_properties_are_reached = {
  async test() {
    same(await service().args(1, undefined, "x"), [1, undefined, "x"]);
    same(await service().args(), []);
    equal(await service().number, 12);
    equal(await service().pending, 7);
    equal(await service().tree.a.b.leaf, 3);
    equal(await service().tree.a.b.method(4), 8);
    equal(await service().tree.target.add(2), 3);
    same([await service().get(), await service().put(), await service().delete()], ["get", "put", "delete"]);
  },
};

export const names_that_are_not_there_are_refused = {
  async test() {
    const s = service();
    for (const name of ["nope", "instance", "env", "ctx", "stat", "", "a.b", "__defineGetter__"]) {
      if (name in Object.prototype) continue;
      const error = await rejects(s[name](), "TypeError");
      equal(error.message, `The RPC receiver does not implement the method "${name}".`);
      equal(error.remote, true);
    }
    equal((await rejects(s.instance, "TypeError")).message, 'The RPC receiver does not implement the method "instance".');
    equal((await rejects(s.number(), "TypeError")).message, '"number" is not a function.');
    equal((await rejects(s.tree.a.b.leaf.x, "TypeError")).message, 'The RPC receiver does not implement the method "leaf".');
    equal((await rejects(s.tree.foreign.method(), "TypeError")).message, 'The RPC receiver does not implement the method "foreign".');
    equal((await rejects(s.tree.none.x(), "TypeError")).message, 'The RPC receiver does not implement the method "none".');
  },
};

export const reserved_names_are_refused = {
  async test() {
    for (const name of ["alarm", "webSocketMessage", "webSocketClose", "webSocketError", "dup"]) {
      const error = await rejects(service()[name](), "TypeError");
      equal(error.message, `'${name}' is a reserved method and cannot be called over RPC.`);
    }
  },
};

export const targets_show_only_their_class = {
  async test() {
    const target = await service().target();
    equal(await target.total, 1);
    equal(await target.add(4), 5);
    equal((await rejects(target.field, "TypeError")).message, 'The RPC receiver does not implement the method "field".');
    equal((await rejects(target.alarm(), "TypeError")).message, 'The RPC receiver does not implement the method "alarm".');
    equal((await rejects(target(), "TypeError")).message, '"(this)" is not a function.');
    equal(await (await target.self()).total, 5);
  },
};

export const functions_are_called_and_have_properties = {
  async test() {
    const double = await service().makeFunction();
    equal(await double(4), 8);
    equal(await double.extra, 3);
    equal(await service().makeFunction()(5), 10);
    equal(await service().makeFunction().extra, 3);
    equal(await service().call((a, b) => a + b, 1, 2), 3);
    equal((await rejects(service().call(() => { throw new RangeError("mine"); }), "RangeError")).message, "mine");
  },
};

export const results_can_be_gone_along_before_they_are_there = {
  async test() {
    equal(await service().target().add(1), 2);
    equal(await service().target().self().self().total, 1);
    const error = await rejects(service().failLater().some.thing(), "TypeError");
    equal(error.message, "later");
    equal((await rejects(service().args().x(), "TypeError")).message, 'The RPC receiver does not implement the method "x".');
    const number = service().get();
    await number;
    const late = await rejects((async () => await number.x)(), "TypeError");
    equal(late.message, "Can't pipeline on RPC that did not return an object.");
  },
};

export const calls_arrive_in_order = {
  async test() {
    const target = await service().target();
    same(await Promise.all([target.add(1), target.add(1), target.add(1)]), [2, 3, 4]);
  },
};

export const paths_are_64_names_long_at_most = {
  async test() {
    const path = (depth) => {
      let at = service().tree;
      for (let i = 0; i < depth; i++) at = at.a;
      return at;
    };
    equal((await rejects(path(64), "TypeError")).message, 'The RPC receiver does not implement the method "a".');
    throws(() => path(65), "TypeError");
  },
};

export const exceptions_keep_what_they_are = {
  async test() {
    const error = await rejects(service().fail(), "Failure");
    ok(error instanceof Error);
    same([error.message, error.code, error.extra.a, error.remote], ["boom", 42, 1, true]);
    equal((await rejects(service().failing, "RangeError")).message, "getter");
    equal((await rejects(service().throwIt("text"), "Error")).message, "text");
    equal((await rejects(service().throwIt("null"), "Error")).message, "null");
    const object = await service().throwIt("object").catch((it) => it);
    same([object.a, object.remote], [1, true]);
    const dom = await rejects(service().throwIt("dom"), "AbortError");
    ok(dom instanceof DOMException);
    const many = await rejects(service().throwIt("aggregate"), "AggregateError");
    equal(many.errors[0].message, "e1");
  },
};

export const promises_of_calls_are_thenables_of_their_own = {
  async test() {
    const promise = service().args(1);
    equal(promise instanceof Promise, false);
    ok(promise instanceof RpcPromise);
    ok(service().number instanceof RpcProperty);
    equal(Object.prototype.toString.call(promise), "[object JsRpcPromise]");
    equal(typeof promise, "function");
    same(await promise.then((list) => list.length), 1);
    let ended = false;
    await service().failLater().finally(() => ended = true).catch(() => {});
    ok(ended);
    equal(await service().number.then((it) => it + 1), 13);
  },
};

export const handlers_that_are_no_class_take_one_argument = {
  async test() {
    same(await exports.handlers.one(1), [1, "object", "function"]);
    equal(await exports.handlers.short(2), 2);
    equal(await exports.handlers.value, 5);
    equal((await rejects(exports.handlers.value(), "TypeError")).message, '"value" is not a function.');
    equal(
      (await rejects(exports.handlers.two(1), "TypeError")).message,
      'Cannot call handler function "two" over RPC because it has the wrong number of arguments. A simple function ' +
        "handler can only be called over RPC if it has exactly the arguments (arg, env, ctx), where only the first " +
        "argument comes from the client. To support multi-argument RPC functions, use class-based syntax (extending " +
        "WorkerEntrypoint) instead.",
    );
    for (const args of [[], [1, 2]]) {
      equal(
        (await rejects(exports.handlers.one(...args), "TypeError")).message,
        'Attempted to call RPC function "one" with the wrong number of arguments. When calling a top-level handler ' +
          "function that is not declared as part of a class, you must always send exactly one argument. In order to " +
          "support variable numbers of arguments, the server must use class-based syntax (extending WorkerEntrypoint) instead.",
      );
    }
  },
};

export const exports_have_props_of_their_own = {
  async test(_, __, ctx) {
    same(await exports.Service.props(), {});
    same(await ctx.exports.Service({ props: { role: "admin" } }).props(), { role: "admin" });
    throws(() => ctx.exports.Service({ props: new Foreign() }), "DataCloneError");
    void env;
  },
};

export const stubs_look_like_stubs = {
  async test() {
    const stub = await service().target();
    same([typeof stub, Object.prototype.toString.call(stub), `${stub}`], ["function", "[object JsRpcStub]", "[object JsRpcStub]"]);
    ok(stub instanceof RpcStub);
    equal(stub.then, undefined);
    same(Object.keys(stub), []);
    ok("anything" in stub);
    stub.own = 1;
    equal(stub.own, 1);
    throws(() => new RpcStub(new Foreign()), "TypeError");
    throws(() => new RpcStub(5), "TypeError");
    throws(() => new RpcPromise(), "TypeError");
    throws(() => new RpcProperty(), "TypeError");
  },
};
