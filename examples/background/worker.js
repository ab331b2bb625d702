// Work that goes on after the response: `ctx.waitUntil` keeps the request's
// context, but the client does not wait.
let done = 0;

export default {
  async fetch(request, env, ctx) {
    if (new URL(request.url).pathname === "/done") return new Response(`done: ${done}\n`);
    ctx.waitUntil(work());
    return new Response("accepted\n", { status: 202 });
  },
};

async function work() {
  await scheduler.wait(50);
  done++;
  console.log("the work is done");
}
