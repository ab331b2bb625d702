// Each request sends a hundred messages, which this Worker takes again.
const batch = Array.from({ length: 100 }, (_, n) => ({ body: { n, text: "a message of some length" } }));
export default {
  async fetch(request, { Q }) {
    await Q.sendBatch(batch);
    return new Response("sent");
  },
  queue() {},
};
