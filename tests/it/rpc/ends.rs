//! How sessions end: with their caller, with their callee, at a limit.

use super::{Pair, serve, text};
use crate::harness::{Setup, eventually};

const CANCELED: &str =
    "The destination execution context for this RPC was canceled while the call was still running.";

#[test]
fn what_a_caller_forgets_is_disposed_when_its_request_ends() {
    let server = serve(
        r#"
import { exports, RpcTarget, WorkerEntrypoint } from "cloudflare:workers";
let made = 0, disposed = 0;
class Target extends RpcTarget {
  constructor() { super(); made++; }
  hello() { return "hello"; }
  [Symbol.dispose]() { disposed++; }
}
export class Service extends WorkerEntrypoint { make() { return { a: new Target(), b: new Target() }; } }
export default { async fetch(request) {
  if (request.url.endsWith("/count")) return Response.json([made, disposed]);
  const result = await exports.Service.make();
  await result.a.hello();
  return new Response("left");
} };
"#,
    );
    for _ in 0..50 {
        assert_eq!(text(&server.get("/")), "left");
    }
    eventually("all that was made is disposed", || {
        (server.get("/count").text() == "[100,100]").then_some(())
    });
}

#[test]
fn the_same_holds_between_isolates() {
    let web = r#"
export default { async fetch(request, env) {
  if (request.url.endsWith("/count")) return Response.json(await env.OTHER.count());
  const result = await env.OTHER.make();
  await result.a.hello();
  return new Response("left");
} };
"#;
    let other = r#"
import { RpcTarget, WorkerEntrypoint } from "cloudflare:workers";
let made = 0, disposed = 0;
class Target extends RpcTarget {
  constructor() { super(); made++; }
  hello() { return "hello"; }
  [Symbol.dispose]() { disposed++; }
}
export default class extends WorkerEntrypoint {
  make() { return { a: new Target(), b: new Target() }; }
  count() { return [made, disposed]; }
}
"#;
    let pair = Pair::start(web, other, &[("OTHER", None)]);
    for _ in 0..20 {
        assert_eq!(text(&pair.get("/")), "left");
    }
    eventually("all that was made is disposed", || {
        (pair.get("/count").text() == "[40,40]").then_some(())
    });
}

#[test]
fn a_callee_goes_on_for_wait_until_alone() {
    let server = serve(
        r#"
import { exports, WorkerEntrypoint } from "cloudflare:workers";
const seen = [];
export class Service extends WorkerEntrypoint {
  start() {
    this.ctx.waitUntil(scheduler.wait(30).then(() => seen.push("kept")));
    setTimeout(() => seen.push("lost"), 5);
    return "started";
  }
}
export default { async fetch(request) {
  if (request.url.endsWith("/seen")) return Response.json(seen);
  return new Response(await exports.Service.start());
} };
"#,
    );
    assert_eq!(text(&server.get("/")), "started");
    eventually("what waitUntil kept ran", || {
        server.get("/seen").text().contains("kept").then_some(())
    });
}

#[test]
fn stubs_belong_to_their_request() {
    let server = serve(
        r#"
import { exports, RpcTarget, WorkerEntrypoint } from "cloudflare:workers";
let kept;
class Target extends RpcTarget { hello() { return "hello"; } }
export class Service extends WorkerEntrypoint { make() { return new Target(); } }
export default { async fetch(request) {
  if (request.url.endsWith("/use")) {
    try { return new Response(await kept.hello()); } catch (error) { return new Response(error.message); }
  }
  kept = await exports.Service.make();
  return new Response("kept");
} };
"#,
    );
    assert_eq!(text(&server.get("/")), "kept");
    let message = text(&server.get("/use"));
    assert!(
        message.starts_with("Cannot perform I/O on behalf of a different request."),
        "{message}"
    );
}

#[test]
fn sessions_count_as_subrequests() {
    let source = r#"
import { exports, RpcTarget, WorkerEntrypoint } from "cloudflare:workers";
class Target extends RpcTarget { n = 0; add() { return 1; } }
export class Service extends WorkerEntrypoint { make() { return new Target(); } one() { return 1; } }
export default { async fetch(request) {
  try {
    // Calls on a stub are part of its session.
    const target = await exports.Service.make();
    for (let i = 0; i < 20; i++) await target.add();
    for (let i = 0; i < 10; i++) await exports.Service.one();
    return new Response("unlimited");
  } catch (error) { return new Response(error.message); }
} };
"#;
    let server = Setup::new(source).limits(|limits| limits.subrequests = 11).start();
    assert_eq!(text(&server.get("/")), "unlimited");
    let server = Setup::new(source).limits(|limits| limits.subrequests = 10).start();
    let message = text(&server.get("/"));
    assert!(message.starts_with("Too many subrequests by single Worker invocation."), "{message}");
}

#[test]
fn a_call_fails_when_its_callee_is_stopped() {
    let web = r#"
export default { async fetch(request, env) {
  const ok = await env.OTHER.ok();
  const spun = await env.OTHER.spin().catch((error) => error.message);
  return Response.json([ok, spun]);
} };
"#;
    let other = r#"
import { WorkerEntrypoint } from "cloudflare:workers";
export default class extends WorkerEntrypoint {
  ok() { return "ok"; }
  async spin() { await scheduler.wait(1); for (;;); }
}
"#;
    let pair = Pair::start(web, other, &[("OTHER", None)]);
    for _ in 0..2 {
        assert_eq!(text(&pair.get("/")), format!(r#"["ok","{CANCELED}"]"#));
    }
}

#[test]
fn calls_reach_the_new_version_after_a_reload() {
    let web = r#"
export default { async fetch(request, env) { return new Response(await env.OTHER.version()); } };
"#;
    let other = |version: &str| {
        format!(
            "import {{ WorkerEntrypoint }} from \"cloudflare:workers\";\n\
             export default class extends WorkerEntrypoint {{ version() {{ return {version:?}; }} }}\n"
        )
    };
    let pair = Pair::start(web, &other("one"), &[("OTHER", None)]);
    assert_eq!(text(&pair.get("/")), "one");
    pair.rewrite(&other("two"));
    eventually("the other Worker is new", || (pair.get("/").text() == "two").then_some(()));
}

#[test]
fn a_binding_that_leads_nowhere_says_so() {
    let pair_of = |service: &str| {
        format!(
            "export default {{ async fetch(_, env) {{\n\
               try {{ return new Response(await env.{service}.x()); }} catch (error) {{ return new Response(error.message); }}\n\
             }} }};"
        )
    };
    let pair = Pair::start(
        &pair_of("OTHER"),
        "export class Other {}\nexport default { fetch() {} };",
        &[("OTHER", Some("Nothing"))],
    );
    assert_eq!(text(&pair.get("/")), "The Worker has no entrypoint named \"Nothing\".");
}
