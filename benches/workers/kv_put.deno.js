// The same as kv_put.js on Deno KV.
const kv = await Deno.openKv("kv.sqlite3");
let n = 0;
export default {
  async fetch(request) {
    const key = `key:${n++ % 100000}`;
    await kv.set([key], await request.text());
    return new Response("stored");
  },
};
