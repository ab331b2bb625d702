import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import { equal, ok, throws } from "../assert.js";

const storage = new AsyncLocalStorage();
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export const a_store_is_there_after_await_and_timers = {
  async test() {
    equal(storage.getStore(), undefined);
    const seen = await storage.run("one", async () => {
      const seen = [storage.getStore()];
      await null;
      seen.push(storage.getStore());
      await wait(1);
      seen.push(storage.getStore());
      await new Promise((resolve) => queueMicrotask(() => resolve(seen.push(storage.getStore()))));
      await new Promise((resolve) => process.nextTick(() => resolve(seen.push(storage.getStore()))));
      return seen;
    });
    equal(seen.join(), "one,one,one,one,one");
    equal(storage.getStore(), undefined);
  },
};

export const stores_nest_and_do_not_mix = {
  async test() {
    const other = new AsyncLocalStorage();
    const inner = await storage.run(1, () =>
      other.run("a", () => storage.run(2, async () => {
        await wait(1);
        return [storage.getStore(), other.getStore()];
      })));
    equal(inner.join(), "2,a");
    const many = await Promise.all([1, 2, 3].map((id) => storage.run(id, async () => {
      await wait(4 - id);
      return storage.getStore();
    })));
    equal(many.join(), "1,2,3");
  },
};

export const exit_and_enter_with = {
  test() {
    storage.run(1, () => {
      equal(storage.exit(() => storage.getStore()), undefined);
      equal(storage.getStore(), 1);
    });
    equal(storage.run(5, (a, b) => a + b + storage.getStore(), 1, 2), 8);
  },
};

export const a_resource_keeps_its_frame = {
  async test() {
    const resource = storage.run("then", () => new AsyncResource("Thing"));
    equal(storage.run("now", () => resource.runInAsyncScope(() => storage.getStore())), "then");
    const bound = storage.run("bound", () => AsyncResource.bind(() => storage.getStore()));
    equal(bound(), "bound");
    const snapshot = storage.run("taken", () => AsyncLocalStorage.snapshot());
    equal(storage.run("else", () => snapshot(() => storage.getStore())), "taken");
    equal(storage.run("als", () => AsyncLocalStorage.bind((x) => `${x}${storage.getStore()}`))("b"), "bals");
    ok(typeof resource.asyncId() === "number");
  },
};

export const a_store_reaches_streams_and_wait_until = {
  async test(ctrl, env, ctx) {
    const chunks = await storage.run("s", async () => {
      const seen = [];
      for await (const chunk of Readable.from(["a", "b"])) seen.push(chunk + storage.getStore());
      return seen;
    });
    equal(chunks.join(), "as,bs");
    let late;
    const done = storage.run("w", () => (async () => {
      await wait(1);
      late = storage.getStore();
    })());
    ctx.waitUntil(done);
    await done;
    equal(late, "w");
  },
};

export const an_emitter_calls_its_listeners_in_the_frame_that_emits = {
  test() {
    const emitter = new EventEmitter();
    let seen;
    storage.run("listening", () => emitter.on("x", () => seen = storage.getStore()));
    storage.run("emitting", () => emitter.emit("x"));
    equal(seen, "emitting");
  },
};

export const what_is_no_function_is_refused = {
  test() {
    throws(() => new AsyncResource(""), TypeError);
  },
};
