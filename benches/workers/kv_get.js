// One small value from a KV namespace.
export default {
  async fetch(request, { KV }) {
    if (request.method === "GET") {
      const value = await KV.get("greeting");
      if (value !== null) return new Response(value);
    }
    await KV.put("greeting", "Hello from KV!");
    return new Response("seeded");
  },
};
