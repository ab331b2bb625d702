//! `tailStream()`: what it gets of an event while that goes on, beside workerd.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::dev::Dev;
use crate::harness::{Client, Origin, Workerd, eventually, full};

const PRODUCER: &str = r#"
import { DurableObject, WorkerEntrypoint, tracing } from "cloudflare:workers";
import channels from "node:diagnostics_channel";
export class Other extends WorkerEntrypoint {
  async add(a, b) { console.log("adds"); return a + b; }
}
export class Thing extends DurableObject {
  async fetch() { console.log("an object"); return new Response("thing"); }
  async wake() { await this.ctx.storage.setAlarm(Date.now() + 50); }
  async alarm() { console.log("woken"); }
}
export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    const thing = env.THING.get(env.THING.idFromName("x"));
    switch (pathname) {
      case "/logs":
        console.log("hello", { a: 1 }, 10n);
        console.error("bad", new TypeError("t"));
        return new Response("fine", { status: 202 });
      case "/throws": console.log("before"); throw new TypeError("no such thing");
      case "/late":
        ctx.waitUntil((async () => { await scheduler.wait(20); console.log("late"); })());
        break;
      case "/channels":
        channels.channel("own").publish({ a: 1, date: new Date(0), map: new Map([[1, 2]]) });
        channels.channel("code").publish(() => 1);
        break;
      case "/kv": await env.KV.get("k"); await scheduler.wait(20); break;
      case "/many": {
        console.log("begins");
        await env.KV.get("k");
        await scheduler.wait(20);
        await (await fetch(env.SINK + "sub", { method: "POST", body: "x" })).text();
        await scheduler.wait(20);
        console.warn("ends");
        throw new Error("many");
      }
      case "/spans": {
        await tracing.enterSpan("outer", async (span, n) => {
          span.setAttribute("text", "t").setAttribute("is", true).setAttribute("half", 1.5);
          span.setAttribute("none", undefined).setAttribute("object", { a: 1 });
          console.log("in outer", n, span.isTraced, span.spanContext().traceId.length);
          await env.KV.get("k");
          await scheduler.wait(20);
          await tracing.enterSpan("inner", async () => { await scheduler.wait(5); console.log("in inner"); });
          span.setStatus({ code: "error", message: "no" });
          span.updateName("renamed");
          console.log("still in outer");
        }, 7);
        try { tracing.enterSpan("thrower", () => { throw new Error("from a span"); }); } catch {}
        const manual = tracing.startSpan("manual");
        tracing.withActiveSpan(manual, () => console.log("in manual", tracing.getActiveSpan() === manual));
        manual.setAttributes({ a: 1, b: "2" });
        manual.end();
        manual.setAttribute("late", 1);
        const root = tracing.getActiveSpan();
        root.setAttribute("of", "all");
        console.log(root.isTraced, manual.isTraced);
        tracing.startSpan("never ended");
        break;
      }
      case "/remote": await env.OTHER.add(1, 2); break;
      case "/object": await thing.fetch("http://thing/"); break;
      case "/alarm": await thing.wake(); break;
      case "/held": {
        console.log("held");
        const text = await (await fetch(env.SINK + "hold")).text();
        return new Response(text);
      }
      case "/flood": {
        for (let i = 0; i < 3000; i++) console.log("x".repeat(1000));
        await scheduler.wait(1);
        return new Response("flooded");
      }
    }
    return new Response("ok");
  },
};
"#;

/// Posts all of an event when that is over, or each part at once.
const CONSUMER: &str = r#"
const shown = (event) => JSON.parse(JSON.stringify(event, (_, value) => {
  if (typeof value === "bigint") return { bigint: `${value}` };
  if (value instanceof Map) return { map: [...value] };
  return value;
}));
const post = (env, ctx, path, value) =>
  ctx.waitUntil(fetch(env.SINK + path, { method: "POST", body: JSON.stringify(value) }));
export default {
  tailStream(event, env, ctx) {
    const all = [shown(event)];
    if (!(event.timestamp instanceof Date)) throw new Error("no date");
    return (event) => {
      all.push(shown(event));
      if (event.event.type === "log") post(env, ctx, "part", event.event.message);
      if (event.event.type === "outcome") post(env, ctx, "whole", all);
    };
  },
};
"#;

/// What is posted, and a request that waits to be let go.
struct Sink {
    origin: Origin,
    parts: Arc<Mutex<Vec<Value>>>,
    wholes: Arc<Mutex<Vec<Value>>>,
    release: Arc<tokio::sync::Notify>,
}

impl Sink {
    fn start() -> Self {
        let (parts, wholes) =
            (Arc::<Mutex<Vec<Value>>>::default(), Arc::<Mutex<Vec<Value>>>::default());
        let release = Arc::<tokio::sync::Notify>::default();
        let taken = (parts.clone(), wholes.clone(), release.clone());
        let origin = Origin::start(move |request| {
            let (parts, wholes, release) = taken.clone();
            async move {
                let path = request.uri().path().to_owned();
                let body = request.into_body().collect().await.expect("a body").to_bytes();
                let json = || serde_json::from_slice(&body).expect("JSON");
                match &*path {
                    "/part" => parts.lock().expect("nobody panics here").push(json()),
                    "/whole" => wholes.lock().expect("nobody panics here").push(json()),
                    "/hold" => release.notified().await,
                    _ => {}
                }
                http::Response::new(full("ok"))
            }
        });
        Self { origin, parts, wholes, release }
    }

    /// So many events, each with all that was told of it.
    fn take(&self, path: &str, count: usize) -> Vec<Value> {
        let mut all = eventually(path, || {
            let mut wholes = self.wholes.lock().expect("nobody panics here");
            (wholes.len() >= count).then(|| std::mem::take(&mut *wholes))
        });
        all.sort_by_key(|whole| whole[0]["event"]["info"].to_string());
        all
    }

    fn has_part(&self, message: &Value) -> bool {
        self.parts.lock().expect("nobody panics here").contains(message)
    }
}

/// Facts of parts that both have.
const FACTS: [&str; 12] = [
    "db.system.name",
    "db.operation.name",
    "cloudflare.binding.type",
    "http.request.method",
    "http.response.status_code",
    "network.protocol.name",
    "jsrpc.method",
    "text",
    "is",
    "half",
    "object",
    "of",
];

/// Names spans, traces and times by when they were first seen, and checks all that an event
/// has around what happened.
fn comparable(whole: &Value) -> Value {
    let mut names = Vec::new();
    let mut named = |value: &Value| {
        let text = value.as_str().expect("text").to_owned();
        assert!(text.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
        let known = names.iter().position(|name| *name == text);
        let at = known.unwrap_or_else(|| {
            names.push(text.clone());
            names.len() - 1
        });
        json!(format!("{} digits, {at}", text.len()))
    };
    let mut told = Vec::new();
    for (number, event) in whole.as_array().expect("a list").iter().enumerate() {
        let keys: Vec<_> = event.as_object().expect("an object").keys().cloned().collect();
        assert_eq!(keys, ["spanContext", "invocationId", "timestamp", "sequence", "event"]);
        assert_eq!(event["sequence"], number, "{event}");
        let mut happened = event["event"].clone();
        let context = &event["spanContext"];
        let (trace, invocation) = (named(&context["traceId"]), named(&event["invocationId"]));
        // An event that a caller began has its span there.
        let span = (number > 0).then(|| named(&context["spanId"]));
        if happened.get("spanId").is_some() {
            happened["spanId"] = named(&happened["spanId"]);
        }
        tidy(&mut happened);
        told.push(
            json!({ "trace": trace, "invocation": invocation, "span": span, "event": happened }),
        );
    }
    told.into()
}

/// Takes out what differs between two runs, or between two runtimes by right.
fn tidy(event: &mut Value) {
    let map = event.as_object_mut().expect("an object");
    for gone in ["scriptName", "scriptVersion", "durableObjectId"] {
        map.remove(gone);
    }
    for number in ["cpuTime", "wallTime"] {
        if let Some(value) = map.get_mut(number) {
            assert!(value.is_u64(), "{number}: {value}");
            *value = json!("a number");
        }
    }
    if let Some(stack) = map.get_mut("stack") {
        assert!(stack.as_str().is_some_and(|it| it.starts_with("    at ")), "{stack}");
        *stack = json!("a stack");
    }
    for error in map.get_mut("errorInfo").and_then(Value::as_array_mut).into_iter().flatten() {
        if error.is_object() {
            error["stack"] = json!("a stack");
        }
    }
    let Some(info) = map.get_mut("info") else { return };
    if let Some(facts) = info.as_array_mut() {
        let has = |fact: &Value| FACTS.iter().any(|name| fact["name"] == *name);
        facts.retain(|fact| has(fact) || ["a", "b"].iter().any(|name| fact["name"] == *name));
    } else if let Some(info) = info.as_object_mut() {
        info.remove("cfJson");
        if let Some(time) = info.get_mut("scheduledTime") {
            *time = json!("a time");
        }
        if let Some(headers) = info.get_mut("headers").and_then(Value::as_array_mut) {
            headers.retain(|header| header["name"] == "authorization");
        }
        if let Some(url) = info.get_mut("url") {
            let (_, path) = url.as_str().and_then(|url| url.split_once("//")).expect("a URL");
            *url = json!(path.split_once('/').expect("a path").1);
        }
    }
}

fn ask(address: SocketAddr, path: &str) -> String {
    Client::connect(address).request("GET", path, &[("authorization", "Bearer x")], b"").text()
}

fn dev(sink: &Sink, consumer: &str) -> Dev {
    let producer = format!(
        "name = \"app\"\nmain = \"app.js\"\ncompatibility_date = \"2026-11-01\"\n\
         streaming_tail_consumers = [{{ service = \"watcher\" }}]\n\
         vars = {{ SINK = \"{0}\" }}\n\
         kv_namespaces = [{{ binding = \"KV\", id = \"kv\" }}]\n\
         services = [{{ binding = \"OTHER\", service = \"app\", entrypoint = \"Other\" }}]\n\
         durable_objects.bindings = [{{ name = \"THING\", class_name = \"Thing\" }}]\n\
         migrations = [{{ tag = \"v1\", new_sqlite_classes = [\"Thing\"] }}]\n",
        sink.origin.url("/")
    );
    let watcher = format!(
        "name = \"watcher\"\nmain = \"watcher.js\"\ncompatibility_date = \"2026-11-01\"\n\
         vars = {{ SINK = \"{}\" }}\n",
        sink.origin.url("/")
    );
    Dev::start(
        &[
            ("app.js", PRODUCER),
            ("wrangler.toml", &producer),
            ("watcher.js", consumer),
            ("watcher.toml", &watcher),
        ],
        &["-c", "wrangler.toml", "-c", "watcher.toml"],
    )
}

fn workerd(folder: &TempDir, sink: &Sink) -> Option<Workerd> {
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("it can be written");
    };
    write("app.js", PRODUCER);
    write("watcher.js", CONSUMER);
    write("kv.js", "export default { fetch: () => new Response(null, { status: 404 }) };");
    let sink = sink.origin.url("/");
    let services = format!(
        "(name = \"main\", worker = (\n\
           modules = [(name = \"app.js\", esModule = embed \"app.js\")],\n\
           compatibilityDate = \"2026-11-01\", streamingTails = [\"watcher\"], globalOutbound = \"all\",\n\
           durableObjectNamespaces = [(className = \"Thing\", uniqueKey = \"t\", enableSql = true)],\n\
           durableObjectStorage = (inMemory = void),\n\
           bindings = [\n\
             (name = \"OTHER\", service = (name = \"main\", entrypoint = \"Other\")),\n\
             (name = \"THING\", durableObjectNamespace = \"Thing\"),\n\
             (name = \"KV\", kvNamespace = \"kv\"),\n\
             (name = \"SINK\", text = \"{sink}\"),\n\
           ],\n\
         )),\n\
         (name = \"kv\", worker = (\n\
           modules = [(name = \"kv.js\", esModule = embed \"kv.js\")], compatibilityDate = \"2026-11-01\",\n\
         )),\n\
         (name = \"watcher\", worker = (\n\
           modules = [(name = \"watcher.js\", esModule = embed \"watcher.js\")],\n\
           compatibilityDate = \"2026-11-01\", globalOutbound = \"all\",\n\
           compatibilityFlags = [\"streaming_tail_worker\", \"experimental\"],\n\
           bindings = [(name = \"SINK\", text = \"{sink}\")],\n\
         )),"
    );
    Workerd::start_experimental(folder.path(), &services)
}

#[test]
fn a_streaming_tail_worker_gets_what_workerd_gives_it() {
    let (ours, theirs) = (Sink::start(), Sink::start());
    let dev = dev(&ours, CONSUMER);
    let folder = TempDir::new().expect("a temporary folder");
    let workerd = workerd(&folder, &theirs);
    let mut different = Vec::new();
    for path in ["/logs", "/throws", "/late", "/channels", "/kv", "/many", "/spans"] {
        ask(dev.address, path);
        let told = comparable(&ours.take(path, 1)[0]);
        assert_eq!(told[0]["event"]["type"], "onset", "{told:#}");
        let Some(workerd) = &workerd else { continue };
        ask(workerd.address, path);
        let expected = comparable(&theirs.take(path, 1)[0]);
        if told != expected {
            different.push(format!("{path}\nours: {told:#}\ntheirs: {expected:#}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// What begins in other places than a client's request, each with its own stream.
#[test]
fn each_event_has_a_stream() {
    let sink = Sink::start();
    let dev = dev(&sink, CONSUMER);
    let kinds = |path: &str, count: usize| {
        ask(dev.address, path);
        let all = sink.take(path, count);
        let first_types = all.iter().map(|whole| {
            let types = whole.as_array().expect("a list").iter();
            let types: Vec<_> = types.filter_map(|it| it["event"]["type"].as_str()).collect();
            let info = &whole[0]["event"];
            format!("{} {} {}", info["info"]["type"], info["entrypoint"], types.join(" "))
        });
        first_types.collect::<Vec<_>>()
    };
    assert_eq!(kinds("/remote", 2)[1], "\"jsrpc\" \"Other\" onset attributes log return outcome");
    assert_eq!(kinds("/object", 2)[1], "\"fetch\" \"Thing\" onset log outcome");
    let all = kinds("/alarm", 3);
    assert!(all.contains(&"\"alarm\" \"Thing\" onset log outcome".to_owned()), "{all:?}");
}

#[test]
fn what_happens_is_told_while_it_happens() {
    let sink = Sink::start();
    let dev = dev(&sink, CONSUMER);
    let address = dev.address;
    let asking = std::thread::spawn(move || ask(address, "/held"));
    eventually("it is told", || sink.has_part(&json!(["held"])).then_some(()));
    assert!(sink.wholes.lock().expect("nobody panics here").is_empty());
    sink.release.notify_one();
    assert_eq!(asking.join().expect("it is answered"), "ok");
    assert_eq!(sink.take("its end", 1).len(), 1);
}

/// A consumer that does not come along learns how much it missed, and the end of it all.
#[test]
fn what_a_slow_consumer_misses_is_counted_and_nobody_waits() {
    let consumer = r#"
export default {
  tailStream(event, env, ctx) {
    const told = { logs: 0, dropped: 0 };
    const held = fetch(env.SINK + "hold");
    return {
      async log() { told.logs++; await held; },
      streamDiagnostic({ event }) {
        if (event.diagnostic.diagnosticsType === "droppedEvents") told.dropped += event.diagnostic.count;
      },
      outcome() { ctx.waitUntil(fetch(env.SINK + "whole", { method: "POST", body: JSON.stringify([told]) })); },
    };
  },
};"#;
    let sink = Sink::start();
    let dev = dev(&sink, consumer);
    assert_eq!(ask(dev.address, "/flood"), "flooded");
    sink.release.notify_one();
    let told = sink.take("its end", 1)[0][0].clone();
    let (logs, dropped) = (told["logs"].as_u64(), told["dropped"].as_u64());
    let (logs, dropped) = (logs.expect("a number"), dropped.expect("a number"));
    assert!(dropped > 0 && logs > 0, "{told}");
    // The return of the handler may be among what was dropped.
    assert!((3000..=3001).contains(&(logs + dropped)), "{told}");
}

#[test]
fn handlers_that_are_none_are_named_and_nobody_waits() {
    for (source, text) in [
        (
            "export default { fetch: () => new Response('x') };",
            "A worker configured to act as a streaming tail worker does not export a tailStream() handler.",
        ),
        (
            "export default { tailStream: () => 5 };",
            "tailStream() handler returned an unusable value. The tailStream() handler is expected \
             to return either a function, an object, or undefined. Received number",
        ),
    ] {
        let sink = Sink::start();
        let dev = dev(&sink, source);
        assert_eq!(ask(dev.address, "/logs"), "fine");
        eventually(text, || dev.log().contains(text).then_some(()));
        eventually("its loss is told", || {
            dev.log().contains("the tail Worker watcher was not told of an event").then_some(())
        });
    }
}
