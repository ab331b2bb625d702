// The Worker of a site: it gets /api/* and what is no file.
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/api/time") return Response.json({ now: new Date().getFullYear() > 2000 });
    if (pathname === "/api/page") {
      // The Worker may look into the site's own files.
      const page = await env.ASSETS.fetch(new URL("/about", request.url));
      const text = await page.text();
      return Response.json({ title: text.match(/<title>(.*)<\/title>/)[1], bytes: text.length });
    }
    return Response.json({ error: "no such call" }, { status: 404 });
  },
};
