//! Storage of objects: what goes wrong ends the object, not the server.

use super::CONFIG;
use crate::harness::{Setup, TestServer};

const WORKER: &str = r#"
import { DurableObject } from "cloudflare:workers";
export class Room extends DurableObject {
  memory = 0;
  async fetch(request) {
    const { storage } = this.ctx;
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case "/increment": {
        const count = (await storage.get("count") ?? 0) + 1;
        await storage.put("count", count);
        return new Response(`${count}`);
      }
      case "/count":
        return new Response(`${await storage.get("count") ?? 0}`);
      case "/memory":
        return new Response(`${++this.memory}`);
      case "/long":
        storage.kv.put("count", 1000);
        return Response.json(storage.sql.exec(
          "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n",
        ).toArray());
      case "/late":
        storage.kv.put("count", 7);
        try {
          await this.ctx.blockConcurrencyWhile(async () => {
            await storage.sync();
            storage.kv.put("count", 8);
            throw new Error("no");
          });
        } catch {}
        return new Response("too late");
      case "/unconfirmed":
        await storage.put("count", 5, { allowUnconfirmed: true });
        await storage.sync();
        return new Response("synced");
    }
  }
}
export default {
  async fetch(request, env) {
    const name = new URL(request.url).searchParams.get("name") ?? "a";
    try {
      return await env.ROOMS.getByName(name).fetch(request);
    } catch (error) {
      return Response.json({ message: error.message, reset: error.durableObjectReset ?? false }, { status: 555 });
    }
  },
};
"#;

fn server() -> TestServer {
    Setup::empty().file("wrangler.toml", CONFIG).file("worker.js", WORKER).start()
}

#[test]
fn a_query_without_end_is_stopped_and_what_it_wrote_is_undone() {
    let config = format!("{CONFIG}\n[limits]\ncpu_ms = 200\n");
    let server = Setup::empty().file("wrangler.toml", config).file("worker.js", WORKER).start();
    assert_eq!(server.get("/increment").text(), "1");
    let answer = server.get("/long");
    assert_ne!(answer.status, 200, "{}", answer.text());
    assert_eq!(server.get("/count").text(), "1");
    assert_eq!(server.get("/increment").text(), "2");
}

#[test]
fn a_critical_section_that_fails_resets_the_object() {
    let server = server();
    assert_eq!(server.get("/memory").text(), "1");
    assert_eq!(server.get("/memory").text(), "2");
    let answer = server.get("/late");
    assert_eq!(answer.status, 555);
    assert_eq!(answer.json()["message"], "no");
    // Written before the last sync, and in the turn that failed.
    assert_eq!(server.get("/count").text(), "7");
    assert_eq!(server.get("/memory").text(), "1");
}

#[test]
fn sync_waits_for_writes_that_nothing_else_waits_for() {
    let server = server();
    assert_eq!(server.get("/unconfirmed").text(), "synced");
    assert_eq!(server.get("/count").text(), "5");
}

#[test]
fn classes_without_sqlite_have_keys_and_values_only() {
    let config = CONFIG.replace("new_sqlite_classes", "new_classes");
    let worker = r#"
import { DurableObject } from "cloudflare:workers";
export class Room extends DurableObject {
  async fetch() {
    const { storage } = this.ctx;
    const said = [];
    const refused = async (call) => {
      try {
        await call();
        said.push("fine");
      } catch (error) {
        said.push(`${error.name}: ${error.message}`);
      }
    };
    await refused(() => storage.sql.exec("SELECT 1"));
    await refused(() => storage.kv.get("a"));
    await refused(() => storage.put("a", "x".repeat(128 * 1024)));
    await refused(() => storage.put("a", "x".repeat(129 * 1024)));
    await refused(() => storage.put("k".repeat(2048), 1));
    await refused(() => storage.get("k".repeat(2049)));
    return Response.json(said);
  }
}
export default { fetch: (request, env) => env.ROOMS.getByName("a").fetch(request) };
"#;
    let server = Setup::empty().file("wrangler.toml", config).file("worker.js", worker).start();
    let said = server.get("/").json();
    let text = |index: usize| said[index].as_str().expect("text").to_owned();
    assert!(
        text(0).starts_with("Error: SQL is not enabled for this Durable Object class."),
        "{said}"
    );
    assert!(
        text(1).starts_with("Error: The storage.kv (synchronous KV) API is only available"),
        "{said}"
    );
    assert_eq!(text(2), "fine");
    assert_eq!(
        text(3),
        "RangeError: Values cannot be larger than 131072 bytes. A value of size 132102 was provided."
    );
    assert_eq!(text(4), "fine");
    assert_eq!(
        text(5),
        "RangeError: Keys cannot be larger than 2048 bytes. A key of size 2049 was provided."
    );
}
