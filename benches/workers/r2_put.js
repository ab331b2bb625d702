// The request's body becomes one of a hundred objects of an R2 bucket; the answer leaves when it is
// on disk.
let next = 0;
export default {
  async fetch(request, { FILES }) {
    if (request.method === "GET") return new Response("ready");
    await FILES.put(`file-${next++ % 100}`, request.body);
    return new Response("stored");
  },
};
