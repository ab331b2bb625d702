// An API's read: look at the URL, answer with a small JSON object.
export default {
  fetch(request) {
    const url = new URL(request.url);
    return Response.json({
      path: url.pathname,
      id: Number(url.searchParams.get("id")),
      name: "selvedge",
      tags: ["edge", "worker", "json"],
      ok: true,
    });
  },
};
