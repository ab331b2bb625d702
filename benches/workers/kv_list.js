// A page of 1,000 keys; POST makes another page of them.
let pages = 0;
let n = 0;
const prefix = (page) => `page:${String(page).padStart(4, "0")}:`;
export default {
  async fetch(request, { KV }) {
    if (request.method === "POST") {
      const start = prefix(pages++);
      const names = Array.from({ length: 1000 }, (_, i) => start + String(i).padStart(4, "0"));
      // A request may make a thousand calls; a hundred at a time is enough to share commits.
      while (names.length > 0) await Promise.all(names.splice(0, 100).map((name) => KV.put(name, "x")));
      return new Response("seeded");
    }
    const { keys } = await KV.list({ prefix: prefix(n++ % Math.max(pages, 1)) });
    return new Response(`${keys.length} keys, the last is ${keys.at(-1)?.name}`);
  },
};
