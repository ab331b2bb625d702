//! A server that is killed again and again while many instances run: every instance
//! that was acknowledged completes, and no step runs again once the next one began.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{LOGGED, ask, folder, kills, run};
use crate::harness::eventually;

const WORKER: &str = r#"
import { DurableObject, WorkflowEntrypoint } from "cloudflare:workers";

/** Which step ran, in the order in which they did. */
export class Log extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS ran (seq INTEGER PRIMARY KEY, id TEXT, step INTEGER)");
  }
  ran(id, step) {
    this.ctx.storage.sql.exec("INSERT INTO ran (id, step) VALUES (?, ?)", id, step);
    return step;
  }
  all() {
    return [...this.ctx.storage.sql.exec("SELECT id, step FROM ran ORDER BY seq").raw()];
  }
}

export class Work extends WorkflowEntrypoint {
  async run({ instanceId, payload }, step) {
    const log = this.env.LOG.getByName("log");
    const results = [];
    results.push(await step.do("one", () => log.ran(instanceId, 1)));
    // The same name twice.
    results.push(await step.do("again", () => log.ran(instanceId, 2)));
    results.push(await step.do("again", () => log.ran(instanceId, 3)));
    if (payload.waits) {
      const event = await step.waitForEvent("go", { type: "go", timeout: "1 hour" });
      results.push(event.payload);
    } else await step.sleep("a while", payload.sleep);
    const retries = { limit: 1000, delay: 20, backoff: "constant" };
    results.push(await step.do("four", { retries }, async ({ attempt }) => {
      if (attempt === 1) throw new Error("not at once");
      return log.ran(instanceId, 4);
    }));
    const both = await Promise.all(["a", "b"].map((name) => step.do(name, () => log.ran(instanceId, 5))));
    results.push(...both);
    return results;
  }
}

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const id = searchParams.get("id");
    switch (pathname) {
      case "/create": {
        const waits = searchParams.get("waits") === "true";
        await env.WORK.create({ id, params: { waits, sleep: Number(searchParams.get("sleep")) } });
        return new Response(id);
      }
      case "/event":
        await (await env.WORK.get(id)).sendEvent({ type: "go", payload: `for ${id}` });
        return new Response(id);
      case "/status":
        return Response.json(await (await env.WORK.get(id)).status());
      case "/log":
        return Response.json(await env.LOG.getByName("log").all());
    }
  },
};
"#;

/// What clients were told: instances, and events that were taken.
#[derive(Default)]
struct Told {
    made: Mutex<BTreeSet<u64>>,
    sent: Mutex<BTreeSet<u64>>,
}

fn waits(id: u64) -> bool {
    id.is_multiple_of(3)
}

/// Makes instances until the server is gone.
fn load(address: SocketAddr, ids: &AtomicU64, told: &Told) {
    loop {
        let id = ids.fetch_add(1, Ordering::Relaxed);
        let path = format!("/create?id=i{id}&waits={}&sleep={}", waits(id), id * 37 % 300);
        if ask(address, &path).is_none() {
            return;
        }
        told.made.lock().expect("nobody panicked").insert(id);
        if waits(id) {
            if ask(address, &format!("/event?id=i{id}")).is_none() {
                return;
            }
            told.sent.lock().expect("nobody panicked").insert(id);
        }
    }
}

/// The instance is complete, with the results of all steps.
fn check_complete(address: SocketAddr, id: u64) {
    let path = format!("/status?id=i{id}");
    let status = eventually("an instance completes", || {
        let status: serde_json::Value = serde_json::from_str(&ask(address, &path)?).ok()?;
        assert_ne!(status["status"], "errored", "i{id}: {status}");
        (status["status"] == "complete").then_some(status)
    });
    let mut expected = vec![1.into(), 2.into(), 3.into()];
    if waits(id) {
        expected.push(serde_json::Value::from(format!("for i{id}")));
    }
    expected.extend([4.into(), 5.into(), 5.into()]);
    assert_eq!(status["output"], serde_json::Value::from(expected), "i{id}");
}

/// No step ran again when a later one had begun.
fn check_order(address: SocketAddr) {
    let log = ask(address, "/log").expect("an answer");
    let log: Vec<(String, u64)> = serde_json::from_str(&log).expect("pairs");
    let mut ran: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (id, step) in log {
        ran.entry(id).or_default().push(step);
    }
    for (id, steps) in ran {
        assert!(steps.is_sorted(), "{id} ran {steps:?}");
    }
}

#[test]
fn every_instance_completes_and_no_step_that_is_done_runs_again() {
    let folder = folder(LOGGED, WORKER);
    let (told, ids) = (Told::default(), AtomicU64::new(1));
    let made = || told.made.lock().expect("nobody panicked").len();
    for round in 0..kills() {
        let mut program = run(&folder);
        let address = program.address();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| load(address, &ids, &told));
            }
            let before = made();
            eventually("some instances are made", || (made() > before + 8).then_some(()));
            // At another place of what they do each time.
            std::thread::sleep(Duration::from_micros(20_000 + round * 7919 % 80_000));
            program.signal(libc::SIGKILL);
        });
        assert!(!program.wait().status.success());
    }
    let mut program = run(&folder);
    let address = program.address();
    let all = told.made.lock().expect("nobody panicked").clone();
    let sent = told.sent.lock().expect("nobody panicked").clone();
    // Who was not told that the event was taken sends it again.
    for id in all.iter().filter(|id| waits(**id) && !sent.contains(id)) {
        let _ = ask(address, &format!("/event?id=i{id}"));
    }
    for id in &all {
        check_complete(address, *id);
    }
    check_order(address);
    assert!(all.len() as u64 > kills() * 8 && !sent.is_empty());
}
