// Counters: /one is one object, /many one of 1,000 in turns, /N the object N; with
// /increment behind it, its value goes up and is on disk before the answer leaves. A POST
// to /FROM/TO/increment does so with all these objects, one to /FROM/TO reads them.
import { DurableObject } from "cloudflare:workers";

export class Bench extends DurableObject {
  async fetch(request) {
    const value = (await this.ctx.storage.get("value")) ?? 0;
    if (!request.url.endsWith("/increment")) return Response.json({ value });
    await this.ctx.storage.put("value", value + 1);
    return Response.json({ value: value + 1 });
  }
}

let n = 0;
export default {
  async fetch(request, { OBJECTS }) {
    const { pathname } = new URL(request.url);
    if (request.method === "POST") {
      const [, from, to, verb = ""] = pathname.split("/");
      const names = from === "" ? ["one"] : [];
      for (let name = Number(from); name < Number(to); name++) names.push(String(name));
      await Promise.all(names.map(async (name) => {
        await (await OBJECTS.getByName(name).fetch(`http://object/${verb}`)).text();
      }));
      return new Response("seeded");
    }
    const which = pathname.split("/", 2)[1];
    return OBJECTS.getByName(which === "many" ? `many:${n++ % 1000}` : which).fetch(request);
  },
};
