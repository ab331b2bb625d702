//! `env.DISPATCH` beside Workers of one's own.

use crate::dev::Dev;

const DISPATCH: &str = r#"
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const [, name, rest] = url.pathname.split("/");
    const told = (error) => new Response(`${error.name}: ${error.message}`);
    try {
      switch (name) {
        case "class": return new Response(Object.prototype.toString.call(env.PLATFORM) + Object.prototype.toString.call(env.PLATFORM.get("a")));
        case "method": return new Response(await env.PLATFORM.get("customer").add(1, 2));
        case "cpu": return await env.PLATFORM.get("customer", {}, { limits: { cpuMs: 30 } }).fetch("http://x/loop");
        case "subrequests": return await env.PLATFORM.get("customer", {}, { limits: { subRequests: 1 } }).fetch("http://x/many");
        case "unknown-parameter": return await env.PLATFORM.get("customer", {}, { outbound: { nobody: 1 } }).fetch("http://x/");
        case "args": return await env.PLATFORM.get("customer", { a: 1 }).fetch("http://x/");
        case "sent": return new Response(await env.PLATFORM.get("customer").take(env.PLATFORM.get("customer")));
      }
      const worker = env.PLATFORM.get(name, {}, { outbound: { customer: name, plan: { free: true } } });
      return await worker.fetch(`http://x/${rest ?? ""}`, { headers: { "x-from": "dispatch" } });
    } catch (error) {
      return told(error);
    }
  },
};
"#;

const CUSTOMER: &str = r#"
import { env as imported, WorkerEntrypoint } from "cloudflare:workers";
import { connect } from "cloudflare:sockets";
export default class extends WorkerEntrypoint {
  add(a, b) { return `${a + b}`; }
  async fetch(request) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/loop": for (;;);
      case "/many": {
        let n = 0;
        try { for (;;) { await fetch("http://away.example/"); n++; } } catch { return new Response(`${n}`); }
      }
      case "/env": return Response.json([Object.keys(this.env), Object.keys(imported)]);
      case "/away": return fetch("http://away.example/path", { method: "POST", body: "hello" });
      case "/self": return this.ctx.exports.default.fetch("http://x/away");
      case "/own-method": return new Response(await this.ctx.exports.default.away());
      case "/connect":
        try { await connect("away.example:25").opened; return new Response("opened"); }
        catch (error) { return new Response(error.message); }
      case "/loaded":
      case "/closed": {
        const code = "export default { fetch() { return fetch('http://away.example/loaded'); } }";
        const worker = this.env.LOADER.load({
          compatibilityDate: "2026-11-01", mainModule: "main.js", modules: { "main.js": code },
          ...(url.pathname === "/closed" && { globalOutbound: null }),
        });
        try { return await worker.getEntrypoint().fetch("http://x/"); }
        catch (error) { return new Response(error.message); }
      }
      case "/throws": throw new RangeError("boom");
      case "/cf": return new Response(typeof request.cf?.country);
    }
    return new Response(`customer ${request.headers.get("x-from")}`);
  }
  async away() { return (await fetch("http://away.example/path")).text(); }
  take() { return "taken"; }
}
"#;

const OUTBOUND: &str = r#"
import { env as imported } from "cloudflare:workers";
export default {
  async fetch(request, env) {
    const body = request.body === null ? "" : ` ${await request.text()}`;
    return new Response(`${request.method} ${request.url}${body} for ${env.customer} ${JSON.stringify(imported.plan)} ${env.OWN}`);
  },
};
"#;

fn start() -> Dev {
    start_at("2026-11-01")
}

/// `date` is that of the Worker that dispatches.
fn start_at(date: &str) -> Dev {
    let dispatch = format!(
        r#"
        name = "dispatch"
        main = "worker.js"
        compatibility_date = "{date}"
        [[dispatch_namespaces]]
        binding = "PLATFORM"
        namespace = "customers"
        outbound = {{ service = "outbound", parameters = ["customer", "plan"] }}"#
    );
    let other = |name: &str| {
        format!("name = \"{name}\"\nmain = \"worker.js\"\ncompatibility_date = \"2026-11-01\"\n")
    };
    Dev::start(
        &[
            ("dispatch/worker.js", DISPATCH),
            ("dispatch/wrangler.toml", &dispatch),
            ("customer/worker.js", CUSTOMER),
            (
                "customer/wrangler.toml",
                &format!("{}worker_loaders = [{{ binding = \"LOADER\" }}]\n", other("customer")),
            ),
            ("outbound/worker.js", OUTBOUND),
            (
                "outbound/wrangler.toml",
                &format!("{}vars = {{ OWN = \"own\" }}\n", other("outbound")),
            ),
        ],
        &["dispatch", "customer", "outbound"]
            .map(|name| ["-c".to_owned(), format!("{name}/wrangler.toml")])
            .concat()
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    )
}

#[test]
fn what_a_worker_throws_was_an_empty_response() {
    assert_eq!(start_at("2023-03-01").get("/customer/throws").text(), "RangeError: boom");
    let old = start_at("2023-02-28");
    let answer = old.get("/customer/throws");
    assert_eq!((answer.status, answer.text().as_str()), (500, ""));
    assert_eq!(old.get("/customer").text(), "customer dispatch");
    assert_eq!(old.get("/nobody").text(), "Error: Worker not found.");
}

#[test]
fn a_name_leads_to_its_worker() {
    let dev = start();
    assert_eq!(dev.get("/customer").text(), "customer dispatch");
    assert_eq!(dev.get("/method").text(), "3");
    assert_eq!(dev.get("/class").text(), "[object DispatchNamespace][object Fetcher]");
    assert_eq!(dev.get("/nobody").text(), "Error: Worker not found.");
}

#[test]
fn all_that_it_sends_goes_through_the_outbound_worker() {
    let dev = start();
    let told = |what: &str| format!("{what} for customer {{\"free\":true}} own");
    assert_eq!(dev.get("/customer/away").text(), told("POST http://away.example/path hello"));
    // What it loads inherits the way, unless its code says something else.
    assert_eq!(dev.get("/customer/loaded").text(), told("GET http://away.example/loaded"));
    let closed = dev.get("/customer/closed").text();
    assert!(closed.starts_with("This worker is not permitted to access the internet"), "{closed}");
    // Also where it calls itself.
    assert_eq!(dev.get("/customer/self").text(), told("POST http://away.example/path hello"));
    assert_eq!(dev.get("/customer/own-method").text(), told("GET http://away.example/path"));
    assert_eq!(
        dev.get("/customer/env").text(),
        "[[\"LOADER\"],[\"LOADER\"]]",
        "its own env has none of it"
    );
    let connect = dev.get("/customer/connect").text();
    assert!(connect.starts_with("proxy request failed, cannot connect"), "{connect}");
}

#[test]
fn limits_of_a_call_hold() {
    let dev = start();
    assert_eq!(dev.get("/cpu").text(), "Error: Worker exceeded CPU time limit.");
    assert_eq!(dev.get("/subrequests").text(), "1");
    assert_eq!(dev.get("/customer").text(), "customer dispatch");
}

#[test]
fn what_is_wrong_is_said() {
    let dev = start();
    let unknown = dev.get("/unknown-parameter").text();
    assert!(unknown.contains("has no parameter \"nobody\""), "{unknown}");
    let args = dev.get("/args").text();
    assert!(args.contains("the second argument of get() must be empty"), "{args}");
    let sent = dev.get("/sent").text();
    assert!(sent.starts_with("DataCloneError: Stubs of a dispatch namespace"), "{sent}");
}
