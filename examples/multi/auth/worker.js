// Knows who is who. Nobody outside can ask it: it takes no connections.
import { WorkerEntrypoint } from "cloudflare:workers";

export default {
  fetch(request, { TOKENS }) {
    const token = request.headers.get("authorization")?.replace(/^Bearer /, "");
    const user = TOKENS[token];
    if (user === undefined) return new Response("who are you?\n", { status: 401 });
    return Response.json({ user });
  },
};

let visits = 0;

/** Another entrypoint: `entrypoint = "Audit"` in the binding names it. */
export class Audit extends WorkerEntrypoint {
  async fetch(request) {
    if (request.method === "POST") {
      visits++;
      console.log(`${await request.text()} was here`);
    }
    return new Response(String(visits));
  }
}
