// What `navigator` tells.
import { equal, ok, same, throws } from "../assert.js";

export const facts = {
  test() {
    same([navigator.userAgent, navigator.language, navigator.languages, navigator.platform], ["Cloudflare-Workers", "en", ["en"], ""]);
    equal(navigator.hardwareConcurrency, 1);
    ok(navigator instanceof Navigator);
    equal(Object.prototype.toString.call(navigator), "[object Navigator]");
    throws(() => new Navigator(), TypeError);
  },
};

export const beacons = {
  test() {
    equal(
      throws(() => navigator.sendBeacon(), TypeError).message,
      "Failed to execute 'sendBeacon' on 'Navigator': parameter 1 is not of type 'string'.",
    );
  },
};
