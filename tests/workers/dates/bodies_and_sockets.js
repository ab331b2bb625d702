// compatibility-date: 2025-11-01
// What came in the winter of 2025: iterables as bodies, WebSockets that give
// blobs and answer close frames, `ctx.exports`.
import { equal } from "../assert.js";

export const iterablesAreTexts = {
  async test() {
    equal(await new Response(["a", "b"]).text(), "a,b");
    equal(await new Response(new Set([1])).text(), "[object Set]");
  },
};

export const webSocketsGiveBuffers = {
  test() {
    equal(new WebSocketPair()[0].binaryType, "arraybuffer");
  },
};

export const contextsHaveNoExports = {
  test(_ctrl, _env, ctx) {
    equal(ctx.exports, undefined);
  },
};

export const flagsSayIt = {
  test() {
    const { compatibilityFlags: flags } = Cloudflare;
    equal(flags.fetch_iterable_type_support, false);
    equal(flags.enable_ctx_exports, false);
    equal(flags.rpc, true);
  },
};
