// All that customers ask the world for passes here: it may be counted, changed, refused, or
// sent on with `fetch(request)`. This one answers itself.
export default {
  async fetch(request, env) {
    const { hostname } = new URL(request.url);
    if (hostname !== "weather.example") return new Response("not allowed", { status: 403 });
    return new Response(`Sunny, says ${hostname} to ${env.customer}.`);
  },
};
