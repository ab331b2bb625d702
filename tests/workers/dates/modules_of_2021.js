// compatibility-date: 2021-11-01
// compatibility-flags: nodejs_compat
// compatibility-modules: modules
// Attributes of imports say nothing, and `require()` of an ES module gives all of it.
import { equal, throws } from "../assert.js";
import common from "./modules/common.cjs";
import * as inner from "./modules/inner.js";
import data from "./modules/data.json" with { other: "x" };

const { load } = common;

export const attributesSayNothing = {
  async test() {
    equal(data.a, 1);
    equal((await import("./modules/data.json", { with: { type: "bytes" } })).default, data);
  },
};

export const requireGivesNamespaces = {
  test() {
    equal(load("./inner.js"), inner);
    equal(load("./given.js").given, 1);
    equal(load("./awaits.js").default, 7, "if it takes no more than microtasks");
    equal(throws(() => load("./stuck.js"), Error).message, "Top-level await in module is unsettled.");
  },
};
