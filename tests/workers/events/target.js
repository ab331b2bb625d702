import { equal, ok, same, throws } from "../assert.js";

export const listeners_are_called_in_order = {
  test() {
    const target = new EventTarget();
    const seen = [];
    const twice = () => seen.push("once added");
    target.addEventListener("x", () => seen.push(1));
    target.addEventListener("x", twice);
    target.addEventListener("x", twice);
    target.addEventListener("x", { handleEvent() { seen.push("object"); } });
    target.addEventListener("y", () => seen.push("other"));
    target.dispatchEvent(new Event("x"));
    same(seen, [1, "once added", "object"]);
    target.removeEventListener("x", twice);
    target.dispatchEvent(new Event("x"));
    same(seen.slice(3), [1, "object"]);
  },
};

export const options_are_honoured = {
  test() {
    const target = new EventTarget();
    const controller = new AbortController();
    let once = 0, signalled = 0;
    target.addEventListener("x", () => once++, { once: true });
    target.addEventListener("x", () => signalled++, { signal: controller.signal });
    target.dispatchEvent(new Event("x"));
    controller.abort();
    target.dispatchEvent(new Event("x"));
    same([once, signalled], [1, 1]);
  },
};

export const only_cancelable_events_are_prevented = {
  test() {
    const target = new EventTarget();
    target.addEventListener("x", (event) => event.preventDefault());
    equal(target.dispatchEvent(new Event("x")), true);
  },
};

export const events_can_be_stopped_and_prevented = {
  test() {
    const target = new EventTarget();
    const seen = [];
    target.addEventListener("x", (event) => { event.stopImmediatePropagation(); event.preventDefault(); });
    target.addEventListener("x", () => seen.push("not reached"));
    equal(target.dispatchEvent(new Event("x", { cancelable: true })), false);
    same(seen, []);
  },
};

export const custom_events_carry_details = {
  test() {
    const event = new CustomEvent("x", { detail: { a: 1 } });
    equal(event.detail.a, 1);
    ok(event instanceof Event);
  },
};

export const other_events_have_their_fields = {
  test() {
    equal(new MessageEvent("message", { data: 1 }).data, 1);
    equal(new CloseEvent("close", { code: 1000, reason: "r" }).reason, "r");
    equal(new ErrorEvent("error", { message: "m" }).message, "m");
    throws(() => new Event(), TypeError);
  },
};

export const classes_may_extend_event_target = {
  test() {
    class Bell extends EventTarget {
      ring() {
        return this.dispatchEvent(new Event("ring"));
      }
    }
    const bell = new Bell();
    let rang = false;
    bell.addEventListener("ring", function () { rang = this === bell; });
    bell.ring();
    equal(rang, true);
  },
};
