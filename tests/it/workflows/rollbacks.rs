//! Steps that are undone while their server is killed again and again.

use std::time::Duration;

use serde_json::Value;

use super::{LOGGED, ask, folder, kills, run};
use crate::harness::eventually;

const WORKER: &str = r#"
import { DurableObject, WorkflowEntrypoint } from "cloudflare:workers";

/** What was done and undone, in the order in which it was. */
export class Log extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY, what TEXT)");
  }
  add(what) {
    this.ctx.storage.sql.exec("INSERT INTO log (what) VALUES (?)", what);
  }
  all() {
    return [...this.ctx.storage.sql.exec("SELECT what FROM log ORDER BY seq").raw()].flat();
  }
}

export class Work extends WorkflowEntrypoint {
  async run({ payload }, step) {
    const log = this.env.LOG.getByName("log");
    for (let i = 0; i < 12; i++) {
      await step.do("part", () => log.add(`do ${i}`).then(() => i), {
        rollback: async ({ output }) => {
          await scheduler.wait(60);
          await log.add(`undo ${output}`);
        },
      });
    }
    if (payload.waits) await step.waitForEvent("never", { type: "never" });
    throw new Error("all was in vain");
  }
}

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/log") return Response.json(await env.LOG.getByName("log").all());
    if (pathname === "/fail" || pathname === "/wait") {
      await env.WORK.create({ id: "it", params: { waits: pathname === "/wait" } });
      return new Response("made");
    }
    const instance = await env.WORK.get("it");
    if (pathname === "/end") await instance.terminate({ rollback: true });
    return Response.json(await instance.status());
  },
};
"#;

fn json(address: std::net::SocketAddr, path: &str) -> Option<Value> {
    serde_json::from_str(&ask(address, path)?).ok()
}

/// Makes an instance with `begin`, kills the server while its steps are undone, and
/// looks at the end that it comes to.
fn is_undone(begin: &[&str], end: &str) {
    let folder = folder(LOGGED, WORKER);
    let mut begin = begin.iter();
    let undone = |log: &Value| {
        let log = log.as_array().map(Vec::as_slice).unwrap_or_default();
        log.iter().filter(|it| it.as_str().is_some_and(|it| it.starts_with("undo"))).count()
    };
    let mut seen = 0;
    for round in 0..kills() {
        let mut program = run(&folder);
        let address = program.address();
        for path in begin.by_ref() {
            if *path == "/end" {
                let waits = || json(address, "/status").filter(|it| it["status"] == "waiting");
                eventually("all steps are done", waits);
            }
            eventually("the instance does as it is told", || ask(address, path));
        }
        eventually("some steps are undone", || {
            let log = json(address, "/log")?;
            let is_over = json(address, "/status")?["status"] == end;
            (undone(&log) > seen || is_over).then(|| seen = undone(&log))
        });
        std::thread::sleep(Duration::from_millis(round * 17 % 60));
        program.signal(libc::SIGKILL);
        assert!(!program.wait().status.success());
    }
    let mut program = run(&folder);
    let address = program.address();
    let status =
        eventually("it ends", || json(address, "/status").filter(|it| it["status"] == end));
    if end == "errored" {
        assert_eq!(status["error"]["message"], "all was in vain");
    }
    let log: Vec<String> =
        serde_json::from_value(json(address, "/log").expect("an answer")).expect("texts");
    // One that was under way when the server was killed may be done once more.
    let mut log: Vec<&str> = log.iter().map(String::as_str).collect();
    log.dedup();
    let done = (0..12).map(|it| format!("do {it}"));
    let expected: Vec<String> = done.chain((0..12).rev().map(|it| format!("undo {it}"))).collect();
    assert_eq!(log, expected);
}

#[test]
fn a_failed_instance_is_undone_to_its_begin() {
    is_undone(&["/fail"], "errored");
}

#[test]
fn a_terminated_instance_is_undone_to_its_begin() {
    is_undone(&["/wait", "/end"], "terminated");
}
