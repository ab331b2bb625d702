// The same as kv_list.js on Deno KV.
const kv = await Deno.openKv("kv.sqlite3");
let pages = 0;
let n = 0;
const part = (number) => String(number).padStart(4, "0");
export default {
  async fetch(request) {
    if (request.method === "POST") {
      const page = part(pages++);
      for (let from = 0; from < 1000; from += 500) {
        const write = kv.atomic();
        for (let i = from; i < from + 500; i++) write.set(["page", page, part(i)], "x");
        await write.commit();
      }
      return new Response("seeded");
    }
    const keys = [];
    const found = kv.list({ prefix: ["page", part(n++ % Math.max(pages, 1))] }, { limit: 1000, batchSize: 1000 });
    for await (const { key } of found) keys.push(key);
    return new Response(`${keys.length} keys, the last is ${keys.at(-1)?.join(":")}`);
  },
};
