//! Calls that go round and round are cut.

use crate::dev::Dev;

const TOO_DEEP: &str =
    "Subrequest depth limit exceeded. This request recursed through Workers too many times.";

const ONE: &str = r#"
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
export default class extends WorkerEntrypoint {
  async fetch(request) {
    const url = new URL(request.url);
    const from = (count) => this[url.pathname.slice(1)](count);
    try { return new Response(`${await from(0)}`); }
    catch (error) { return new Response(`${error.name}: ${error.message}`); }
  }
  // Each counts the Workers and objects that it went through.
  methods(n) { return this.env.OTHER.back(n + 1); }
  own(n) { return this.ctx.exports.default.own(n + 1); }
  async few(n) { return n < 10 ? await this.ctx.exports.default.few(n + 1) : n; }
  objects(n) { return this.env.OBJECTS.getByName("a").call(n + 1); }
  fetches(n) { return this.env.OBJECTS.getByName("a").fetch(`http://x/${n + 1}`).then((answer) => answer.text()); }
  across(n) { return this.env.FAR.getByName("a").around(n + 1); }
  async bounded(n) {
    let last;
    for (let i = 0; i < 40; i++) last = await this.env.OBJECTS.getByName("a").plain(i);
    return last;
  }
}
export class Ring extends DurableObject {
  name() { return this.ctx.id.name === "a" ? "b" : "a"; }
  next() { return this.env.OBJECTS.getByName(this.name()); }
  call(n) { return this.next().call(n + 1); }
  plain(n) { return n; }
  async fetch(request) {
    const n = Number(new URL(request.url).pathname.slice(1));
    // What was awaited before does not hide how deep it is, nor does a section.
    await this.ctx.storage.get("x");
    await scheduler.wait(1);
    await this.ctx.blockConcurrencyWhile(async () => {});
    return this.next().fetch(`http://x/${n + 1}`);
  }
}
"#;

const OTHER: &str = r#"
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
export default class extends WorkerEntrypoint {
  back(n) { return this.env.ONE.methods(n + 1); }
  around(n) { return this.env.ONE.across(n + 1); }
}
export class Far extends DurableObject {
  around(n) { return this.env.ONE.across(n + 1); }
}
"#;

fn start() -> Dev {
    let one = r#"
        name = "one"
        main = "worker.js"
        compatibility_date = "2026-11-01"
        services = [{ binding = "OTHER", service = "other" }]
        durable_objects.bindings = [
          { name = "OBJECTS", class_name = "Ring" },
          { name = "FAR", class_name = "Far", script_name = "other" },
        ]
        migrations = [{ tag = "v1", new_sqlite_classes = ["Ring"] }]"#;
    let other = r#"
        name = "other"
        main = "worker.js"
        compatibility_date = "2026-11-01"
        services = [{ binding = "ONE", service = "one" }]
        durable_objects.bindings = [{ name = "FAR", class_name = "Far" }]
        migrations = [{ tag = "v1", new_sqlite_classes = ["Far"] }]"#;
    Dev::start(
        &[
            ("one/worker.js", ONE),
            ("one/wrangler.toml", one),
            ("other/worker.js", OTHER),
            ("other/wrangler.toml", other),
        ],
        &["-c", "one/wrangler.toml", "-c", "other/wrangler.toml"],
    )
}

#[test]
fn remote_calls_between_workers_and_objects_are_cut() {
    let dev = start();
    for path in ["/methods", "/own", "/objects", "/across"] {
        let told = dev.get(path).text();
        assert!(told.starts_with(&format!("Error: {TOO_DEEP}")), "{path}: {told}");
    }
}

#[test]
fn requests_between_objects_are_cut() {
    let dev = start();
    let told = dev.get("/fetches").text();
    assert!(told.contains(TOO_DEEP), "{told}");
}

#[test]
fn what_only_goes_on_for_long_is_not_cut() {
    let dev = start();
    assert_eq!(dev.get("/few").text(), "10");
    assert_eq!(dev.get("/bounded").text(), "39");
}
