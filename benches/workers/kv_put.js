// The request's body goes under one of 100,000 keys; the answer leaves when it is on disk.
let n = 0;
export default {
  async fetch(request, { KV }) {
    const key = `key:${n++ % 100000}`;
    await KV.put(key, await request.text());
    return new Response("stored");
  },
};
