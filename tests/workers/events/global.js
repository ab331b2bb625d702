// Listeners of the global object.
import { equal } from "../assert.js";

export const their_target_is_the_global_object = {
  test() {
    const event = new Event("selvedge");
    let seen = null;
    const listener = function (given) {
      seen = [this, given.target, given.currentTarget, given.srcElement, ...given.composedPath()];
    };
    addEventListener("selvedge", listener);
    dispatchEvent(event);
    removeEventListener("selvedge", listener);
    equal(seen.length, 5);
    for (const target of seen) equal(target, globalThis);
    equal(event.target, globalThis);
  },
};
