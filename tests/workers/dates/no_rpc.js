// compatibility-date: 2026-11-17
// compatibility-flags: no_rpc
// Before remote calls came, names on bindings were properties.
import { WorkerEntrypoint } from "cloudflare:workers";
import { equal } from "../assert.js";

export class Callee extends WorkerEntrypoint {
  hi() {
    return "hi";
  }
  fetch() {
    return new Response("fetched");
  }
}

export const namesAreNoMethods = {
  async test(_ctrl, _env, ctx) {
    const { Callee } = ctx.exports;
    equal(typeof Callee.hi, "undefined");
    equal("hi" in Callee, false);
    equal("fetch" in Callee, true);
    equal(await (await Callee.fetch("http://x/")).text(), "fetched");
    // It can be awaited, as it has no `then()`.
    equal(typeof (await Callee).fetch, "function");
  },
};
