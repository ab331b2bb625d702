// Service-worker syntax: a listener takes the requests, and what `[vars]` in
// wrangler.toml holds are global variables.
addEventListener("fetch", (event) => {
  event.respondWith(answer(event.request));
});

async function answer(request) {
  const { pathname } = new URL(request.url);
  return new Response(`${GREETING}, you asked for ${pathname}\n`);
}
