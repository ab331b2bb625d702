// hello.js with the body of cache_hit.js: what it costs to send it.
const body = "x".repeat(10240);
export default {
  fetch() {
    return new Response(body);
  },
};
