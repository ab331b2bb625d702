//! Calls from one isolate to another.

use super::{Pair, text};
use crate::harness::checkout;

/// Runs the cases of a file whose entrypoints are another Worker's.
const RUNNER: &str = r#"
import * as cases from "./cases.js";
export default {
  async fetch(request, env, ctx) {
    const name = new URL(request.url).pathname.slice(1);
    if (name === "") return Response.json(Object.keys(cases).filter((it) => typeof cases[it]?.test === "function"));
    try {
      await cases[name].test({}, env, ctx);
    } catch (error) {
      return new Response(error?.stack ?? `${error}`, { status: 555 });
    }
    return new Response("passed");
  },
};
"#;
const OTHER: &str = r#"
export * from "./cases.js";
export default { fetch: () => new Response("other") };
"#;

/// Cases that are about the Worker's own isolate.
const OWN: &[&str] = &["exports_have_props_of_their_own"];

/// The cases of tests/workers/rpc, which workerd passes, with the callee in
/// another isolate.
fn cases_pass(file: &str, services: &[&str]) {
    let folder = checkout("tests/workers");
    let source = std::fs::read_to_string(folder.join("rpc").join(file)).expect("the case");
    let assert = std::fs::read(folder.join("assert.js")).expect("what cases use");
    let source = source.replace("\"../assert.js\"", "\"./assert.js\"");
    let near = source
        .replace("import { env, exports,", "import { exports,")
        .replace("exports,", "env as exports,")
        .replace("    void env;\n", "");
    let pair = Pair::with(
        RUNNER,
        OTHER,
        &services.iter().map(|name| (*name, Some(*name))).collect::<Vec<_>>(),
        &[
            ("web/cases.js", near.as_bytes()),
            ("other/cases.js", source.as_bytes()),
            ("web/assert.js", &assert),
            ("other/assert.js", &assert),
        ],
    );
    let names = pair.get("/").json();
    let names: Vec<_> =
        names.as_array().expect("a list").iter().filter_map(|it| it.as_str()).collect();
    assert!(names.len() > 10, "the cases were not found");
    let failed: Vec<_> = names
        .iter()
        .filter(|name| !OWN.contains(name))
        .filter_map(|name| {
            let answer = pair.get(&format!("/{name}"));
            (answer.status != 200).then(|| format!("{name}: {}", answer.text()))
        })
        .collect();
    assert!(failed.is_empty(), "{}\n{}", failed.join("\n"), pair.log());
}

#[test]
fn values_cross_isolates_as_they_cross_contexts() {
    cases_pass("values.js", &["Values"]);
}

#[test]
fn calls_cross_isolates_as_they_cross_contexts() {
    cases_pass("calls.js", &["Service", "handlers"]);
}

#[test]
fn references_cross_isolates_as_they_cross_contexts() {
    cases_pass("references.js", &["References"]);
}

#[test]
fn the_default_entrypoint_may_be_a_class_or_an_object() {
    let web = r#"
export default { async fetch(_, env) {
  return Response.json([await env.OTHER.double(4), await env.CLASS.double(5), await (await env.CLASS.fetch("http://x/")).text()]);
} };
"#;
    let other = r#"
import { WorkerEntrypoint } from "cloudflare:workers";
export default { double: (x) => x * 2, fetch: () => new Response("object") };
export class Class extends WorkerEntrypoint { double(x) { return x * 20; } fetch() { return new Response("class"); } }
"#;
    let pair = Pair::start(web, other, &[("OTHER", None), ("CLASS", Some("Class"))]);
    assert_eq!(text(&pair.get("/")), r#"[8,100,"class"]"#);
}

#[test]
fn large_streams_cross_with_little_memory() {
    let web = r#"
export default { async fetch(_, env) {
  let size = 0;
  for await (const chunk of await env.OTHER.stream(64)) size += chunk.byteLength;
  const sent = await env.OTHER.count(new ReadableStream({
    n: 0,
    pull(controller) {
      if (this.n++ === 64) controller.close();
      else controller.enqueue(new Uint8Array(1 << 20));
    },
  }));
  return Response.json([size, sent]);
} };
"#;
    let other = r#"
import { WorkerEntrypoint } from "cloudflare:workers";
export default class extends WorkerEntrypoint {
  stream(mebibytes) {
    return new ReadableStream({
      pull(controller) {
        if (mebibytes-- === 0) controller.close();
        else controller.enqueue(new Uint8Array(1 << 20));
      },
    });
  }
  async count(stream) {
    let size = 0;
    for await (const chunk of stream) size += chunk.byteLength;
    return size;
  }
}
"#;
    let pair = Pair::start(web, other, &[("OTHER", None)]);
    assert_eq!(text(&pair.get("/")), format!("[{0},{0}]", 64 << 20));
}

#[test]
fn bindings_are_passed_on() {
    let web = r#"
import { WorkerEntrypoint } from "cloudflare:workers";
export default { async fetch(_, env) {
  return new Response(await env.OTHER.callBack(env.OTHER, "Ada"));
} };
"#;
    let other = r#"
import { WorkerEntrypoint } from "cloudflare:workers";
export default class extends WorkerEntrypoint {
  greet(name) { return `hello ${name}`; }
  async callBack(service, name) { return await service.greet(name); }
}
"#;
    let pair = Pair::start(web, other, &[("OTHER", None)]);
    assert_eq!(text(&pair.get("/")), "hello Ada");
}

#[test]
fn many_calls_at_once_find_their_answers() {
    let web = r#"
export default { async fetch(_, env) {
  const calls = [];
  for (let i = 0; i < 40; i++) calls.push(env.OTHER.later(i, "x".repeat(i * 1000)));
  const answers = await Promise.all(calls);
  return new Response(`${answers.every(([n, length], i) => n === i && length === i * 1000)}`);
} };
"#;
    let other = r#"
import { WorkerEntrypoint } from "cloudflare:workers";
export default class extends WorkerEntrypoint {
  async later(n, text) { await scheduler.wait(40 - n); return [n, text.length]; }
}
"#;
    let pair = Pair::start(web, other, &[("OTHER", None)]);
    assert_eq!(text(&pair.get("/")), "true");
}
