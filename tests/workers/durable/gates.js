// What keeps the events of an object apart. The ideas are those of workerd's
// tests of its gates; no storage is needed for these.
import { DurableObject } from "cloudflare:workers";
import { equal, ok, rejects, same } from "../assert.js";

const wait = (ms) => scheduler.wait(ms);

export class Subject extends DurableObject {
  log = [];

  constructor(ctx, env) {
    super(ctx, env);
    if (ctx.id.name?.startsWith("slow")) {
      ctx.blockConcurrencyWhile(async () => {
        this.log.push("begin");
        await wait(20);
        this.log.push("end");
      });
    }
    if (ctx.id.name?.startsWith("failing")) {
      ctx.blockConcurrencyWhile(async () => {
        await wait(5);
        throw new TypeError("not today");
      });
    }
  }

  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    const name = searchParams.get("name");
    const { ctx, log } = this;
    switch (pathname) {
      case "/log":
        break;
      case "/enter":
        log.push(`enter ${name}`);
        break;
      case "/microtasks":
        // Nothing of another event comes between microtasks.
        for (let i = 0; i < 20; i++) {
          log.push(`${name} ${i}`);
          await null;
        }
        break;
      case "/timer":
        log.push(`${name} before`);
        await wait(5);
        log.push(`${name} after`);
        break;
      case "/block":
        await ctx.blockConcurrencyWhile(async () => {
          log.push(`${name} in`);
          await wait(10);
          log.push(`${name} out`);
        });
        break;
      case "/timer-around-block": {
        // A timer that was set before fires when the gate is open again.
        const fired = new Promise((resolve) => setTimeout(() => resolve(log.push("timer")), 1));
        await ctx.blockConcurrencyWhile(async () => {
          for (let i = 0; i < 3; i++) await this.env.OTHERS.getByName("helper").fetch("http://x/");
          log.push("out");
        });
        await fired;
        break;
      }
      case "/nested":
        await ctx.blockConcurrencyWhile(async () => {
          log.push("outer in");
          await ctx.blockConcurrencyWhile(async () => {
            log.push("inner in");
            await wait(5);
            log.push("inner out");
          });
          log.push("outer out");
        });
        break;
      case "/siblings":
        await Promise.all(["a", "b"].map((it) =>
          ctx.blockConcurrencyWhile(async () => {
            log.push(`${it} in`);
            await wait(5);
            log.push(`${it} out`);
          })
        ));
        break;
      case "/value":
        return Response.json(await ctx.blockConcurrencyWhile(async () => {
          await wait(1);
          return "value";
        }));
      case "/sync":
        return Response.json([typeof ctx.blockConcurrencyWhile(() => 5), await ctx.blockConcurrencyWhile(() => 5)]);
      case "/later-error":
        ctx.blockConcurrencyWhile(async () => {
          await wait(5);
          throw new Error("later");
        }).catch(() => {});
        await wait(50);
        break;
      case "/subrequest":
        await this.env.OTHERS.getByName("helper").fetch("http://x/");
        break;
      case "/subrequest-inside":
        await ctx.blockConcurrencyWhile(async () => {
          log.push("in");
          await this.env.OTHERS.getByName("helper").fetch("http://x/");
          log.push("out");
        });
        break;
      case "/self":
        // An object that calls itself: another event of its own.
        return await this.env.OBJECTS.get(ctx.id).fetch("http://x/enter?name=self");
    }
    return Response.json(log);
  }
}

export class Other extends DurableObject {
  async fetch() {
    await wait(5);
    return new Response("helped");
  }
}

const ask = async (stub, path) => await (await stub.fetch(`http://x${path}`)).json();

export const events_wait_for_the_constructor = {
  async test(_, { OBJECTS }) {
    const stub = OBJECTS.getByName("slow");
    await Promise.all(["a", "b", "c"].map((name) => ask(stub, `/enter?name=${name}`)));
    same(await ask(stub, "/log"), ["begin", "end", "enter a", "enter b", "enter c"]);
  },
};

export const a_failing_section_of_the_constructor_fails_all_who_wait = {
  async test(_, { OBJECTS }) {
    const stub = OBJECTS.getByName("failing");
    const errors = await Promise.all([1, 2, 3].map(() => rejects(stub.fetch("http://x/log"))));
    for (const error of errors) {
      same([error.message, error.remote, error.durableObjectReset], ["not today", true, true]);
    }
  },
};

export const events_do_not_come_between_microtasks = {
  async test(_, { OBJECTS }) {
    const stub = OBJECTS.getByName("microtasks");
    await Promise.all(["a", "b", "c"].map((name) => ask(stub, `/microtasks?name=${name}`)));
    const log = await ask(stub, "/log");
    const expected = ["a", "b", "c"].flatMap((name) => Array.from({ length: 20 }, (_, i) => `${name} ${i}`));
    same(log, expected);
  },
};

export const events_come_while_an_object_waits_for_a_timer = {
  async test(_, { OBJECTS }) {
    const stub = OBJECTS.getByName("timers");
    await Promise.all([ask(stub, "/timer?name=a"), ask(stub, "/enter?name=b")]);
    same(await ask(stub, "/log"), ["a before", "enter b", "a after"]);
  },
};

export const events_wait_for_a_section = {
  async test(_, { OBJECTS }) {
    const stub = OBJECTS.getByName("sections");
    await Promise.all([
      ask(stub, "/block?name=a"),
      ask(stub, "/enter?name=b"),
      ask(stub, "/block?name=c"),
      ask(stub, "/enter?name=d"),
    ]);
    same(await ask(stub, "/log"), ["a in", "a out", "enter b", "c in", "c out", "enter d"]);
  },
};

export const timers_wait_for_a_section = {
  async test(_, { OBJECTS }) {
    same(await ask(OBJECTS.getByName("around"), "/timer-around-block"), ["out", "timer"]);
  },
};

export const sections_nest = {
  async test(_, { OBJECTS }) {
    const stub = OBJECTS.getByName("nested");
    same(await ask(stub, "/nested"), ["outer in", "inner in", "inner out", "outer out"]);
    const siblings = OBJECTS.getByName("siblings");
    same(await ask(siblings, "/siblings"), ["a in", "a out", "b in", "b out"]);
  },
};

export const a_section_gives_its_value = {
  async test(_, { OBJECTS }) {
    equal(await ask(OBJECTS.getByName("value"), "/value"), "value");
    same(await ask(OBJECTS.getByName("value"), "/sync"), ["object", 5]);
  },
};

export const a_section_that_throws_resets_the_object = {
  async test(_, { OBJECTS }) {
    const stub = OBJECTS.getByName("later");
    const [first, second] = await Promise.all([
      rejects(stub.fetch("http://x/later-error")),
      rejects(stub.fetch("http://x/enter?name=waiting")),
    ]);
    same([first.message, first.durableObjectReset], ["later", true]);
    same([second.message, second.durableObjectReset], ["later", true]);
    same(await ask(OBJECTS.getByName("later"), "/log"), []);
  },
};

export const a_subrequest_opens_the_gate_and_a_section_does_not = {
  async test(_, { OBJECTS }) {
    const stub = OBJECTS.getByName("subrequests");
    await Promise.all([ask(stub, "/subrequest"), ask(stub, "/enter?name=between")]);
    same(await ask(stub, "/log"), ["enter between"]);
    const inside = OBJECTS.getByName("inside");
    await Promise.all([ask(inside, "/subrequest-inside"), ask(inside, "/enter?name=after")]);
    same(await ask(inside, "/log"), ["in", "out", "enter after"]);
  },
};

export const an_object_may_call_itself = {
  async test(_, { OBJECTS }) {
    same(await ask(OBJECTS.getByName("self"), "/self"), ["enter self"]);
  },
};

export const many_events_keep_their_order = {
  async test(_, { OBJECTS }) {
    const stub = OBJECTS.getByName("many");
    const names = Array.from({ length: 200 }, (_, i) => `${i}`);
    await Promise.all(names.map((name) => ask(stub, `/enter?name=${name}`)));
    same(await ask(stub, "/log"), names.map((name) => `enter ${name}`));
    ok(true);
  },
};
