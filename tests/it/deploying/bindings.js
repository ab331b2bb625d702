import { DurableObject, WorkflowEntrypoint } from "cloudflare:workers";

export class Room extends DurableObject {
  async fetch() {
    await this.ctx.storage.put("n", 1);
    return new Response("stored");
  }
}

export class Flow extends WorkflowEntrypoint {
  async run(event, step) {
    return await step.do("one", async () => 1);
  }
}

const CODE = "export default { fetch() { return new Response('loaded'); } };";
const failing = async (promise) => {
  try {
    await promise;
  } catch {
    return;
  }
  throw new Error("it did not fail");
};
const mail = (to) => ({ from: "me@x.org", to, subject: "s", text: "t" });

// What each binding is used for, by its type.
const USES = {
  plain_text: (env) => env.PLAIN_TEXT,
  json: (env) => env.JSON.n,
  secret_text: (env) => env.SECRET_TEXT.length,
  async kv_namespace({ KV_NAMESPACE: kv }) {
    await kv.put("a", "1");
    await kv.get("a");
    await kv.list();
    await kv.delete("a");
  },
  async d1({ D1: db }) {
    await db.batch([db.prepare("CREATE TABLE IF NOT EXISTS t (x INTEGER)"), db.prepare("INSERT INTO t VALUES (1)")]);
    return await db.prepare("SELECT sum(x) AS s FROM t").first("s");
  },
  async r2_bucket({ R2_BUCKET: bucket }) {
    await bucket.put("a", "12345");
    await bucket.head("a");
    await bucket.list();
    const upload = await bucket.createMultipartUpload("b");
    await upload.abort();
    const text = await (await bucket.get("a")).text();
    await bucket.delete("a");
    return text;
  },
  queue: (env) => env.QUEUE.send("hello"),
  durable_object_namespace: async (env) => {
    const namespace = env.DURABLE_OBJECT_NAMESPACE;
    return await (await namespace.get(namespace.idFromName("a")).fetch("http://room/")).text();
  },
  workflow: async (env) => (await env.WORKFLOW.create()).id.length,
  service: async (env) => await (await env.SERVICE.fetch("http://other/")).text(),
  dispatch_namespace: (env) => failing(env.DISPATCH_NAMESPACE.get("nobody").fetch("http://customer/")),
  async worker_loader(env) {
    const code = { compatibilityDate: "2026-11-01", mainModule: "main.js", modules: { "main.js": CODE } };
    const worker = env.WORKER_LOADER.get("one", () => code);
    return await (await worker.getEntrypoint().fetch("http://loaded/")).text();
  },
  async hyperdrive(env) {
    const socket = env.HYPERDRIVE.connect();
    await socket.opened;
    await socket.close();
  },
  secrets_store_secret: (env) => env.SECRETS_STORE_SECRET.get(),
  ratelimit: async (env) => (await env.RATELIMIT.limit({ key: "a" })).success,
  analytics_engine: (env) => env.ANALYTICS_ENGINE.writeDataPoint({ indexes: ["a"] }),
  async send_email({ SEND_EMAIL: email }) {
    await email.send(mail("a@x.org"));
    await failing(email.send(mail("no address")));
    await failing(email.send(mail("later@x.org")));
  },
  version_metadata: (env) => env.VERSION_METADATA.id.length,
  assets: async (env) => await (await env.ASSETS.fetch("http://assets/a.txt")).text(),
};

export default {
  async fetch(request, env) {
    const kind = new URL(request.url).pathname.slice("/use/".length);
    try {
      return Response.json({ used: await USES[kind](env) ?? null });
    } catch (error) {
      return new Response(`${kind}: ${error.stack}`, { status: 500 });
    }
  },
};
