//! Alarms: when they go off, what happens to those that fail, and that none is
//! lost.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use tempfile::TempDir;

use crate::dev::Dev;
use crate::harness::{Client, Program, Setup, eventually};

const CONFIG: &str = r#"
name = "alarms"
main = "worker.js"
compatibility_date = "2026-11-01"
[limits]
cpu_ms = 300
[[durable_objects.bindings]]
name = "OBJECTS"
class_name = "Subject"
[[durable_objects.bindings]]
name = "PLAIN"
class_name = "Plain"
[[migrations]]
tag = "1"
new_sqlite_classes = ["Subject", "Plain"]
"#;

/// `/set?in=MS&fail=N&how=HOW` sets an alarm that fails so often; `/ran` tells
/// how it went off.
const WORKER: &str = r#"
import { DurableObject } from "cloudflare:workers";
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const name = url.searchParams.get("name") ?? "a";
    const stub = (url.pathname === "/plain" ? env.PLAIN : env.OBJECTS).getByName(name);
    try {
      return await stub.fetch(request);
    } catch (error) {
      return new Response(`${error.name}: ${error.message}`, { status: 599 });
    }
  },
};
export class Plain extends DurableObject {
  async fetch() {
    await this.ctx.storage.setAlarm(Date.now() + 1000);
    return new Response("set");
  }
}
export class Subject extends DurableObject {
  async fetch(request) {
    const url = new URL(request.url);
    const { storage } = this.ctx;
    if (url.pathname === "/set") {
      const fail = Number(url.searchParams.get("fail") ?? 0);
      await storage.put({ fail, how: url.searchParams.get("how") ?? "throw", name: this.ctx.id.name });
      await storage.setAlarm(Date.now() + Number(url.searchParams.get("in")));
      return new Response(String(await storage.getAlarm()));
    }
    if (url.pathname === "/delete") await storage.deleteAlarm();
    const ran = await storage.get("ran") ?? [];
    return Response.json({ ran, alarm: await storage.getAlarm(), said: await storage.get("said") ?? null });
  }
  async alarm(info) {
    const { storage } = this.ctx;
    const ran = await storage.get("ran") ?? [];
    const inside = await storage.getAlarm();
    ran.push({ ...info, at: Date.now(), name: this.ctx.id.name ?? null, inside });
    await storage.put("ran", ran);
    const fail = await storage.get("fail");
    const how = await storage.get("how");
    if (how === "again" && ran.length < 3) await storage.setAlarm(Date.now() + 10);
    if (how === "slow") await scheduler.wait(200);
    if (ran.length <= fail) {
      if (how === "abort") { await storage.sync(); this.ctx.abort("aborted"); }
      if (how === "spin") { await storage.sync(); await scheduler.wait(1); for (;;); }
      if (how === "reset") await storage.setAlarm(Date.now() + 100);
      throw new Error("the alarm fails");
    }
  }
}
"#;

fn json(address: std::net::SocketAddr, path: &str) -> serde_json::Value {
    let response = Client::connect(address).get(path);
    let text = response.text();
    assert_eq!(response.status, 200, "{path}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: {text}"))
}

fn runs(address: std::net::SocketAddr, name: &str, count: usize) -> Vec<serde_json::Value> {
    let path = format!("/ran?name={name}");
    eventually("the alarm goes off", || {
        let ran = json(address, &path)["ran"].as_array().expect("a list").clone();
        (ran.len() >= count).then_some(ran)
    })
}

fn start() -> crate::harness::TestServer {
    Setup::empty().file("worker.js", WORKER).file("wrangler.toml", CONFIG).start()
}

#[test]
fn an_alarm_goes_off_once_at_its_time() {
    let server = start();
    let set: i64 = server.text("/set?in=150&name=a").parse().expect("a time");
    let ran = runs(server.address, "a", 1);
    assert_eq!(ran[0]["scheduledTime"], set);
    assert!(ran[0]["at"].as_i64().expect("a time") >= set, "{ran:?}");
    assert_eq!((&ran[0]["retryCount"], &ran[0]["isRetry"]), (&0.into(), &false.into()));
    // The name comes from the index, and the alarm is not there while it runs.
    assert_eq!((&ran[0]["name"], &ran[0]["inside"]), (&"a".into(), &serde_json::Value::Null));
    std::thread::sleep(std::time::Duration::from_millis(100));
    let after = json(server.address, "/ran?name=a");
    assert_eq!(
        (after["ran"].as_array().map(Vec::len), &after["alarm"]),
        (Some(1), &serde_json::Value::Null)
    );
    server.join();
}

#[test]
fn an_alarm_is_moved_deleted_and_set_again_by_its_handler() {
    let server = start();
    server.text("/set?in=60000&name=moved");
    server.text("/set?in=20&name=moved");
    assert_eq!(runs(server.address, "moved", 1).len(), 1);
    server.text("/set?in=300&name=deleted");
    server.text("/delete?name=deleted");
    server.text("/set?in=20&name=again&how=again");
    assert_eq!(runs(server.address, "again", 3).len(), 3);
    std::thread::sleep(std::time::Duration::from_millis(400));
    assert_eq!(json(server.address, "/ran?name=again")["ran"].as_array().map(Vec::len), Some(3));
    assert_eq!(json(server.address, "/ran?name=deleted")["ran"].as_array().map(Vec::len), Some(0));
    server.join();
}

#[test]
fn an_alarm_that_fails_is_tried_again_after_two_seconds() {
    let server = start();
    for how in ["throw", "abort"] {
        server.text(&format!("/set?in=10&fail=1&name={how}&how={how}"));
    }
    // One that its handler set anew is no retry.
    server.text("/set?in=10&fail=1&name=reset&how=reset");
    for how in ["throw", "abort"] {
        let ran = runs(server.address, how, 2);
        let apart = ran[1]["at"].as_i64().unwrap() - ran[0]["at"].as_i64().unwrap();
        assert!((2000..6000).contains(&apart), "{how}: {ran:?}");
        assert_eq!((&ran[1]["retryCount"], &ran[1]["isRetry"]), (&1.into(), &true.into()), "{how}");
        assert_eq!(ran[1]["scheduledTime"], ran[0]["scheduledTime"], "{how}");
    }
    let ran = runs(server.address, "reset", 2);
    assert_eq!(ran[1]["retryCount"], 0, "{ran:?}");
    assert!(server.logs.text().contains("the alarm fails"));
    server.join();
}

#[test]
fn an_alarm_that_uses_too_much_time_is_tried_again() {
    let server = start();
    server.text("/set?in=10&fail=1&name=spin&how=spin");
    // Whoever asks while the isolate ends is told that it did.
    let ran = eventually("the alarm goes off again", || {
        let response = server.get("/ran?name=spin");
        let ran = (response.status == 200).then(|| response.json()["ran"].as_array().cloned());
        ran.flatten().filter(|ran| ran.len() == 2)
    });
    assert_eq!((&ran[1]["isRetry"], &ran[1]["retryCount"]), (&true.into(), &1.into()), "{ran:?}");
    server.join();
}

/// The constructor of the object `failing` throws, as often as `/fail?times=N`
/// said, once it is out of memory.
const FAILING: &str = r#"
import { DurableObject } from "cloudflare:workers";
let failures = 0;
let tries = 0;
let ran = null;
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname === "/told") return Response.json({ tries, ran, alarm: failures === 0 ? await env.OBJECTS.getByName("failing").get() : null });
    const stub = env.OBJECTS.getByName("failing");
    await stub.set();
    await stub.end().catch(() => {});
    failures = Number(url.searchParams.get("times"));
    return new Response("set");
  },
};
export class Plain {}
export class Subject extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    if (failures === 0) return;
    failures--;
    tries++;
    if (tries % 2 === 1) throw new Error("not constructed");
    ctx.blockConcurrencyWhile(async () => { throw new Error("not begun"); });
  }
  async set() { await this.ctx.storage.setAlarm(Date.now() + 1500); await this.ctx.storage.sync(); }
  get() { return this.ctx.storage.getAlarm(); }
  end() { this.ctx.abort("gone"); }
  alarm(info) { ran = info; }
}
"#;

#[test]
fn an_alarm_whose_constructor_throws_is_tried_again_and_counted() {
    let server = Setup::empty().file("worker.js", FAILING).file("wrangler.toml", CONFIG).start();
    server.text("/fail?times=2");
    let told = eventually("the alarm goes off", || {
        let told = json(server.address, "/told");
        (!told["ran"].is_null()).then_some(told)
    });
    assert_eq!(told["tries"], 2);
    assert_eq!((&told["ran"]["retryCount"], &told["ran"]["isRetry"]), (&2.into(), &true.into()));
    assert_eq!(told["alarm"], serde_json::Value::Null);
    server.join();
}

#[test]
fn an_alarm_whose_constructor_throws_is_given_up_in_the_end() {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("worker.js"), FAILING).expect("it can be written");
    std::fs::write(folder.path().join("wrangler.toml"), CONFIG).expect("it can be written");
    let mut program = run(folder.path());
    let address = program.address();
    Client::connect(address).get("/fail?times=1000");
    eventually("the constructor throws", || (json(address, "/told")["tries"] == 1).then_some(()));
    program.signal(libc::SIGTERM);
    program.wait();
    // What was tried is remembered: one try is left, and it is due.
    let objects = std::fs::read_dir(folder.path().join("data/do")).expect("a folder");
    let namespaces = objects.map(|entry| entry.expect("an entry").path()).filter(|it| it.is_dir());
    let mut retries = Vec::new();
    for namespace in namespaces {
        for shard in std::fs::read_dir(&namespace).expect("a folder") {
            let shard = shard.expect("an entry").path();
            if !shard.is_dir() {
                continue;
            }
            for object in std::fs::read_dir(shard).expect("a folder") {
                let object = object.expect("an entry").path();
                if object.extension().is_none_or(|it| it != "sqlite") {
                    continue;
                }
                retries.push(sqlite(&object, "SELECT retries FROM _cf_ALARM"));
                sqlite(&object, "UPDATE _cf_ALARM SET retries = 6, next = 1");
                sqlite(&namespace.join("index.sqlite"), "UPDATE objects SET alarm = 1");
            }
        }
    }
    if retries.iter().any(Option::is_none) {
        println!("skipped: there is no sqlite3");
        return;
    }
    assert_eq!(retries, [Some("1".to_owned())]);
    let source = FAILING.replace("let failures = 0;", "let failures = 1;");
    std::fs::write(folder.path().join("worker.js"), source).expect("it can be written");
    let mut program = run(folder.path());
    let address = program.address();
    let told = eventually("the constructor throws once more", || {
        let told = json(address, "/told");
        (told["tries"] == 1).then_some(told)
    });
    assert_eq!(told["ran"], serde_json::Value::Null);
    eventually("the alarm is gone", || json(address, "/told")["alarm"].is_null().then_some(()));
    program.signal(libc::SIGTERM);
    program.wait();
}

/// What the program `sqlite3` says to a statement; `None` where there is none.
fn sqlite(file: &Path, statement: &str) -> Option<String> {
    let output = std::process::Command::new("sqlite3").arg(file).arg(statement).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[test]
fn a_class_without_a_handler_sets_no_alarm() {
    let server = start();
    let response = server.get("/plain");
    assert_eq!(
        response.text(),
        "TypeError: Your Durable Object class must have an alarm() handler in order to call setAlarm()"
    );
    server.join();
}

#[test]
fn an_alarm_goes_off_in_the_new_version_of_its_worker() {
    let dev = Dev::start(&[("worker.js", WORKER), ("wrangler.toml", CONFIG)], &[]);
    assert_eq!(dev.get("/set?in=1500&name=a").status, 200);
    dev.write(
        "worker.js",
        &WORKER.replace("ran.push({ ...info,", "ran.push({ ...info, version: 2,"),
    );
    let ran = runs(dev.address, "a", 1);
    assert_eq!(ran[0]["version"], 2, "{ran:?}");
}

#[test]
fn many_alarms_go_off_together() {
    let server = start();
    for at in 0..300 {
        server.text(&format!("/set?in=500&name=n{at}"));
    }
    for at in 0..300 {
        runs(server.address, &format!("n{at}"), 1);
    }
    server.join();
}

fn run(folder: &Path) -> Program {
    Program::selvedge(folder, &["run", "--port", "0", "--data-dir", "data"])
}

#[test]
fn every_alarm_goes_off_after_kills() {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("worker.js"), WORKER).expect("it can be written");
    std::fs::write(folder.path().join("wrangler.toml"), CONFIG).expect("it can be written");
    let mut acknowledged: HashMap<String, i64> = HashMap::new();
    for round in 0..12 {
        let mut program = run(folder.path());
        let address = program.address();
        for at in 0..10 {
            // Some go off before the kill, some while nothing runs, some later.
            let name = format!("r{round}n{at}");
            let path = format!("/set?in={}&name={name}&how=slow", at * 150);
            let response = Client::connect(address).get(&path);
            if response.status == 200 {
                acknowledged.insert(name, response.text().parse().expect("a time"));
            }
        }
        program.signal(libc::SIGKILL);
        program.wait();
    }
    assert_eq!(acknowledged.len(), 120);
    let mut program = run(folder.path());
    let address = program.address();
    for (name, time) in &acknowledged {
        let ran = runs(address, name, 1);
        let times: HashSet<_> = ran.iter().map(|it| it["scheduledTime"].as_i64()).collect();
        assert_eq!(times, HashSet::from([Some(*time)]), "{name}");
        assert!(ran.iter().all(|it| it["at"].as_i64() >= Some(*time)), "{name}: {ran:?}");
    }
}
