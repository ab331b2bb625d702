// Stubs of objects as values of remote calls: they arrive as a Fetcher.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import { equal, ok, rejects, same } from "../assert.js";

const tag = (value) => Object.prototype.toString.call(value);

export class Subject extends DurableObject {
  count = 0;

  next() {
    return ++this.count;
  }

  fetch(request) {
    return new Response(`${this.ctx.id.name} ${request.method} ${new URL(request.url).pathname}`);
  }

  self() {
    return this.env.OBJECTS.get(this.ctx.id);
  }

  async call(stub) {
    return [tag(stub), await stub.next()];
  }

  keep(stub) {
    this.kept = stub;
  }

  async callKept() {
    return await this.kept.next();
  }
}
export class Other extends DurableObject {
  keep(stub) {
    this.kept = stub;
  }

  async callKept() {
    return await this.kept.next();
  }
}

export class Service extends WorkerEntrypoint {
  async call(stub) {
    return [tag(stub), await stub.next(), await (await stub.fetch("http://x/path", { method: "POST" })).text()];
  }

  async callDeep(map) {
    return await map.get("deep").stub.next();
  }

  give(name) {
    return this.env.OBJECTS.getByName(name);
  }

  giveDeep(name) {
    return { deep: { stub: this.env.OBJECTS.getByName(name) } };
  }

  echo(value) {
    return value;
  }
}

export const a_stub_is_passed_as_an_argument = {
  async test(_, { OBJECTS }, ctx) {
    const stub = OBJECTS.getByName("argument");
    same(await ctx.exports.Service.call(stub), ["[object Fetcher]", 1, "argument POST /path"]);
    equal(await ctx.exports.Service.callDeep(new Map([["deep", { stub }]])), 2);
    same(await OBJECTS.getByName("taker").call(stub), ["[object Fetcher]", 3]);
    equal(await stub.next(), 4);
  },
};

export const a_stub_is_passed_as_a_result = {
  async test(_, __, ctx) {
    const stub = await ctx.exports.Service.give("result");
    equal(tag(stub), "[object Fetcher]");
    equal(await stub.next(), 1);
    equal(await (await stub.fetch("http://x/a")).text(), "result GET /a");
    equal(typeof stub[Symbol.dispose], "function");
    const { deep } = await ctx.exports.Service.giveDeep("result");
    equal(await deep.stub.next(), 2);
  },
};

export const calls_go_along_a_stub_that_is_to_come = {
  async test(_, { OBJECTS }, ctx) {
    equal(await ctx.exports.Service.give("along").next(), 1);
    equal(await (await ctx.exports.Service.give("along").fetch("http://x/b")).text(), "along GET /b");
    equal(await ctx.exports.Service.giveDeep("along").deep.stub.next(), 2);
    equal(await OBJECTS.getByName("along").self().next(), 3);
    equal((await rejects(ctx.exports.Service.give("along").missing(), TypeError)).message,
      'The RPC receiver does not implement the method "missing".');
  },
};

export const a_stub_goes_round = {
  async test(_, { OBJECTS }, ctx) {
    const stub = await ctx.exports.Service.echo(await ctx.exports.Service.echo(OBJECTS.getByName("round")));
    equal(await stub.next(), 1);
    await scheduler.wait(5);
    equal(await stub.next(), 2);
  },
};

export const an_object_keeps_a_stub = {
  async test(_, { OBJECTS, OTHERS }) {
    await OTHERS.getByName("keeper").keep(OBJECTS.getByName("kept"));
    equal(await OTHERS.getByName("keeper").callKept(), 1);
  },
};

export const ids_and_namespaces_cannot_be_passed = {
  async test(_, { OBJECTS }, ctx) {
    for (const [value, name] of [[OBJECTS.idFromName("a"), "DurableObjectId"], [OBJECTS, "DurableObjectNamespace"]]) {
      const error = await rejects(ctx.exports.Service.echo(value), "DataCloneError");
      equal(error.message, `Could not serialize object of type "${name}". This type does not support serialization.`);
    }
    ok(true);
  },
};
