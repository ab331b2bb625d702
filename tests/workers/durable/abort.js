// How an object ends itself, and what its callers learn.
import { DurableObject } from "cloudflare:workers";
import { equal, ok, rejects, same } from "../assert.js";

export class Subject extends DurableObject {
  runs = [];

  async abort(reason, options, given = 2) {
    if (given === 0) this.ctx.abort();
    else this.ctx.abort(reason, options);
    return "still here";
  }

  async caught() {
    try {
      this.ctx.abort("caught");
    } catch {
      // Nothing that follows reaches anybody.
    }
    return "still here";
  }

  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/wait") await scheduler.wait(1000);
    if (pathname === "/abort") this.ctx.abort("from fetch");
    return new Response("waited");
  }

  async writes() {
    await this.ctx.storage.put("kept", 1);
    await this.ctx.storage.sync();
    this.ctx.storage.put("lost", 1);
    this.ctx.abort("writes");
  }

  async read(...keys) {
    return [...(await this.ctx.storage.get(keys)).keys()];
  }

  later() {
    this.ctx.waitUntil(scheduler.wait(5).then(() => this.ctx.abort("later")));
  }

  async setAlarm(how) {
    await this.ctx.storage.put("how", how);
    await this.ctx.storage.setAlarm(Date.now() + 20);
  }

  async alarms() {
    return { ran: await this.ctx.storage.get("ran") ?? 0, alarm: await this.ctx.storage.getAlarm() };
  }

  async alarm() {
    const { storage } = this.ctx;
    await storage.put("ran", (await storage.get("ran") ?? 0) + 1);
    const how = await storage.get("how");
    if (how === "set") await storage.setAlarm(Date.now() + 3600000);
    await storage.sync();
    if (how === "wait") await scheduler.wait(1000);
    this.ctx.abort("in the alarm", { retryAlarm: how === "again" });
  }
}
export class Other extends DurableObject {}

export const the_reason_is_the_message = {
  async test(_, { OBJECTS }) {
    const reasons = [
      ["text", "text"],
      [new Error("an error"), "Error: an error"],
      [new TypeError("a type"), "TypeError: a type"],
      [5, "5"],
      [null, "null"],
    ];
    for (const [reason, message] of reasons) {
      const error = await rejects(OBJECTS.getByName("reason").abort(reason), Error);
      same([error.name, error.message, error.durableObjectReset, error.remote], ["Error", message, true, undefined]);
    }
    const none = await rejects(OBJECTS.getByName("reason").abort(null, null, 0), Error);
    equal(none.message, "Application called abort() to reset Durable Object.");
    const fetched = await rejects(OBJECTS.getByName("reason").fetch("http://x/abort"), Error);
    same([fetched.message, fetched.durableObjectReset, fetched.remote], ["from fetch", true, true]);
  },
};

export const options_are_an_object = {
  async test(_, { OBJECTS }) {
    for (const options of [null, {}, { retryAlarm: 0 }, { retryAlarm: "x" }]) {
      equal((await rejects(OBJECTS.getByName("options").abort("x", options))).message, "x");
    }
    const error = await rejects(OBJECTS.getByName("options").abort("x", 5), TypeError);
    equal(error.message, "Failed to execute 'abort' on 'DurableObjectState': parameter 2 is not of type 'AbortOptions'.");
    equal(error.durableObjectReset, undefined);
  },
};

export const an_abort_that_was_caught_ends_the_object_all_the_same = {
  async test(_, { OBJECTS }) {
    equal((await rejects(OBJECTS.getByName("caught").caught())).message, "caught");
  },
};

export const writes_that_were_not_confirmed_are_lost = {
  async test(_, { OBJECTS }) {
    await rejects(OBJECTS.getByName("writes").writes());
    same(await OBJECTS.getByName("writes").read("kept", "lost"), ["kept"]);
  },
};

export const all_who_wait_are_told = {
  async test(_, { OBJECTS }) {
    const stub = OBJECTS.getByName("waiting");
    const waiting = stub.fetch("http://x/wait");
    await OBJECTS.getByName("waiting").later();
    const error = await rejects(waiting);
    same([error.message, error.durableObjectReset], ["later", true]);
  },
};

export const a_stub_that_saw_a_reset_leads_nowhere = {
  async test(_, { OBJECTS }) {
    const stub = OBJECTS.getByName("broken");
    await rejects(stub.abort("once"));
    const again = await rejects(stub.fetch("http://x/"));
    same([again.message, again.durableObjectReset, again.remote], ["once", true, undefined]);
    equal((await rejects(stub.read("a"))).message, "once");
    same(await OBJECTS.getByName("broken").read("a"), []);
  },
};

export const an_alarm_is_not_tried_again_where_that_is_said = {
  async test(_, { OBJECTS }) {
    for (const how of ["drop", "again", "set", "wait"]) await OBJECTS.getByName(how).setAlarm(how);
    await scheduler.wait(150);
    await rejects(OBJECTS.getByName("wait").abort("by another event", { retryAlarm: false }));
    await scheduler.wait(100);
    same(await OBJECTS.getByName("drop").alarms(), { ran: 1, alarm: null });
    same(await OBJECTS.getByName("wait").alarms(), { ran: 1, alarm: null });
    const again = await OBJECTS.getByName("again").alarms();
    equal(again.ran, 1);
    ok(again.alarm !== null, "it is to be tried again");
    const other = await OBJECTS.getByName("set").alarms();
    equal(other.ran, 1);
    ok(other.alarm > Date.now() + 1000000, "the alarm that the handler set is there");
  },
};
