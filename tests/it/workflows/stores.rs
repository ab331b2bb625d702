//! A server that is killed again and again while a Worker uses D1, R2, a queue and a
//! Workflow at once: nothing that was acknowledged is lost, no object is half there,
//! every message is delivered, every instance completes.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{ask, folder, kills, run};
use crate::harness::eventually;

const WORKER: &str = r#"
import { WorkflowEntrypoint } from "cloudflare:workers";

/** The bytes of an object: its length and content are those of its id. */
function content(id) {
  const bytes = new Uint8Array(20_000 + Number(id) % 7 * 30_000);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 31 + Number(id)) & 255;
  return bytes;
}

function isWhole(id, bytes) {
  const wanted = content(id);
  return bytes.length === wanted.length && bytes.every((byte, i) => byte === wanted[i]);
}

const insert = (env, kind, id) =>
  env.DB.prepare("INSERT OR IGNORE INTO done (kind, id) VALUES (?, ?)").bind(kind, id).run();

export class Work extends WorkflowEntrypoint {
  async run({ payload: { id } }, step) {
    await step.do("object", () => this.env.BUCKET.put(`flow/${id}`, content(id)).then(() => true));
    await step.sleep("a while", Number(id) % 5 * 20);
    await step.do("message", () => this.env.QUEUE.send({ kind: "flow-message", id }).then(() => true));
    await step.do("row", () => insert(this.env, "flow", id).then(() => true));
    return id;
  }
}

async function check(env) {
  const wrong = [];
  let cursor;
  let objects = 0;
  do {
    const page = await env.BUCKET.list({ cursor, limit: 200 });
    for (const { key, size } of page.objects) {
      objects++;
      const id = key.split("/")[1];
      const object = await env.BUCKET.get(key);
      const bytes = new Uint8Array(await object.arrayBuffer());
      if (size !== bytes.length || !isWhole(id, bytes)) wrong.push(key);
    }
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
  return { wrong, objects };
}

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const id = searchParams.get("id");
    switch (pathname) {
      case "/setup":
        await env.DB.exec("CREATE TABLE IF NOT EXISTS done (kind TEXT, id TEXT, PRIMARY KEY (kind, id))");
        return new Response("ok");
      case "/work":
        await Promise.all([
          insert(env, "row", id),
          env.BUCKET.put(`work/${id}`, content(id)),
          env.QUEUE.send({ kind: "message", id }),
          env.WORK.create({ id: `i${id}`, params: { id } }),
        ]);
        return new Response(id);
      case "/done": {
        const { results } = await env.DB.prepare("SELECT kind, id FROM done").all();
        return Response.json(results.map(({ kind, id }) => `${kind}/${id}`));
      }
      case "/waits":
        return new Response(`${(await env.QUEUE.metrics()).backlogCount}`);
      case "/status":
        return new Response((await (await env.WORK.get(`i${id}`)).status()).status);
      case "/objects":
        return Response.json(await check(env));
      case "/object":
        return new Response(`${(await env.BUCKET.head(id)) !== null}`);
    }
  },
  async queue(batch, env) {
    await Promise.all(batch.messages.map(({ body }) => insert(env, body.kind, body.id)));
  },
};
"#;

const CONFIG: &str = "\
main = \"worker.js\"
compatibility_date = \"2026-06-01\"
[limits]
subrequests = 10000
[[workflows]]
binding = \"WORK\"
name = \"work\"
class_name = \"Work\"
[[d1_databases]]
binding = \"DB\"
database_name = \"db\"
database_id = \"db\"
[[r2_buckets]]
binding = \"BUCKET\"
bucket_name = \"bucket\"
[[queues.producers]]
binding = \"QUEUE\"
queue = \"jobs\"
[[queues.consumers]]
queue = \"jobs\"
max_batch_timeout = 0
max_retries = 100
";

/// Works until the server is gone; notes what was acknowledged.
fn load(address: SocketAddr, ids: &AtomicU64, told: &Mutex<BTreeSet<u64>>) {
    loop {
        let id = ids.fetch_add(1, Ordering::Relaxed);
        if ask(address, &format!("/work?id={id}")).is_none() {
            return;
        }
        told.lock().expect("nobody panicked").insert(id);
    }
}

/// All of what was acknowledged has happened.
fn check(address: SocketAddr, all: &BTreeSet<u64>) {
    for id in all {
        eventually("an instance completes", || {
            let status = ask(address, &format!("/status?id={id}"))?;
            assert_ne!(status, "errored", "i{id}");
            (status == "complete").then_some(())
        });
    }
    eventually("all messages are delivered", || (ask(address, "/waits")? == "0").then_some(()));
    let done = ask(address, "/done").expect("an answer");
    let done: BTreeSet<String> = serde_json::from_str(&done).expect("a list");
    for id in all {
        for kind in ["row", "message", "flow", "flow-message"] {
            assert!(done.contains(&format!("{kind}/{id}")), "{kind}/{id} is lost");
        }
        for kind in ["work", "flow"] {
            let there = ask(address, &format!("/object?id={kind}/{id}"));
            assert_eq!(there.as_deref(), Some("true"), "{kind}/{id} is lost");
        }
    }
    let objects = ask(address, "/objects").expect("an answer");
    let objects: serde_json::Value = serde_json::from_str(&objects).expect("JSON");
    assert_eq!(objects["wrong"], serde_json::json!([]), "objects are half there");
    assert!(objects["objects"].as_u64() >= Some(2 * all.len() as u64), "{objects}");
}

#[test]
fn what_was_acknowledged_of_all_stores_outlives_kills() {
    let folder = folder(CONFIG, WORKER);
    let (told, ids) = (Mutex::new(BTreeSet::new()), AtomicU64::new(1));
    let count = || told.lock().expect("nobody panicked").len();
    for round in 0..kills() {
        let mut program = run(&folder);
        let address = program.address();
        ask(address, "/setup").expect("the table is there");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| load(address, &ids, &told));
            }
            let before = count();
            eventually("some work is done", || (count() > before + 4).then_some(()));
            // At another place of what it does each time.
            std::thread::sleep(Duration::from_micros(10_000 + round * 7919 % 60_000));
            program.signal(libc::SIGKILL);
        });
        assert!(!program.wait().status.success());
    }
    let mut program = run(&folder);
    let address = program.address();
    let all = told.lock().expect("nobody panicked").clone();
    check(address, &all);
    assert!(all.len() as u64 > kills() * 4, "only {} were acknowledged", all.len());
}
