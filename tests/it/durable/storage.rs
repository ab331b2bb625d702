//! Storage of objects: what was acknowledged outlives a process that is killed,
//! and what goes wrong ends the object, not the server.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use super::CONFIG;
use crate::harness::{Program, Setup, TestServer};

const WORKER: &str = r#"
import { DurableObject } from "cloudflare:workers";
export class Room extends DurableObject {
  memory = 0;
  constructor(ctx, env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY)");
  }
  async fetch(request) {
    const { storage } = this.ctx;
    const { pathname, searchParams } = new URL(request.url);
    switch (pathname) {
      case "/increment": {
        const count = (await storage.get("count") ?? 0) + 1;
        await storage.put("count", count);
        return new Response(`${count}`);
      }
      case "/insert":
        storage.sql.exec("INSERT INTO log VALUES (?)", Number(searchParams.get("id")));
        return new Response("inserted");
      case "/both":
        return await storage.transaction(async (txn) => {
          const count = (await txn.get("count") ?? 0) + 1;
          await txn.put("count", count);
          storage.sql.exec("INSERT INTO log VALUES (?)", Number(searchParams.get("id")));
          return new Response(`${count}`);
        });
      case "/count":
        return new Response(`${await storage.get("count") ?? 0}`);
      case "/log":
        return Response.json([...storage.sql.exec("SELECT id FROM log").raw()].flat());
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

/// Asks on a connection that may break at any time.
struct Asker(BufReader<TcpStream>);

impl Asker {
    fn connect(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        Some(Self(BufReader::new(stream)))
    }

    /// The body of a whole answer.
    fn ask(&mut self, path: &str) -> Option<String> {
        write!(self.0.get_mut(), "GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").ok()?;
        let mut status = String::new();
        self.0.read_line(&mut status).ok()?;
        let mut length = None;
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().ok();
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length?];
        self.0.read_exact(&mut body).ok()?;
        assert!(status.contains(" 200 "), "{status}{}", String::from_utf8_lossy(&body));
        String::from_utf8(body).ok()
    }
}

/// What clients were told.
#[derive(Default)]
struct Told {
    counts: Mutex<BTreeMap<String, u64>>,
    inserted: Mutex<BTreeSet<(String, u64)>>,
}

impl Told {
    fn count(&self, name: &str, count: u64) {
        let mut counts = self.counts.lock().expect("nobody panicked");
        let known = counts.entry(name.to_owned()).or_default();
        *known = count.max(*known);
    }

    fn inserted(&self, name: &str, id: u64) {
        self.inserted.lock().expect("nobody panicked").insert((name.to_owned(), id));
    }
}

/// One client: increments, inserts, and both at once, until the server is gone.
fn load(address: SocketAddr, client: usize, ids: &AtomicU64, told: &Told) {
    let Some(mut asker) = Asker::connect(address) else { return };
    for turn in client.. {
        let name = ["one", "two", "three"][turn % 3];
        let id = ids.fetch_add(1, Ordering::Relaxed);
        let kind = (turn / 3) % 3;
        let path = match kind {
            0 => format!("/increment?name={name}"),
            1 => format!("/insert?name={name}&id={id}"),
            _ => format!("/both?name={name}&id={id}"),
        };
        let Some(answer) = asker.ask(&path) else { return };
        if kind != 1 {
            told.count(name, answer.parse().expect("a count"));
        }
        if kind != 0 {
            told.inserted(name, id);
        }
    }
}

#[test]
fn what_was_acknowledged_outlives_25_kills() {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("worker.js"), WORKER).expect("it can be written");
    std::fs::write(folder.path().join("wrangler.toml"), CONFIG).expect("it can be written");
    let told = Arc::new(Told::default());
    let ids = Arc::new(AtomicU64::new(1));
    for round in 0..=25u64 {
        let mut program = Program::selvedge(folder.path(), &["run", "--port", "0"]);
        let address = program.address();
        check(address, &told);
        if round == 25 {
            break;
        }
        let clients: Vec<_> = (0..4)
            .map(|client| {
                let (told, ids) = (told.clone(), ids.clone());
                std::thread::spawn(move || load(address, client, &ids, &told))
            })
            .collect();
        // The kill comes at another place each time.
        std::thread::sleep(Duration::from_millis(40 + round * 7 % 90));
        program.signal(libc::SIGKILL);
        program.wait();
        for client in clients {
            client.join().expect("a client saw nothing wrong");
        }
    }
    let total: u64 = told.counts.lock().expect("nobody panicked").values().sum();
    assert!(total > 100, "only {total} increments were acknowledged");
}

/// All that clients were told is there.
fn check(address: SocketAddr, told: &Told) {
    let mut asker = Asker::connect(address).expect("it listens");
    for name in ["one", "two", "three"] {
        let count: u64 = asker
            .ask(&format!("/count?name={name}"))
            .and_then(|count| count.parse().ok())
            .expect("a count");
        let known = told.counts.lock().expect("nobody panicked").get(name).copied().unwrap_or(0);
        assert!(count >= known, "{name} went back from {known} to {count}");
        let log = asker.ask(&format!("/log?name={name}")).expect("a list");
        let log: BTreeSet<u64> = serde_json::from_str(&log).expect("numbers");
        for (of, id) in &*told.inserted.lock().expect("nobody panicked") {
            assert!(of != name || log.contains(id), "row {id} of {name} is lost");
        }
    }
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
