// A site: pages from public/, an API over a database, uploads in a bucket, and a queue
// whose consumer makes thumbnails.
import { thumbnail } from "./thumbnail.ts";

interface Env {
  DB: D1Database;
  FILES: R2Bucket;
  THUMBNAILS: Queue<Job>;
}

interface Job {
  id: string;
}

const MOST_BYTES = 10_000_000;

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    const [, kind, id] = pathname.split("/");
    if (pathname === "/api/pictures") {
      if (request.method === "GET") return list(env);
      if (request.method === "POST") return add(request, env);
      return new Response("GET or POST\n", { status: 405, headers: { allow: "GET, POST" } });
    }
    if (kind === "api" && pathname.startsWith("/api/pictures/") && request.method === "DELETE") {
      return remove(pathname.slice("/api/pictures/".length), env);
    }
    if ((kind === "pictures" || kind === "thumbnails") && id !== undefined) return file(request, env, `${kind}/${id}`);
    return new Response("There is nothing here.\n", { status: 404 });
  },

  async queue(batch, env) {
    for (const message of batch.messages) {
      try {
        await makeThumbnail(message.body.id, env);
        message.ack();
      } catch (error) {
        console.error(`no thumbnail of ${message.body.id}`, error);
        message.retry({ delaySeconds: 5 });
      }
    }
  },
} satisfies ExportedHandler<Env, Job>;

async function list(env: Env): Promise<Response> {
  const { results } = await env.DB.prepare(
    "SELECT id, title, width, height, thumbnail FROM pictures ORDER BY added DESC, id LIMIT 100",
  ).all();
  return Response.json(results);
}

async function add(request: Request, env: Env): Promise<Response> {
  const title = new URL(request.url).searchParams.get("title")?.trim();
  if (!title) return Response.json({ error: "A picture needs a title." }, { status: 400 });
  if (request.headers.get("content-type") !== "image/png" || request.body === null) {
    return Response.json({ error: "Only PNG is taken." }, { status: 415 });
  }
  if (Number(request.headers.get("content-length")) > MOST_BYTES) {
    return Response.json({ error: "That is too large." }, { status: 413 });
  }
  const id = crypto.randomUUID();
  await env.FILES.put(`pictures/${id}`, request.body, { httpMetadata: { contentType: "image/png" } });
  await env.DB.prepare("INSERT INTO pictures (id, title, added) VALUES (?, ?, ?)").bind(id, title, Date.now()).run();
  await env.THUMBNAILS.send({ id });
  return Response.json({ id, title }, { status: 201 });
}

async function remove(id: string, env: Env): Promise<Response> {
  const { meta } = await env.DB.prepare("DELETE FROM pictures WHERE id = ?").bind(id).run();
  if (meta.changes === 0) return Response.json({ error: "There is no such picture." }, { status: 404 });
  await env.FILES.delete([`pictures/${id}`, `thumbnails/${id}`]);
  return new Response(null, { status: 204 });
}

async function file(request: Request, env: Env, key: string): Promise<Response> {
  const object = await env.FILES.get(key, { onlyIf: request.headers, range: request.headers });
  if (object === null) return new Response("There is no such picture.\n", { status: 404 });
  const headers = new Headers();
  object.writeHttpMetadata(headers);
  headers.set("etag", object.httpEtag);
  if (!("body" in object)) return new Response(null, { status: 304, headers });
  return new Response(object.body, { headers });
}

async function makeThumbnail(id: string, env: Env): Promise<void> {
  const picture = await env.FILES.get(`pictures/${id}`);
  // It was deleted meanwhile.
  if (picture === null) return;
  const { width, height, png } = thumbnail(new Uint8Array(await picture.arrayBuffer()));
  await env.FILES.put(`thumbnails/${id}`, png, { httpMetadata: { contentType: "image/png" } });
  await env.DB.prepare("UPDATE pictures SET width = ?, height = ?, thumbnail = 1 WHERE id = ?").bind(width, height, id).run();
}
