// compatibility-date: 2026-11-17
// compatibility-flags: nonclass_entrypoint_reuses_ctx_across_invocations
// All events of a handler that is no class have the same `ctx`.
import { WorkerEntrypoint } from "cloudflare:workers";
import { equal } from "../assert.js";

const seen = new Set();
const later = [];

export const plain = {
  fetch(_request, _env, ctx) {
    seen.add(ctx);
    ctx.waitUntil(Promise.resolve().then(() => later.push(seen.size)));
    return new Response(`${seen.size}`);
  },
};

export class Own extends WorkerEntrypoint {
  fetch() {
    seen.add(this.ctx);
    return new Response(`${seen.size}`);
  }
}

export const contextsAreOne = {
  async test(_ctrl, _env, ctx) {
    const said = async (entrypoint) => await (await entrypoint.fetch("http://x/")).text();
    equal(await said(ctx.exports.plain), "1");
    equal(await said(ctx.exports.plain), "1");
    equal(later.join(), "1,1");
    // A class has what its constructor gets.
    equal(await said(ctx.exports.Own), "2");
    equal(await said(ctx.exports.Own), "3");
  },
};
