// One object of 1 MiB from an R2 bucket.
export default {
  async fetch(request, { FILES }) {
    if (request.method === "GET") {
      const object = await FILES.get("file");
      return new Response(object === null ? "nothing yet" : object.body);
    }
    await FILES.put("file", "x".repeat(1 << 20));
    return new Response("seeded");
  },
};
