// The same as kv_get.js on Deno KV.
const kv = await Deno.openKv("kv.sqlite3");
export default {
  async fetch(request) {
    if (request.method === "GET") {
      const { value } = await kv.get(["greeting"]);
      if (value !== null) return new Response(value);
    }
    await kv.set(["greeting"], "Hello from KV!");
    return new Response("seeded");
  },
};
