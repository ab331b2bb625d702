// 4,000 objects with one value each. A GET reads that of the next one, which no instance
// holds: after each answer the instance that gave it is ended.
import { DurableObject } from "cloudflare:workers";

export class Bench extends DurableObject {
  async fetch(request) {
    if (request.method === "POST") await this.ctx.storage.put("value", "stored");
    return new Response(await this.ctx.storage.get("value"));
  }

  end() {
    this.ctx.abort("the bench wants it cold");
  }
}

const OBJECTS_IN_ALL = 4000;
const OBJECTS_PER_SEED = 100;
let seeded = 0;
let n = 0;

const ended = (stub) => stub.end().catch(() => {});

export default {
  async fetch(request, { OBJECTS }, ctx) {
    const object = (index) => OBJECTS.getByName(`cold:${index}`);
    if (request.method === "POST") {
      for (const last = seeded + OBJECTS_PER_SEED; seeded < last; seeded++) {
        const stub = object(seeded);
        await (await stub.fetch("http://object/", { method: "POST" })).text();
        await ended(stub);
      }
      return new Response("seeded");
    }
    const stub = object(n++ % OBJECTS_IN_ALL);
    const text = await (await stub.fetch("http://object/")).text();
    ctx.waitUntil(ended(stub));
    return new Response(text);
  },
};
