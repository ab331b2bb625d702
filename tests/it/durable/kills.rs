//! One server that is killed again and again under a mixed load: increments, rows
//! of SQL, and alarms. What was acknowledged is there, no counter goes back, and
//! every alarm goes off.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use super::CONFIG;
use crate::harness::{Program, eventually};

/// How often it is killed; `SELVEDGE_TEST_KILLS` says another number.
const KILLS: u64 = 100;
const CLIENTS: u64 = 4;
const ROOMS: [&str; 3] = ["one", "two", "three"];

const WORKER: &str = r#"
import { DurableObject } from "cloudflare:workers";
export class Room extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, count INTEGER)");
  }
  async fetch(request) {
    const { storage } = this.ctx;
    const { pathname, searchParams } = new URL(request.url);
    const id = Number(searchParams.get("id"));
    switch (pathname) {
      case "/increment": {
        const count = (await storage.get("count") ?? 0) + 1;
        await storage.put("count", count);
        return new Response(`${count}`);
      }
      case "/insert":
        storage.sql.exec("INSERT INTO log VALUES (?, NULL)", id);
        return new Response("inserted");
      case "/both":
        return await storage.transaction(async (txn) => {
          const count = (await txn.get("count") ?? 0) + 1;
          await txn.put("count", count);
          storage.sql.exec("INSERT INTO log VALUES (?, ?)", id, count);
          return new Response(`${count}`);
        });
      case "/alarm": {
        const time = Date.now() + Number(searchParams.get("in"));
        await storage.setAlarm(time);
        return new Response(`${time}`);
      }
      case "/state": {
        const count = await storage.get("count") ?? 0;
        const rows = [...storage.sql.exec("SELECT id, count FROM log").raw()];
        const [[check]] = storage.sql.exec("PRAGMA quick_check").raw();
        return Response.json({ count, rows, check });
      }
      case "/fired":
        return Response.json({ fired: await storage.get("fired") ?? null, alarm: await storage.getAlarm() });
    }
  }
  async alarm({ scheduledTime }) {
    // It is often killed here: then it comes again.
    await scheduler.wait(20);
    await this.ctx.storage.put("fired", scheduledTime);
  }
}
export default {
  fetch: (request, env) => env.ROOMS.getByName(new URL(request.url).searchParams.get("name")).fetch(request),
};
"#;

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
    counts: Mutex<BTreeMap<&'static str, u64>>,
    inserted: Mutex<BTreeSet<(&'static str, u64)>>,
    /// Names of objects, and when their alarms go off.
    alarms: Mutex<BTreeMap<String, i64>>,
}

impl Told {
    fn count(&self, name: &'static str, count: u64) {
        let mut counts = self.counts.lock().expect("nobody panicked");
        let known = counts.entry(name).or_default();
        *known = count.max(*known);
    }
}

/// One client, until the server is gone.
fn load(address: SocketAddr, ids: &AtomicU64, told: &Told) {
    let Some(mut asker) = Asker::connect(address) else { return };
    loop {
        let id = ids.fetch_add(1, Ordering::Relaxed);
        // Each kind meets each room, however few requests come before a kill.
        let (kind, name) = (id % 4, ROOMS[(id / 4) as usize % ROOMS.len()]);
        if kind == 3 {
            // An object of its own. Some go off at once, some after the kill.
            let object = format!("alarm{id}");
            let path = format!("/alarm?name={object}&in={}", id * 37 % 400);
            let Some(time) = asker.ask(&path) else { return };
            let time = time.parse().expect("a time");
            told.alarms.lock().expect("nobody panicked").insert(object, time);
            continue;
        }
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
            told.inserted.lock().expect("nobody panicked").insert((name, id));
        }
    }
}

/// All that clients were told is there, and nothing is half there.
fn check(address: SocketAddr, told: &Told) {
    let mut asker = Asker::connect(address).expect("it listens");
    for name in ROOMS {
        let state = asker.ask(&format!("/state?name={name}")).expect("an answer");
        let state: serde_json::Value = serde_json::from_str(&state).expect("JSON");
        assert_eq!(state["check"], "ok", "{name}");
        let count = state["count"].as_u64().expect("a count");
        let known = told.counts.lock().expect("nobody panicked").get(name).copied().unwrap_or(0);
        assert!(count >= known, "{name} went back from {known} to {count}");
        // What was seen once must never go back either.
        told.count(name, count);
        let mut rows = BTreeSet::new();
        for row in state["rows"].as_array().expect("a list") {
            rows.insert(row[0].as_u64().expect("an id"));
            let with = row[1].as_u64().unwrap_or(0);
            assert!(with <= count, "{name} has the row of {with} and counts {count}");
        }
        let inserted = told.inserted.lock().expect("nobody panicked");
        for (_, id) in inserted.iter().filter(|(of, _)| *of == name) {
            assert!(rows.contains(id), "row {id} of {name} is lost");
        }
    }
}

/// Every alarm that was acknowledged has gone off, for the time that it was set
/// for, and is gone.
fn check_alarms(address: SocketAddr, told: &Told) {
    let mut asker = Asker::connect(address).expect("it listens");
    for (name, time) in &*told.alarms.lock().expect("nobody panicked") {
        let path = format!("/fired?name={name}");
        let fired = eventually("the alarm goes off", || {
            let answer = asker.ask(&path).expect("an answer");
            let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
            answer["alarm"].is_null().then_some(answer["fired"].clone()).filter(|it| !it.is_null())
        });
        assert_eq!(fired.as_i64(), Some(*time), "{name}");
    }
}

#[test]
fn what_was_acknowledged_outlives_a_hundred_kills() {
    let kills = std::env::var("SELVEDGE_TEST_KILLS");
    let kills = kills.map_or(KILLS, |kills| kills.parse().expect("a number"));
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("worker.js"), WORKER).expect("it can be written");
    std::fs::write(folder.path().join("wrangler.toml"), CONFIG).expect("it can be written");
    let told = Arc::new(Told::default());
    let ids = Arc::new(AtomicU64::new(1));
    for round in 0..kills {
        let mut program = Program::selvedge(folder.path(), &["run", "--port", "0"]);
        let address = program.address();
        check(address, &told);
        let asked = ids.load(Ordering::Relaxed);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (told, ids) = (told.clone(), ids.clone());
                std::thread::spawn(move || load(address, &ids, &told))
            })
            .collect();
        // Some of each kind were asked for; the kill comes at another place each time.
        eventually("the clients ask", || {
            (ids.load(Ordering::Relaxed) >= asked + 6 * CLIENTS).then_some(())
        });
        std::thread::sleep(Duration::from_micros(30_000 + round * 7919 % 70_000));
        program.signal(libc::SIGKILL);
        program.wait();
        for client in clients {
            client.join().expect("a client saw nothing wrong");
        }
    }
    let mut program = Program::selvedge(folder.path(), &["run", "--port", "0"]);
    let address = program.address();
    check(address, &told);
    check_alarms(address, &told);
    let total: u64 = told.counts.lock().expect("nobody panicked").values().sum();
    let rows = told.inserted.lock().expect("nobody panicked").len() as u64;
    let alarms = told.alarms.lock().expect("nobody panicked").len() as u64;
    assert!(
        total > kills && rows > kills && alarms > kills / 4,
        "only {total} increments, {rows} rows and {alarms} alarms were acknowledged"
    );
}
