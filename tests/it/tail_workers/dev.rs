//! In `dev`, and beside workerd.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::CONSUMER;
use crate::dev::Dev;
use crate::harness::{Client, Origin, Workerd, eventually, full};

const PRODUCER: &str = r#"
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import channels from "node:diagnostics_channel";
class Mine extends Error {
  constructor(message) { super(message); this.name = "Mine"; this.code = 5; }
}
class Plain { a = 1; }
export class Other extends WorkerEntrypoint {
  async add(a, b) { console.log("adds"); return a + b; }
  async connect(socket) { console.log("connected"); throw new Error("in a connection"); }
}
export class Thing extends DurableObject {
  async fetch(request) {
    if (request.headers.get("upgrade") !== "websocket") {
      console.log("an object");
      return new Response("thing");
    }
    const [client, server] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }
  webSocketMessage(socket, message) { socket.send(message); }
  webSocketClose() {}
  async method() { return 1; }
  async connect(socket) { console.log("an object is connected"); }
  async wake() { await this.ctx.storage.setAlarm(Date.now() + 50); }
  async alarm() { console.log("woken"); }
}
export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    const thing = env.THING.get(env.THING.idFromName("x"));
    switch (pathname) {
      case "/logs":
        console.log("hello", { a: 1, b: [null, "x"] }, 7, true);
        console.warn("careful");
        console.error("bad");
        console.debug("d");
        console.info("i");
        return new Response("fine", { status: 202 });
      case "/errors":
        console.log("a", new Error("one"), new Mine("own"), 1);
        console.error(new AggregateError([new Error("inner")], "all"));
        console.log({ e: new Error("in an object") }, [new Error("in a list")]);
        console.log(Object.assign(new Error("no stack"), { stack: undefined }), Object.assign(new Error("s"), { stack: "own" }));
        break;
      case "/values": {
        const cycle = {};
        cycle.cycle = cycle;
        console.log(undefined, 10n, new Map([[1, 2]]), new Plain(), NaN, new Date(0), [1n], cycle, null);
        console.log(Object.create(null), { toJSON: () => 5 }, Symbol("s"), /a/);
        console.log(), console.log("%s is %d", "a", 3);
        break;
      }
      case "/channels": {
        const own = channels.channel("own");
        own.publish({ a: 1, date: new Date(0), map: new Map([[1, 2]]) });
        own.subscribe((message) => console.log("heard", message.b));
        own.publish({ b: 2 });
        channels.channel(Symbol("named")).publish("text");
        channels.channel("code").publish(() => 1);
        channels.channel("nothing").publish(undefined);
        channels.tracingChannel("steps").traceSync(() => 1, { step: 1 });
        await channels.tracingChannel("later").tracePromise(async () => 2, { step: 2 });
        break;
      }
      case "/throws-own": throw new Mine("own");
      case "/throws": throw new TypeError("no such thing");
      case "/throws-text": throw "a text";
      case "/late":
        ctx.waitUntil((async () => { await scheduler.wait(20); console.log("late"); })());
        break;
      case "/remote": await env.OTHER.add(1, 2); break;
      case "/connection": await env.OTHER.connect("x:1").readable.getReader().read(); break;
      case "/object-connection": await thing.connect("x:1").readable.getReader().read(); break;
      case "/object": await thing.fetch("http://thing/"); break;
      case "/object-method": await thing.method(); break;
      case "/alarm": await thing.wake(); break;
      case "/socket": {
        const { webSocket } = await thing.fetch("http://thing/", { headers: { upgrade: "websocket" } });
        webSocket.accept();
        const answer = new Promise((resolve) => webSocket.addEventListener("message", resolve));
        webSocket.send("hi");
        await answer;
        webSocket.close(4001, "bye");
        break;
      }
    }
    return new Response("ok");
  },
};
"#;

/// What happens, and how many events that makes.
const PATHS: [(&str, usize); 15] = [
    ("/logs?token=AbCdEfGhIjKlMnOpQr0123", 1),
    ("/errors", 1),
    ("/values", 1),
    ("/channels", 1),
    ("/throws", 1),
    ("/throws-own", 1),
    ("/throws-text", 1),
    ("/late", 1),
    ("/remote", 2),
    ("/connection", 2),
    ("/object-connection", 2),
    ("/object", 2),
    ("/object-method", 2),
    ("/alarm", 3),
    // And others, which workerd tells when the connection is gone.
    ("/socket", 2),
];

/// Collects what consumers post.
struct Sink {
    origin: Origin,
    events: Arc<Mutex<Vec<Value>>>,
}

impl Sink {
    fn start() -> Self {
        let events: Arc<Mutex<Vec<Value>>> = Arc::default();
        let taken = events.clone();
        let origin = Origin::start(move |request| {
            let taken = taken.clone();
            async move {
                let body = request.into_body().collect().await.expect("a body").to_bytes();
                let posted: Vec<Value> = serde_json::from_slice(&body).expect("a list");
                taken.lock().expect("nobody panics here").extend(posted);
                http::Response::new(full("ok"))
            }
        });
        Self { origin, events }
    }

    /// What so many events are, in no order that tells of time.
    fn take(&self, what: &str, count: usize) -> Vec<Value> {
        let mut all = eventually(what, || {
            let mut events = self.events.lock().expect("nobody panics here");
            if what == "/socket" {
                let is_of_socket = |event: &Value| event["event"]["getWebSocketEvent"].is_object();
                events.retain(is_of_socket);
            }
            (events.len() >= count).then(|| std::mem::take(&mut *events))
        });
        all.iter_mut().for_each(comparable);
        all.sort_by_key(Value::to_string);
        all
    }
}

/// Takes out what differs between two runs, or between two runtimes by right.
fn comparable(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(comparable),
        Value::Object(map) => {
            for gone in ["scriptName", "scriptVersion", "cf"] {
                map.remove(gone);
            }
            for (key, value) in map.iter_mut() {
                match key.as_str() {
                    "eventTimestamp" | "timestamp" | "wallTime" | "cpuTime" => {
                        assert!(value.is_u64(), "{key}: {value}");
                        *value = json!("a number");
                    }
                    "stack" if value != "undefined" && value != "own" => {
                        assert!(
                            value.as_str().is_some_and(|it| it.starts_with("    at ")),
                            "{value}"
                        );
                        *value = json!("a stack");
                    }
                    "durableObjectId" if value != "undefined" => {
                        assert_eq!(value.as_str().map(str::len), Some(64), "{value}");
                        *value = json!("an id");
                    }
                    "url" => {
                        let url = value.as_str().expect("text");
                        let (scheme, rest) = url.split_once("//").expect("a URL");
                        let (_, path) = rest.split_once('/').expect("a path");
                        *value = json!(format!("{scheme}//host/{path}"));
                    }
                    "headers" => {
                        let own = ["authorization", "cookie", "x-kind", "x-api-key"];
                        let headers = value.as_object_mut().expect("headers");
                        headers.retain(|name, _| own.contains(&name.as_str()));
                    }
                    _ => comparable(value),
                }
            }
        }
        _ => {}
    }
}

fn ask(address: SocketAddr, path: &str) {
    let headers =
        [("authorization", "Bearer x"), ("cookie", "a=b"), ("x-kind", "blue"), ("x-api-key", "k")];
    Client::connect(address).request("GET", path, &headers, b"");
}

fn dev(sink: &Sink) -> Dev {
    let producer = "name = \"app\"\nmain = \"app.js\"\ncompatibility_date = \"2026-11-01\"\n\
        tail_consumers = [{ service = \"watcher\" }]\n\
        services = [{ binding = \"OTHER\", service = \"app\", entrypoint = \"Other\" }]\n\
        durable_objects.bindings = [{ name = \"THING\", class_name = \"Thing\" }]\n\
        migrations = [{ tag = \"v1\", new_sqlite_classes = [\"Thing\"] }]\n";
    let consumer = format!(
        "name = \"watcher\"\nmain = \"watcher.js\"\ncompatibility_date = \"2026-11-01\"\n\
         vars = {{ SINK = \"{}\" }}\n",
        sink.origin.url("/")
    );
    Dev::start(
        &[
            ("app.js", PRODUCER),
            ("wrangler.toml", producer),
            ("watcher.js", CONSUMER),
            ("watcher.toml", &consumer),
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
    let services = format!(
        "(name = \"main\", worker = (\n\
           modules = [(name = \"app.js\", esModule = embed \"app.js\")],\n\
           compatibilityDate = \"2026-11-01\", tails = [\"watcher\"],\n\
           durableObjectNamespaces = [(className = \"Thing\", uniqueKey = \"t\", enableSql = true)],\n\
           durableObjectStorage = (inMemory = void),\n\
           bindings = [\n\
             (name = \"OTHER\", service = (name = \"main\", entrypoint = \"Other\")),\n\
             (name = \"THING\", durableObjectNamespace = \"Thing\"),\n\
           ],\n\
         )),\n\
         (name = \"watcher\", worker = (\n\
           modules = [(name = \"watcher.js\", esModule = embed \"watcher.js\")],\n\
           compatibilityDate = \"2026-11-01\", globalOutbound = \"all\",\n\
           bindings = [(name = \"SINK\", text = \"{}\")],\n\
         )),",
        sink.origin.url("/")
    );
    Workerd::start(folder.path(), &services)
}

#[test]
fn a_tail_worker_gets_what_workerd_gives_it() {
    let (ours, theirs) = (Sink::start(), Sink::start());
    let dev = dev(&ours);
    let folder = TempDir::new().expect("a temporary folder");
    let workerd = workerd(&folder, &theirs);
    let mut different = Vec::new();
    for (path, count) in PATHS {
        ask(dev.address, path);
        let events = ours.take(path, count);
        assert_eq!(events.len(), count, "{path}: {events:#?}");
        let Some(workerd) = &workerd else { continue };
        ask(workerd.address, path);
        let expected = theirs.take(path, count);
        if events != expected {
            different.push(format!("{path}\nours: {events:#?}\ntheirs: {expected:#?}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn secrets_of_a_request_are_shown_to_who_asks() {
    let sink = Sink::start();
    let dev = dev(&sink);
    ask(dev.address, "/logs?token=AbCdEfGhIjKlMnOpQr0123");
    let events = sink.take("an event", 1);
    let request = &events[0]["event"]["request"];
    assert_eq!(request["url"], "http://host/logs?token=REDACTED");
    assert_eq!(request["unredacted"]["url"], "http://host/logs?token=AbCdEfGhIjKlMnOpQr0123");
    for (name, shown, whole) in [
        ("authorization", "REDACTED", "Bearer x"),
        ("cookie", "REDACTED", "a=b"),
        ("x-api-key", "REDACTED", "k"),
        ("x-kind", "blue", "blue"),
    ] {
        assert_eq!(request["headers"][name], shown);
        assert_eq!(request["unredacted"]["headers"][name], whole);
    }
}

#[test]
fn an_email_is_told_as_one() {
    let sink = Sink::start();
    let dev = dev(&sink);
    let path = "/cdn-cgi/handler/email?from=a%40a.test&to=b%40b.test";
    let message = b"From: a@a.test\r\nTo: b@b.test\r\nMessage-ID: <1@a.test>\r\n\r\nhi\r\n";
    Client::connect(dev.address).request("POST", path, &[], message);
    let event = &sink.take("an event", 1)[0]["event"];
    assert_eq!(event["class"], "EmailEventInfo [object EmailEventInfo]");
    assert_eq!((&event["mailFrom"], &event["rcptTo"]), (&json!("a@a.test"), &json!("b@b.test")));
    assert_eq!(event["rawSize"], message.len());
}

#[test]
fn a_tail_worker_that_is_not_there_is_named_and_nobody_waits() {
    let config = "name = \"app\"\nmain = \"app.js\"\ncompatibility_date = \"2026-11-01\"\n\
        tail_consumers = [{ service = \"absent\" }]\n";
    let worker = "export default { fetch: () => new Response('fine') };";
    let dev = Dev::start(&[("app.js", worker), ("wrangler.toml", config)], &[]);
    assert_eq!(dev.get("/").text(), "fine");
    eventually("it is told", || dev.log().contains("the tail Worker absent").then_some(()));
}

#[test]
fn tail_consumers_follow_the_configuration() {
    let sink = Sink::start();
    let dev = dev(&sink);
    ask(dev.address, "/logs");
    sink.take("an event", 1);
    let without = "name = \"app\"\nmain = \"app.js\"\ncompatibility_date = \"2026-11-01\"\n\
        vars = { RELOADED = \"yes\" }\n";
    dev.write("app.js", "export default { fetch: (_, env) => new Response(env.RELOADED) };");
    dev.write("wrangler.toml", without);
    eventually("it is reloaded", || (dev.get("/").text() == "yes").then_some(()));
    sink.events.lock().expect("nobody panics here").clear();
    dev.get("/");
    dev.write("watcher.js", &format!("{CONSUMER}\n// once more"));
    eventually("the other is reloaded, too", || {
        dev.log().contains("watcher reloaded").then_some(())
    });
    assert!(sink.events.lock().expect("nobody panics here").is_empty());
}
