// Notes that outlive the process: PUT /name stores the body, GET /name answers
// with it, DELETE /name forgets it, and GET / lists the names.
export default {
  async fetch(request, { NOTES }) {
    const name = decodeURIComponent(new URL(request.url).pathname.slice(1));
    if (name === "") {
      const { keys } = await NOTES.list();
      return Response.json(keys.map((key) => ({ name: key.name, ...key.metadata })));
    }
    switch (request.method) {
      case "PUT": {
        // The body goes to the disk as it comes; it is never whole in memory.
        const type = request.headers.get("content-type") ?? "text/plain";
        await NOTES.put(name, request.body ?? "", { metadata: { type } });
        return new Response(`stored ${name}\n`, { status: 201 });
      }
      case "DELETE":
        await NOTES.delete(name);
        return new Response(null, { status: 204 });
      default: {
        const { value, metadata } = await NOTES.getWithMetadata(name, "stream");
        if (value === null) return new Response(`there is no ${name}\n`, { status: 404 });
        return new Response(value, { headers: { "content-type": metadata.type } });
      }
    }
  },
};
