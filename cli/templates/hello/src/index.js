export default {
  async fetch(request, env, ctx) {
    const { searchParams } = new URL(request.url);
    const name = searchParams.get("name") ?? "World";
    return new Response(`${env.GREETING}, ${name}!\n`);
  },
};
