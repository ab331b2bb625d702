//! Objects whose class is another Worker's: each call crosses threads.

use crate::dev::Dev;
use crate::harness::{Client, Response, block_on};
use crate::websocket::client as websocket;

/// Calls objects of the other Worker.
const WEB: &str = r#"
const told = (error) => Response.json({
  name: error.name, message: error.message, type: error.constructor.name, remote: error.remote,
  code: error.code, reset: error.durableObjectReset, retryable: error.retryable, overloaded: error.overloaded,
});
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const stub = env.FAR.getByName(url.searchParams.get("name") ?? "a");
    switch (url.pathname) {
      case "/echo": return stub.fetch(request);
      case "/headers": {
        const answer = await stub.fetch("http://any.example/headers?q", { headers: { "x-a": "1" }, cf: { mine: "caf\u00e9" } });
        return Response.json({
          seen: await answer.json(), status: answer.status, statusText: answer.statusText,
          headers: [...answer.headers], url: answer.url, redirected: answer.redirected,
        });
      }
      case "/redirect": {
        const answer = await stub.fetch("http://x/from", { method: "POST", body: "x" });
        return new Response(`${await answer.text()} ${answer.url} ${answer.redirected}`);
      }
      case "/manual": {
        const answer = await stub.fetch("http://x/from", { redirect: "manual" });
        return new Response(`${answer.status} ${answer.headers.get("location")}`);
      }
      case "/gzip": {
        const answer = await stub.fetch("http://x/gzip");
        if (url.searchParams.has("read")) return new Response(`${await answer.text()} ${answer.headers.get("content-encoding")}`);
        return answer;
      }
      case "/throw": return stub.fetch("http://x/throw", { method: request.method }).catch(told);
      case "/custom": return stub.fetch("http://x/custom").catch(told);
      case "/abort": return stub.fetch("http://x/abort").catch(told);
      case "/burn": return stub.fetch("http://x/burn").catch(told);
      case "/signal": {
        const controller = new AbortController();
        const gone = stub.fetch("http://x/wait", { signal: controller.signal });
        await scheduler.wait(50);
        controller.abort();
        await gone.catch((error) => error);
        for (let tries = 0; tries < 200; tries++) {
          const seen = await (await stub.fetch("http://x/waited")).text();
          if (seen !== "waiting") return new Response(seen);
          await scheduler.wait(10);
        }
        return new Response("the object was never told");
      }
      case "/socket": {
        const answer = await stub.fetch("http://x/socket", { headers: { upgrade: "websocket" } });
        const socket = answer.webSocket;
        socket.accept();
        const reply = new Promise((done) => socket.addEventListener("message", (event) => done(event.data)));
        socket.send("hi");
        return new Response(await reply);
      }
      case "/bridge": return stub.fetch(request);
      case "/count": return stub.fetch("http://x/count");
      case "/id": {
        const id = env.FAR.idFromName("by name");
        const again = env.FAR.idFromString(id.toString());
        const answer = await env.FAR.get(again).fetch("http://x/id");
        return new Response(`${(await answer.text()) === id.toString()}`);
      }
      case "/name": return stub.fetch("http://x/name");
      case "/many": {
        const calls = Array.from({ length: 300 }, () => stub.fetch("http://x/count"));
        const seen = new Set(await Promise.all((await Promise.all(calls)).map((answer) => answer.text())));
        return new Response(String(seen.size));
      }
      case "/nowhere": return env.NOWHERE.getByName("a").fetch("http://x/").catch(told);
      case "/noclass": return env.NOCLASS.getByName("a").fetch("http://x/").catch(told);
      case "/theirs": return env.OTHER.fetch("http://x/");
    }
    return new Response("web");
  },
};
"#;

const OTHER: &str = r#"
class Custom extends Error { code = 5; get name() { return "Custom"; } }
export default {
  fetch(request, env) { return env.OWN.getByName("a").fetch("http://x/count"); },
};
export class Subject {
  count = 0;
  constructor(ctx, env) { this.ctx = ctx; }
  async fetch(request) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/headers":
        return Response.json(
          { url: request.url, headers: [...request.headers], cf: request.cf },
          { status: 299, statusText: "Fine", headers: [["x-b", "2"], ["set-cookie", "a=1"], ["set-cookie", "b=2"]] },
        );
      case "/from": return new Response(null, { status: 303, headers: { location: "/to" } });
      case "/to": return new Response(`${request.method} arrived`);
      case "/gzip": return new Response("plain text", { headers: { "content-encoding": "gzip" } });
      case "/throw": throw new RangeError("caf\u00e9\r\n\u{1f600}");
      case "/custom": throw new Custom("mine");
      case "/abort": this.ctx.abort("enough");
      case "/burn": for (;;);
      case "/wait":
        this.seen = "waiting";
        await new Promise((done) => request.signal.addEventListener("abort", done));
        this.seen = "aborted";
        break;
      case "/waited": return new Response(this.seen);
      case "/socket": case "/bridge": {
        const [client, server] = Object.values(new WebSocketPair());
        server.accept();
        server.addEventListener("message", (event) => server.send(`you said ${event.data}`));
        return new Response(null, { status: 101, webSocket: client });
      }
      case "/count": return new Response(String(++this.count));
      case "/id": return new Response(this.ctx.id.toString());
      case "/name": return new Response(this.ctx.id.name);
    }
    return new Response(request.body, { status: 201, headers: { "x-method": request.method } });
  }
}
"#;

fn start() -> Dev {
    let web = r#"
        name = "web"
        main = "worker.js"
        compatibility_date = "2026-11-01"
        services = [{ binding = "OTHER", service = "other" }]
        [[durable_objects.bindings]]
        name = "FAR"
        class_name = "Subject"
        script_name = "other"
        [[durable_objects.bindings]]
        name = "NOWHERE"
        class_name = "Subject"
        script_name = "missing"
        [[durable_objects.bindings]]
        name = "NOCLASS"
        class_name = "Unknown"
        script_name = "other"
        "#;
    let other = r#"
        name = "other"
        main = "worker.js"
        compatibility_date = "2026-11-01"
        compatibility_flags = ["enable_request_signal"]
        [limits]
        cpu_ms = 300
        [[durable_objects.bindings]]
        name = "OWN"
        class_name = "Subject"
        [[migrations]]
        tag = "1"
        new_sqlite_classes = ["Subject"]
        "#;
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

fn json(response: &Response) -> serde_json::Value {
    serde_json::from_str(&response.text()).unwrap_or_else(|_| panic!("{}", response.text()))
}

#[test]
fn bodies_reach_an_object_of_another_worker_whole() {
    let dev = start();
    let body = vec![b'x'; 3_000_000];
    let response = Client::connect(dev.address).request("POST", "/echo", &[], &body);
    assert_eq!(response.status, 201, "{}", dev.log());
    assert_eq!(response.header("x-method"), Some("POST"));
    assert_eq!(response.body, body);
}

#[test]
fn requests_and_responses_are_those_that_were_made() {
    let dev = start();
    let seen = json(&dev.get("/headers"));
    assert_eq!(seen["seen"]["url"], "http://any.example/headers?q");
    assert_eq!(seen["seen"]["cf"], serde_json::json!({ "mine": "café" }));
    let names: Vec<_> = seen["seen"]["headers"].as_array().expect("a list").clone();
    assert!(names.contains(&serde_json::json!(["x-a", "1"])), "{seen}");
    for added in ["cf-ray", "cdn-loop", "accept-encoding", "cf-connecting-ip"] {
        assert!(names.iter().all(|pair| pair[0] != added), "{added}: {seen}");
    }
    assert_eq!((&seen["status"], &seen["statusText"]), (&299.into(), &"Fine".into()));
    assert_eq!(
        seen["headers"],
        serde_json::json!([
            ["content-type", "application/json"],
            ["set-cookie", "a=1"],
            ["set-cookie", "b=2"],
            ["x-b", "2"]
        ])
    );
    assert_eq!(seen["redirected"], false);
}

#[test]
fn redirects_are_followed_within_the_object() {
    let dev = start();
    assert_eq!(dev.get("/redirect").text(), "GET arrived http://x/to true");
    assert_eq!(dev.get("/manual").text(), "303 /to");
}

#[test]
fn a_coding_is_applied_on_the_way_out_of_the_process_only() {
    let dev = start();
    assert_eq!(dev.get("/gzip?read").text(), "plain text gzip");
    let response =
        Client::connect(dev.address).request("GET", "/gzip", &[("accept-encoding", "gzip")], b"");
    assert_eq!(response.header("content-encoding"), Some("gzip"));
    assert_eq!(response.body[..2], [0x1f, 0x8b]);
}

#[test]
fn what_an_object_throws_is_the_callers_error() {
    let dev = start();
    for method in ["GET", "HEAD"] {
        let response = Client::connect(dev.address).request(method, "/throw", &[], b"");
        assert_eq!(response.status, 200, "{method}");
        if method == "GET" {
            let error = json(&response);
            assert_eq!(
                (&error["type"], &error["name"]),
                (&"RangeError".into(), &"RangeError".into())
            );
            assert_eq!(error["message"], "café\r\n\u{1f600}");
            assert_eq!(error["remote"], true);
            assert_eq!(error["reset"], serde_json::Value::Null);
        }
    }
    let error = json(&dev.get("/custom"));
    assert_eq!((&error["type"], &error["message"]), (&"Error".into(), &"mine".into()));
    assert_eq!((&error["name"], &error["code"]), (&"Custom".into(), &5.into()));
    let log = dev.log();
    assert!(log.contains("RangeError: caf"), "{log}");
    assert!(log.contains("worker.js:"), "{log}");
}

#[test]
fn callers_learn_that_an_object_was_reset() {
    let dev = start();
    assert_eq!(dev.get("/count").text(), "1");
    let error = json(&dev.get("/abort"));
    assert_eq!((&error["message"], &error["reset"]), (&"enough".into(), &true.into()));
    assert_eq!(dev.get("/count").text(), "1");
    let error = json(&dev.get("/burn"));
    assert_eq!(error["message"], "Durable Object exceeded its CPU time limit and was reset.");
    assert_eq!((&error["reset"], &error["remote"]), (&true.into(), &true.into()));
    assert_eq!(dev.get("/count").text(), "1");
}

#[test]
fn an_aborted_call_is_told_to_the_object() {
    assert_eq!(start().get("/signal").text(), "aborted");
}

#[test]
fn web_sockets_lead_to_an_object_of_another_worker() {
    let dev = start();
    assert_eq!(dev.get("/socket").text(), "you said hi");
    block_on(async {
        let mut socket = websocket::Client::connect(dev.address, "/bridge").await;
        socket.text("through").await;
        assert_eq!(socket.next().await, websocket::text("you said through"));
    });
}

#[test]
fn an_object_is_the_same_for_all_workers() {
    let dev = start();
    assert_eq!(dev.get("/count").text(), "1");
    assert_eq!(dev.get("/theirs").text(), "2");
    assert_eq!(dev.get("/count").text(), "3");
    assert_eq!(dev.get("/count?name=b").text(), "1");
    assert_eq!(dev.get("/id").text(), "true");
    assert_eq!(dev.get("/name?name=%C3%A9t%C3%A9").text(), "été");
    assert_eq!(dev.get("/many?name=c").text(), "300");
}

#[test]
fn what_does_not_run_is_refused_clearly() {
    let dev = start();
    let error = json(&dev.get("/nowhere"));
    let message = error["message"].as_str().expect("a text");
    assert!(message.contains("\"missing\", which does not run here"), "{message}");
    let error = json(&dev.get("/noclass"));
    assert!(error["message"].as_str().expect("a text").contains("\"Unknown\""), "{error}");
}

/// Both Workers have objects, and a service of the other one.
const SHARING: &str = r#"
import { DurableObject, RpcTarget, WorkerEntrypoint } from "cloudflare:workers";
const tag = (value) => Object.prototype.toString.call(value);
export class Subject extends DurableObject {
  count = START;
  next() { return ++this.count; }
  fetch(request) { return new Response(`${this.ctx.id.name} ${new URL(request.url).pathname}`); }
  self() { return this.env.OWN.get(this.ctx.id); }
  target() { const next = () => this.next(); return new (class extends RpcTarget { next() { return next(); } })(); }
  keep(stub) { this.kept = stub.dup && tag(stub) === "[object JsRpcStub]" ? stub.dup() : stub; }
  async callKept() { return await this.kept.next(); }
}
export class Named extends WorkerEntrypoint {
  async call(stub) { return [tag(stub), await stub.next(), await (await stub.fetch("http://x/there")).text()]; }
  async callNext(stub) { return await stub.next(); }
  async callMap(map) { return await map.get("a").stub.next(); }
  give(name) { return this.env.OWN.getByName(name); }
  giveDeep(name) { return { deep: { stub: this.env.OWN.getByName(name) } }; }
  echo(value) { return value; }
}
export default {
  async fetch(request, env) {
    const out = {};
    const run = async (name, act) => {
      try { out[name] = await act(); } catch (error) { out[name] = `${error.name}: ${error.message}`; }
    };
    const stub = env.OWN.getByName("a");
    await run("argument", () => env.OTHER.call(stub));
    await run("map", () => env.OTHER.callMap(new Map([["a", { stub }]])));
    await run("their own", () => env.OTHER.call(env.FAR.getByName("theirs")));
    await run("echo", async () => { const got = await env.OTHER.echo(stub); await scheduler.wait(20); return [tag(got), await got.next()]; });
    await run("result", async () => { const got = await env.OTHER.give("given"); return [tag(got), await got.next(), await (await got.fetch("http://x/q")).text()]; });
    await run("along", () => env.OTHER.give("given").next());
    await run("along fetch", async () => (await env.OTHER.give("given").fetch("http://x/r")).text());
    await run("along deep", () => env.OTHER.giveDeep("given").deep.stub.next());
    await run("self", async () => { const got = await env.FAR.getByName("self").self(); return [tag(got), await got.next()]; });
    await run("self along", () => env.FAR.getByName("self").self().next());
    await run("kept", async () => { await env.FAR.getByName("keeper").keep(stub); return await env.FAR.getByName("keeper").callKept(); });
    await run("target", async () => { using target = await stub.target(); return await env.OTHER.callNext(target); });
    await run("target kept", async () => { using target = await stub.target(); await env.FAR.getByName("keeper").keep(target); return await env.FAR.getByName("keeper").callKept(); });
    await run("id", () => env.OTHER.echo(env.OWN.idFromName("a")));
    await run("namespace", () => env.OTHER.echo(env.OWN));
    await run("promise", () => env.OTHER.callNext(env.OTHER.give("given")));
    return Response.json(out);
  },
};
"#;

#[test]
fn stubs_of_objects_are_passed_to_other_workers() {
    let config = |name: &str, other: &str| {
        format!(
            r#"
            name = "{name}"
            main = "worker.js"
            compatibility_date = "2026-11-01"
            services = [{{ binding = "OTHER", service = "{other}", entrypoint = "Named" }}]
            [[durable_objects.bindings]]
            name = "OWN"
            class_name = "Subject"
            [[durable_objects.bindings]]
            name = "FAR"
            class_name = "Subject"
            script_name = "{other}"
            [[migrations]]
            tag = "1"
            new_sqlite_classes = ["Subject"]
            "#
        )
    };
    let dev = Dev::start(
        &[
            ("web/worker.js", &SHARING.replace("START", "0")),
            ("web/wrangler.toml", &config("web", "other")),
            ("other/worker.js", &SHARING.replace("START", "100")),
            ("other/wrangler.toml", &config("other", "web")),
        ],
        &["-c", "web/wrangler.toml", "-c", "other/wrangler.toml"],
    );
    let refused = |name: &str| {
        format!(
            "DataCloneError: Could not serialize object of type \"{name}\". This type does not \
             support serialization."
        )
    };
    assert_eq!(
        json(&dev.get("/")),
        serde_json::json!({
            "argument": ["[object Fetcher]", 1, "a /there"],
            "map": 2,
            "their own": ["[object Fetcher]", 101, "theirs /there"],
            "echo": ["[object Fetcher]", 3],
            "result": ["[object Fetcher]", 101, "given /q"],
            "along": 102,
            "along fetch": "given /r",
            "along deep": 103,
            "self": ["[object Fetcher]", 101],
            "self along": 102,
            "kept": 4,
            "target": 5,
            "target kept": 6,
            "id": refused("DurableObjectId"),
            "namespace": refused("DurableObjectNamespace"),
            "promise": refused("RpcPromise"),
        }),
        "{}",
        dev.log()
    );
}
