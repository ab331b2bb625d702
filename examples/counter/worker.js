// Counters that outlive the process, one Durable Object for each name. Whoever
// asks for /NAME talks to the same object, and it does one thing at a time: no
// increment is lost, however many come at once.
import { DurableObject } from "cloudflare:workers";

export class Counter extends DurableObject {
  async fetch(request) {
    let value = (await this.ctx.storage.get("value")) ?? 0;
    if (request.method === "POST") {
      // The answer leaves when the new value is on disk.
      value += 1;
      await this.ctx.storage.put("value", value);
    }
    return new Response(`${value}\n`);
  }
}

export default {
  fetch(request, { COUNTER }) {
    const name = decodeURIComponent(new URL(request.url).pathname.slice(1));
    if (name === "") return new Response("POST /NAME counts, GET /NAME tells\n");
    return COUNTER.getByName(name).fetch(request);
  },
};
