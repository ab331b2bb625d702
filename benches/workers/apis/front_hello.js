// hello.js behind the cache before a Worker: it runs once.
export default {
  fetch() {
    return new Response("Hello, world!", { headers: { "cache-control": "max-age=3600" } });
  },
};
