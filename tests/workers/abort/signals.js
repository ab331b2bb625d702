import { equal, ok, rejects, throws } from "../assert.js";

export const abort_tells_listeners_once = {
  test() {
    const controller = new AbortController();
    let count = 0;
    controller.signal.addEventListener("abort", (event) => {
      count++;
      equal(event.type, "abort");
      equal(event.target, controller.signal);
    });
    controller.signal.onabort = () => count++;
    equal(controller.signal.aborted, false);
    controller.abort();
    controller.abort();
    equal(count, 2);
    equal(controller.signal.aborted, true);
    equal(controller.signal.reason.name, "AbortError");
    ok(controller.signal.reason instanceof DOMException);
  },
};

export const reasons_are_kept = {
  test() {
    const controller = new AbortController();
    controller.abort("because");
    equal(controller.signal.reason, "because");
    let thrown;
    try {
      controller.signal.throwIfAborted();
    } catch (error) {
      thrown = error;
    }
    equal(thrown, "because");
    new AbortController().signal.throwIfAborted();
  },
};

export const ready_made_signals = {
  async test() {
    equal(AbortSignal.abort().reason.name, "AbortError");
    equal(AbortSignal.abort(1).reason, 1);
    const signal = AbortSignal.timeout(1);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    equal(signal.reason.name, "TimeoutError");
    throws(() => new AbortSignal(), TypeError);
  },
};

export const any_follows_the_first = {
  test() {
    const one = new AbortController(), two = new AbortController();
    const any = AbortSignal.any([one.signal, two.signal]);
    equal(any.aborted, false);
    two.abort("two");
    one.abort("one");
    equal(any.aborted, true);
    equal(any.reason, "two");
    equal(AbortSignal.any([AbortSignal.abort("now")]).reason, "now");
  },
};

export const waiting_can_be_aborted = {
  async test() {
    const controller = new AbortController();
    const waiting = scheduler.wait(60000, { signal: controller.signal });
    controller.abort();
    await rejects(waiting, "AbortError");
  },
};
