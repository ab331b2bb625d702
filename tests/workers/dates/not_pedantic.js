// compatibility-date: 2026-11-01
// What does not, if no flag asks for it.
import { equal, throws } from "../assert.js";

export const eventsKeepTheirTarget = {
  test() {
    const target = new EventTarget();
    const event = new Event("x");
    target.addEventListener("x", () => {});
    target.dispatchEvent(event);
    equal(event.currentTarget, target);
  },
};

export const returnValuesAreReadOnly = {
  test() {
    const event = new Event("x", { cancelable: true });
    throws(() => {
      event.returnValue = false;
    }, TypeError);
    equal(event.returnValue, true);
    event.preventDefault();
    equal(event.returnValue, false);
  },
};

export const trustIsOfAllEvents = {
  test() {
    equal(Object.hasOwn(new Event("x"), "isTrusted"), false);
    equal("isTrusted" in Event.prototype, true);
  },
};

export const sinksMayHaveAType = {
  test() {
    equal(new WritableStream({ type: "bytes" }).locked, false);
  },
};

export const streamsOfTextAreStrictWithOptions = {
  test() {
    equal(new TextDecoderStream().fatal, false);
    equal(new TextDecoderStream("utf-8").fatal, false);
    equal(new TextDecoderStream("utf-8", {}).fatal, true);
    equal(new TextDecoderStream("utf-8", { ignoreBOM: true }).ignoreBOM, true);
    equal(new TextDecoderStream("utf-8", { fatal: false }).fatal, false);
  },
};
