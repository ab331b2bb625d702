// compatibility-date: 2021-01-01
// Keys of caches as they were in 2021.
import { equal } from "../assert.js";

const kept = () => new Response("kept", { headers: { "cache-control": "max-age=60" } });

export const keys_need_a_host = {
  async test() {
    const { default: cache } = caches;
    for (const act of [() => cache.match("/foo"), () => cache.put("/foo", kept()), () => cache.delete(new Request("foo"))]) {
      const message = await act().then(() => "none", (error) => error.message);
      equal(message, "Invalid URL. Cache API keys must be fully-qualified, valid URLs.");
    }
  },
};

export const keys_are_found_as_they_were_put = {
  async test() {
    const key = "http://dates.example/a/../b?x#f";
    await caches.default.put(key, kept());
    equal(await (await caches.default.match(new Request(key))).text(), "kept");
    equal(await caches.default.delete(key), true);
  },
};
