import { equal, ok, same, throws } from "../assert.js";

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export const timeouts_run_in_order_of_their_time = {
  async test() {
    const seen = [];
    setTimeout(() => seen.push("later"), 20);
    setTimeout(() => seen.push("sooner"), 1);
    setTimeout((...args) => seen.push(args), 0, "a", 1);
    await wait(60);
    equal(seen.length, 3);
    equal(seen[2], "later");
  },
};

export const timeouts_can_be_cleared = {
  async test() {
    let ran = false;
    const id = setTimeout(() => { ran = true; }, 1);
    clearTimeout(id);
    clearTimeout(undefined);
    clearTimeout(123456789);
    await wait(10);
    equal(ran, false);
  },
};

export const intervals_repeat_until_cleared = {
  async test() {
    let count = 0;
    await new Promise((resolve) => {
      const id = setInterval(() => {
        if (++count === 3) {
          clearInterval(id);
          resolve();
        }
      }, 1);
    });
    await wait(10);
    equal(count, 3);
  },
};

export const microtasks_come_before_timers = {
  async test() {
    const seen = [];
    await new Promise((resolve) => {
      setTimeout(() => { seen.push("timer"); resolve(); }, 0);
      queueMicrotask(() => seen.push("microtask"));
      Promise.resolve().then(() => seen.push("promise"));
      seen.push("now");
    });
    same(seen, ["now", "microtask", "promise", "timer"]);
  },
};

export const functions_are_wanted = {
  test() {
    throws(() => setTimeout("code", 0), TypeError);
    throws(() => queueMicrotask("code"), TypeError);
    ok(setTimeout(() => {}, 0) !== undefined);
  },
};

export const the_scheduler_waits = {
  async test() {
    equal(await scheduler.wait(1), undefined);
  },
};
