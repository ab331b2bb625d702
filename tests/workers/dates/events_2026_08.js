// compatibility-date: 2026-08-01
// Before 2026-09-15 the first exception of a listener ends the dispatch and comes
// out of `dispatchEvent()` and `abort()`.
import { equal, same, throws } from "../assert.js";

const seen = [];
const listen = (target, type, name, thrown) =>
  target.addEventListener(type, () => {
    seen.push(name);
    if (thrown !== undefined) throw new TypeError(thrown);
  });

export const dispatchThrows = {
  test() {
    seen.length = 0;
    const target = new EventTarget();
    listen(target, "x", "first", "one");
    listen(target, "x", "second");
    const event = new Event("x");
    equal(throws(() => target.dispatchEvent(event), TypeError).message, "one");
    same(seen, ["first"]);
    equal(event.eventPhase, 0);
    // It can be dispatched again.
    equal(throws(() => target.dispatchEvent(event), TypeError).message, "one");
  },
};

export const abortThrows = {
  test() {
    seen.length = 0;
    const controller = new AbortController();
    listen(controller.signal, "abort", "first", "one");
    listen(controller.signal, "abort", "second");
    const both = AbortSignal.any([controller.signal]);
    listen(both, "abort", "dependent");
    equal(throws(() => controller.abort(), TypeError).message, "one");
    same(seen, ["first"]);
    equal(controller.signal.aborted, true);
    equal(both.aborted, true);
  },
};

export const globalListenersThrow = {
  test() {
    const first = () => {
      throw new TypeError("global");
    };
    addEventListener("selvedge", first);
    try {
      equal(throws(() => dispatchEvent(new Event("selvedge")), TypeError).message, "global");
    } finally {
      removeEventListener("selvedge", first);
    }
  },
};

export const onceIsOnce = {
  test() {
    let calls = 0;
    const target = new EventTarget();
    target.addEventListener("x", () => {
      calls++;
      throw new TypeError("once");
    }, { once: true });
    throws(() => target.dispatchEvent(new Event("x")), TypeError);
    equal(target.dispatchEvent(new Event("x")), true);
    equal(calls, 1);
  },
};
