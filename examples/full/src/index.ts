// A bit of everything: KV, a Durable Object, a secret, static files, a cron trigger and a route.
import { DurableObject } from "cloudflare:workers";

interface Env {
  NOTES: KVNamespace;
  COUNTER: DurableObjectNamespace<Counter>;
  VERSION: { id: string };
  GREETING: string;
  API_KEY?: string;
}

export class Counter extends DurableObject<Env> {
  async add(): Promise<number> {
    const next = ((await this.ctx.storage.get<number>("count")) ?? 0) + 1;
    await this.ctx.storage.put("count", next);
    return next;
  }
}

async function notes(request: Request, env: Env, name: string): Promise<Response> {
  if (request.method === "PUT") {
    await env.NOTES.put(name, request.body ?? "");
    return new Response("kept\n", { status: 201 });
  }
  const note = await env.NOTES.get(name, "stream");
  return note === null ? new Response("no such note\n", { status: 404 }) : new Response(note);
}

export default {
  async fetch(request, env): Promise<Response> {
    const { pathname } = new URL(request.url);
    const [, , what, name = ""] = pathname.split("/");
    switch (what) {
      case "hello":
        return new Response(`${env.GREETING} from version ${env.VERSION.id.slice(0, 8)}\n`);
      case "notes":
        return notes(request, env, name);
      case "count":
        return new Response(`${await env.COUNTER.getByName(name).add()}\n`);
      case "secret": {
        const given = request.headers.get("authorization");
        const right = env.API_KEY !== undefined && given === `Bearer ${env.API_KEY}`;
        return right ? new Response("come in\n") : new Response("keep out\n", { status: 401 });
      }
      case "broken":
        console.error("about to fail for", name);
        throw new Error("this was asked for");
      default:
        return new Response("not found\n", { status: 404 });
    }
  },

  async scheduled(controller, env): Promise<void> {
    await env.NOTES.put("last-cron", new Date(controller.scheduledTime).toISOString());
    console.log("noted", controller.cron);
  },
} satisfies ExportedHandler<Env>;
