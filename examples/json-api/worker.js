// Routes by method and path, reads JSON, answers JSON. What `[vars]` in
// wrangler.toml holds comes in `env`.
const routes = {
  "GET /": (request, env) => ({ greeting: env.GREETING, languages: env.LANGUAGES }),
  "POST /sum": async (request) => {
    const { numbers } = await request.json();
    return { sum: numbers.reduce((sum, number) => sum + number, 0) };
  },
};

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    const route = routes[`${request.method} ${pathname}`];
    if (route === undefined) return Response.json({ error: "not found" }, { status: 404 });
    try {
      return Response.json(await route(request, env));
    } catch (error) {
      return Response.json({ error: error.message }, { status: 400 });
    }
  },
};
