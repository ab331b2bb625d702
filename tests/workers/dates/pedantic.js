// compatibility-flags: pedantic_wpt
// What follows the letter of the standards if a flag asks for it.
import { equal, throws } from "../assert.js";

export const eventsForgetTheirTarget = {
  test() {
    const target = new EventTarget();
    const event = new Event("x");
    let during;
    target.addEventListener("x", ({ currentTarget }) => {
      during = currentTarget;
    });
    equal(event.currentTarget, null);
    target.dispatchEvent(event);
    equal(during, target);
    equal(event.currentTarget, null);
    equal(event.target, target);
  },
};

export const returnValuesCanBeSet = {
  test() {
    const event = new Event("x", { cancelable: true });
    event.returnValue = false;
    equal(event.defaultPrevented, true);
  },
};

export const trustIsOfEachEvent = {
  test() {
    equal(Object.hasOwn(new Event("x"), "isTrusted"), true);
    equal("isTrusted" in Event.prototype, false);
    equal(new Event("x").isTrusted, false);
  },
};

export const sinksHaveNoType = {
  test() {
    const text = "Invalid underlying sink type. Only undefined is valid.";
    equal(throws(() => new WritableStream({ type: "bytes" }), RangeError).message, text);
    equal(throws(() => new WritableStream({ type: null }), RangeError).message, text);
    equal(new WritableStream({ type: undefined }).locked, false);
  },
};

export const streamsOfTextAreLenient = {
  test() {
    equal(new TextDecoderStream("utf-8", { ignoreBOM: true }).fatal, false);
  },
};
