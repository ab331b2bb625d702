// hello_10k.js behind the cache before a Worker: it runs once.
const body = "x".repeat(10240);
export default {
  fetch() {
    return new Response(body, { headers: { "cache-control": "max-age=3600" } });
  },
};
