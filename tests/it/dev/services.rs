//! Several Workers and the service bindings between them.

use super::Dev;
use crate::harness::Client;

const WEB: &str = r#"
export default {
  async fetch(request, env) {
    switch (new URL(request.url).pathname) {
      case "/echo": return env.OTHER.fetch(request);
      case "/url": return env.OTHER.fetch("https://any.example/path?query");
      case "/admin": return env.ADMIN.fetch("http://x/");
      case "/missing": return env.MISSING.fetch("http://x/").catch((error) => new Response(error.message));
      case "/method":
        try { return new Response(await env.OTHER.greet()); }
        catch (error) { return new Response(error.message); }
      case "/kind": return new Response(`${Object.prototype.toString.call(env.OTHER)} ${await env.OTHER === env.OTHER}`);
      case "/socket": {
        const answer = await env.OTHER.fetch("http://x/socket", { headers: { upgrade: "websocket" } });
        const socket = answer.webSocket;
        socket.accept();
        const reply = new Promise((done) => socket.addEventListener("message", (event) => done(event.data)));
        socket.send("hi");
        return new Response(await reply);
      }
      case "/self": return env.SELF.fetch("http://x/kind");
      case "/loop": return env.SELF.fetch(request).catch((error) => new Response(error.message));
      case "/endless": return env.SELF.fetch(request);
      case "/throws": {
        const told = [];
        for (const how of ["/type-error", "/own-error", "/no-response", "/text", "/later"]) {
          try {
            const answer = await env.OTHER.fetch(`http://x${how}`);
            await answer.text();
            told.push(answer.status);
          } catch (error) {
            told.push(`${error.constructor.name}: ${error.message}: ${error.remote}`);
          }
        }
        return new Response(told.join("\n"));
      }
    }
    return new Response("web");
  },
};
"#;

const OTHER: &str = r#"
import { WorkerEntrypoint } from "cloudflare:workers";
export default {
  async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === "/socket") {
      const [client, server] = Object.values(new WebSocketPair());
      server.accept();
      server.addEventListener("message", (event) => server.send(`you said ${event.data}`));
      return new Response(null, { status: 101, webSocket: client });
    }
    if (url.pathname === "/type-error") throw new TypeError("of: mine");
    if (url.pathname === "/own-error") throw Object.assign(new Error("caf\u00e9"), { name: "Mine" });
    if (url.pathname === "/no-response") return 5;
    if (url.pathname === "/text") throw "a text";
    if (url.pathname === "/later") return new Response(new ReadableStream({ pull() { throw new Error("late"); } }));
    if (url.pathname === "/path") return new Response(request.url);
    const headers = { "x-method": request.method, "x-ip": request.headers.get("cf-connecting-ip") };
    return new Response(request.body, { status: 201, headers });
  },
};
export class Admin extends WorkerEntrypoint {
  fetch() { return Response.json(this.ctx.props); }
}
"#;

fn start() -> Dev {
    let web = r#"
        name = "web"
        main = "worker.js"
        compatibility_date = "2026-11-01"
        services = [
          { binding = "OTHER", service = "other" },
          { binding = "ADMIN", service = "other", entrypoint = "Admin", props = { role = "web" } },
          { binding = "MISSING", service = "missing" },
          { binding = "SELF", service = "web" },
        ]"#;
    let other = "name = \"other\"\nmain = \"worker.js\"\ncompatibility_date = \"2026-11-01\"\n";
    Dev::start(
        &[
            ("web/worker.js", WEB),
            ("web/wrangler.toml", web),
            ("other/worker.js", OTHER),
            ("other/wrangler.toml", other),
        ],
        &["-c", "web/wrangler.toml", "-c", "other/wrangler.toml"],
    )
}

#[test]
fn requests_reach_the_other_worker_whole() {
    let dev = start();
    let body = vec![b'x'; 3_000_000];
    let answer = Client::connect(dev.address).post("/echo", &body);
    assert_eq!((answer.status, answer.body.len()), (201, body.len()));
    assert_eq!(answer.header("x-method"), Some("POST"));
    assert_eq!(answer.header("x-ip"), Some("127.0.0.1"), "the edge's headers go on");
    assert_eq!(dev.get("/url").text(), "https://any.example/path?query");
    assert_eq!(dev.get("/admin").text(), r#"{"role":"web"}"#);
    assert_eq!(dev.get("/socket").text(), "you said hi");
    assert_eq!(dev.get("/kind").text(), "[object Fetcher] true");
    assert_eq!(dev.get("/self").text(), "[object Fetcher] true");
}

#[test]
fn what_is_not_there_is_said() {
    let dev = start();
    let missing = dev.get("/missing").text();
    assert!(missing.contains("the Worker \"missing\", which does not run here"), "{missing}");
    let method = dev.get("/method").text();
    assert_eq!(method, "The RPC receiver does not implement the method \"greet\".");
}

/// As in workerd: the caller's `fetch()` fails with what the callee threw.
#[test]
fn what_the_callee_throws_reaches_the_caller() {
    let dev = start();
    let told = dev.get("/throws").text();
    let told: Vec<&str> = told.lines().collect();
    assert_eq!(told[0], "TypeError: of: mine: true");
    assert_eq!(told[1], "Error: Mine: caf\u{e9}: true");
    assert!(told[2].starts_with("TypeError: Incorrect type for Promise"), "{told:?}");
    assert_eq!(told[3], "Error: a text: true");
    // The answer had begun.
    assert_eq!(told.len(), 5);
    assert!(told[4].ends_with("Network connection lost.: undefined"), "{told:?}");
    // Its own log tells, too.
    assert!(dev.log().contains("of: mine"), "{}", dev.log());
}

#[test]
fn a_loop_of_workers_is_cut() {
    let dev = start();
    let text =
        "Subrequest depth limit exceeded. This request recursed through Workers too many times.";
    let caught = dev.get("/loop");
    assert_eq!(caught.status, 200);
    assert!(caught.text().starts_with(text), "{}", caught.text());
    let failed = dev.get("/endless");
    assert_eq!(failed.status, 500);
    assert!(failed.text().contains(text), "{}", failed.text());
    assert_eq!(dev.get("/url").status, 200);
}

#[test]
fn each_worker_reloads_alone() {
    let dev = start();
    assert_eq!(dev.get("/url").text(), "https://any.example/path?query");
    dev.write("other/worker.js", "export default { fetch: () => new Response('new') };");
    crate::harness::eventually("the other Worker is new", || {
        (dev.get("/url").text() == "new").then_some(())
    });
    assert!(dev.log().contains("other reloaded"), "{}", dev.log());
    assert!(!dev.log().contains("web reloaded"), "{}", dev.log());
}
