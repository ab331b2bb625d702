// compatibility-date: 2026-11-01
import process, { env, nextTick } from "node:process";
import timers from "node:timers";
import { setTimeout as sleep, setInterval as every, setImmediate as soon } from "node:timers/promises";
import { equal, ok, throws } from "../assert.js";

export const it_is_the_global = {
  test() {
    ok(process === globalThis.process);
    ok(globalThis.global === globalThis);
    equal(process.platform, "linux");
    equal(process.arch, "x64");
    ok(process.version.startsWith("v22."));
    equal(process.versions.node, process.version.slice(1));
    ok(env === process.env);
  },
};

export const ticks_come_after_the_running_code = {
  async test() {
    const seen = [];
    nextTick((x) => seen.push(x), "tick");
    seen.push("now");
    await new Promise((resolve) => setTimeout(resolve, 1));
    equal(seen.join(), "now,tick");
    throws(() => nextTick(5), TypeError);
  },
};

export const the_environment_is_text = {
  test() {
    env.ADDED = 5;
    equal(env.ADDED, "5");
    ok("ADDED" in env);
    delete env.ADDED;
    equal(env.ADDED, undefined);
    equal(env.PATH, undefined);
    equal(env.HOME, undefined);
  },
};

export const clocks = {
  test() {
    const [seconds, nanos] = process.hrtime();
    ok(seconds >= 0 && nanos >= 0 && nanos < 1e9);
    equal(typeof process.hrtime.bigint(), "bigint");
    equal(process.hrtime([0, 0]).length, 2);
  },
};

export const it_emits = {
  test() {
    let seen;
    process.once("mine", (x) => seen = x);
    process.emit("mine", 4);
    equal(seen, 4);
  },
};

export const timers_are_objects = {
  async test() {
    const timer = timers.setTimeout(() => {}, 1000);
    equal(typeof timer, "object");
    ok(timer.hasRef() && timer.unref() === timer && !timer.hasRef() && timer.ref().hasRef());
    timers.clearTimeout(timer);
    const global = setTimeout(() => {}, 1000);
    equal(typeof global, "object");
    ok(typeof +global === "number");
    clearTimeout(+global);
    let runs = 0;
    const again = setTimeout(() => runs++, 1);
    await sleep(15);
    again.refresh();
    await sleep(15);
    equal(runs, 2);
  },
};

export const timers_as_promises = {
  async test() {
    equal(await sleep(1, "value"), "value");
    equal(await soon("now"), "now");
    let count = 0;
    for await (const value of every(1, "tick")) {
      equal(value, "tick");
      if (++count === 2) break;
    }
    const controller = new AbortController();
    const waiting = sleep(10000, null, { signal: controller.signal });
    controller.abort();
    equal(await waiting.catch((error) => error.code), "ABORT_ERR");
  },
};
