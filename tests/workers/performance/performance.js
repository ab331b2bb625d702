import { equal, ok } from "../assert.js";

export const there_is_a_clock = {
  test() {
    ok(performance.now() >= 0);
    ok(typeof performance.timeOrigin === "number");
    ok(Math.abs(Date.now() - Date.parse(new Date().toISOString())) < 1000);
  },
};

export const the_navigator_names_the_platform = {
  test() {
    equal(navigator.userAgent, "Cloudflare-Workers");
  },
};
