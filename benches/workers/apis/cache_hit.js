// A response of 10 KB out of the cache.
const body = "x".repeat(10240);
const key = "https://example.com/page";
export default {
  async fetch() {
    const found = await caches.default.match(key);
    if (found !== undefined) return found;
    const made = new Response(body, { headers: { "cache-control": "max-age=3600" } });
    await caches.default.put(key, made.clone());
    return made;
  },
};
