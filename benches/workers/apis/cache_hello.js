// The response of hello.js out of the cache.
const key = "https://example.com/hello";
export default {
  async fetch() {
    const found = await caches.default.match(key);
    if (found !== undefined) return found;
    const made = new Response("Hello, world!", { headers: { "cache-control": "max-age=3600" } });
    await caches.default.put(key, made.clone());
    return made;
  },
};
