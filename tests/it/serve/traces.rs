//! What tails and counters tell.

use std::sync::Arc;
use std::time::Duration;

use selvedge_api::host::Host as _;
use serde_json::Value;
use tokio::sync::mpsc::Receiver;

use super::server::{Serve, Setup, Upload, get};
use crate::harness::eventually;

const TALKS: &str = "export default {
  async fetch(request, env, ctx) {
    console.log('hello', { a: 1 });
    ctx.waitUntil((async () => {
      await new Promise((done) => setTimeout(done, 50));
      console.warn('later');
    })());
    if (request.url.endsWith('/throw')) throw new TypeError('no such thing');
    return new Response('fine', { status: 201 });
  },
  scheduled(controller) { console.log('cron ' + controller.cron); },
};";

fn next(tail: &mut Receiver<Arc<Value>>) -> Arc<Value> {
    eventually("an event comes", || tail.try_recv().ok())
}

fn serve() -> Serve {
    let serve = Setup::new().start();
    serve.upload(&serve.key("app"), Upload::new(TALKS), true);
    serve
}

#[test]
fn a_tail_sees_requests_with_what_they_said() {
    let serve = serve();
    serve.ask("app", "/unseen");
    let mut tail = serve.handle.tail(&serve.key("app"));
    let headers = [("x-test", "1")];
    get(&mut serve.connect(), "app.edge.test", "/x?y", &headers);
    let item = next(&mut tail);
    assert_eq!(item["outcome"], "ok");
    assert_eq!(item["scriptName"], "app");
    assert_eq!(item["event"]["request"]["url"], "http://app.edge.test/x?y");
    assert_eq!(item["event"]["request"]["method"], "GET");
    assert_eq!(item["event"]["request"]["headers"]["x-test"], "1");
    assert_eq!(item["event"]["request"]["headers"]["cf-connecting-ip"], "127.0.0.1");
    assert_eq!(item["event"]["response"]["status"], 201);
    let logs = item["logs"].as_array().expect("logs");
    assert_eq!(logs.len(), 2, "{item}");
    assert_eq!(logs[0]["message"], serde_json::json!(["hello", { "a": 1 }]));
    assert_eq!((&logs[1]["message"][0], &logs[1]["level"]), (&"later".into(), &"warn".into()));
    assert!(item["wallTime"].as_u64().expect("a number") >= 50, "with waitUntil: {item}");
}

#[test]
fn a_tail_sees_what_was_thrown() {
    let serve = serve();
    let mut tail = serve.handle.tail(&serve.key("app"));
    assert_eq!(serve.ask("app", "/throw").status, 500);
    let item = next(&mut tail);
    assert_eq!(item["outcome"], "exception");
    let exception = &item["exceptions"][0];
    assert_eq!(exception["name"], "TypeError");
    assert_eq!(exception["message"], "no such thing");
    assert!(exception["stack"].as_str().expect("a stack").contains("index.js:8"), "{item}");
}

#[test]
fn events_of_one_worker_are_not_told_of_another() {
    let serve = serve();
    let second = serve.new_account("Second", None);
    serve.upload(&serve.key_of(&second, "app"), Upload::new(TALKS), true);
    serve.routes(&serve.key_of(&second, "app"), &["second.example/*"]);
    let mut first = serve.handle.tail(&serve.key("app"));
    let mut other = serve.handle.tail(&serve.key_of(&second, "app"));
    serve.get("second.example", "/of-second");
    serve.ask("app", "/of-first");
    let url = |item: &Value| item["event"]["request"]["url"].as_str().map(str::to_owned);
    assert_eq!(url(&next(&mut first)).as_deref(), Some("http://app.edge.test/of-first"));
    assert_eq!(url(&next(&mut other)).as_deref(), Some("http://second.example/of-second"));
    std::thread::sleep(Duration::from_millis(100));
    assert!(first.try_recv().is_err() && other.try_recv().is_err());
}

#[test]
fn what_happens_is_counted() {
    let serve = serve();
    for _ in 0..3 {
        serve.ask("app", "/");
    }
    serve.ask("app", "/throw");
    serve.get("nobody.example", "/");
    let figures = serve.handle.figures(None);
    let worker = &figures["workers"][0];
    assert_eq!(
        (&worker["script"], &worker["isolates_now"]),
        (&"app".into(), &1.into()),
        "{figures}"
    );
    let text = serve.handle.metrics();
    let sample = |line: &str| text.lines().any(|it| it.contains("\"app\"") && it.contains(line));
    assert!(sample("\"exception\"") && sample("\"ok\""), "{text}");
    let other = serve.new_account("Second", None);
    let none = serve.handle.figures(Some(&other));
    assert_eq!(none["workers"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_cron_trigger_fires_and_is_told() {
    let serve = serve();
    let mut tail = serve.handle.tail(&serve.key("app"));
    let by = selvedge_deployments::audit::Actor::operator();
    let crons = ["* * * * *".to_owned()];
    serve.store.set_crons(&serve.key("app"), &crons, &by).expect("they are set");
    serve.apply(&serve.key("app"));
    let end = std::time::Instant::now() + Duration::from_secs(90);
    let item = loop {
        if let Ok(item) = tail.try_recv() {
            break item;
        }
        assert!(std::time::Instant::now() < end, "it never fired");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(item["event"]["cron"], "* * * * *");
    let time = item["event"]["scheduledTime"].as_u64().expect("a time");
    assert_eq!(time % 60_000, 0);
    assert_eq!(item["logs"][0]["message"][0], "cron * * * * *");
    assert_eq!(item["outcome"], "ok");
    std::thread::sleep(Duration::from_secs(2));
    assert!(tail.try_recv().is_err(), "once for each tick");
}

const OBJECTS: &str = "import { DurableObject, WorkerEntrypoint } from 'cloudflare:workers';
export class Room extends DurableObject {
  count(by) { console.log('counting', by); return by + 1; }
  broken() { throw new TypeError('as asked'); }
  async fetch(request) {
    if (request.headers.get('upgrade') === 'websocket') {
      const [client, server] = Object.values(new WebSocketPair());
      this.ctx.acceptWebSocket(server);
      return new Response(null, { status: 101, webSocket: client });
    }
    await this.ctx.storage.put('asked', true);
    await this.ctx.storage.setAlarm(Date.now());
    return new Response('set');
  }
  webSocketMessage(socket, text) { console.info('heard', text); socket.send('heard ' + text); }
  alarm() { console.warn('rings'); }
}
export class Other extends WorkerEntrypoint {
  greet(name) { console.log('greeting', [name]); return 'hello ' + name; }
}
export default { async fetch(request, env) {
  const room = env.ROOM.getByName('one');
  const { pathname } = new URL(request.url);
  if (pathname === '/rpc') return new Response(await room.count(1));
  if (pathname === '/broken') return new Response(await room.broken().catch((error) => error.message));
  if (pathname === '/kv') {
    await env.KV.put('a', '1');
    await env.KV.list();
    await env.KV.delete('b');
    return new Response(await env.KV.get('a'));
  }
  if (pathname === '/other') return new Response(await env.SELF.greet('you'));
  return room.fetch(request);
} };";

fn with_objects() -> Serve {
    let serve = Setup::new().start();
    let by = selvedge_deployments::audit::Actor::operator();
    let namespace = serve.store.create_kv(&serve.account, "ns", &by).expect("it is made");
    let upload = Upload::new(OBJECTS)
        .binding(serde_json::json!({
            "name": "ROOM", "type": "durable_object_namespace", "class_name": "Room" }))
        .binding(serde_json::json!({
            "name": "KV", "type": "kv_namespace", "namespace_id": namespace.id }))
        .binding(serde_json::json!({
            "name": "SELF", "type": "service", "service": "app", "entrypoint": "Other" }))
        .migrations(serde_json::json!({
            "new_tag": "v1", "steps": [{ "new_sqlite_classes": ["Room"] }] }));
    serve.upload(&serve.key("app"), upload, true);
    serve
}

/// The next event that is not the one of the request which led to it.
fn inner(tail: &mut Receiver<Arc<Value>>, is_it: impl Fn(&Value) -> bool) -> Arc<Value> {
    eventually("the inner event comes", || {
        std::iter::from_fn(|| tail.try_recv().ok()).find(|item| is_it(item))
    })
}

#[test]
fn a_tail_sees_the_events_of_objects_and_remote_calls() {
    let serve = with_objects();
    let mut tail = serve.handle.tail(&serve.key("app"));
    assert_eq!(serve.ask("app", "/rpc").text(), "2");
    let called = inner(&mut tail, |item| item["event"]["rpcMethod"] == "count");
    assert_eq!(
        (&called["executionModel"], &called["entrypoint"], &called["outcome"]),
        (&"durableObject".into(), &"Room".into(), &"ok".into())
    );
    assert_eq!(called["logs"][0]["message"], serde_json::json!(["counting", 1]));
    assert!(called["durableObjectId"].as_str().is_some_and(|id| id.len() == 64), "{called}");

    assert_eq!(serve.ask("app", "/broken").text(), "as asked");
    let broken = inner(&mut tail, |item| item["event"]["rpcMethod"] == "broken");
    assert_eq!(broken["outcome"], "exception", "{broken}");
    assert_eq!(broken["exceptions"][0]["name"], "TypeError");

    assert_eq!(serve.ask("app", "/other").text(), "hello you");
    let other = inner(&mut tail, |item| item["event"]["rpcMethod"] == "greet");
    assert_eq!(
        (&other["executionModel"], &other["entrypoint"], &other["outcome"]),
        (&"stateless".into(), &"Other".into(), &"ok".into())
    );
    assert_eq!(other["logs"][0]["message"], serde_json::json!(["greeting", ["you"]]));

    assert_eq!(serve.ask("app", "/set").text(), "set");
    let alarm = inner(&mut tail, |item| item["logs"][0]["message"][0] == "rings");
    assert!(alarm["event"]["scheduledTime"].is_string(), "{alarm}");
    assert_eq!((&alarm["entrypoint"], &alarm["outcome"]), (&"Room".into(), &"ok".into()));

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("an event loop can be made").block_on(async {
        let headers = [("host", "app.edge.test")];
        let connected =
            crate::websocket::client::Client::connect_with(serve.address, "/", &headers);
        let (mut socket, _) = connected.await;
        socket.text("hi").await;
        assert_eq!(socket.next().await, crate::websocket::client::text("heard hi"));
    });
    let is_message =
        |item: &Value| item["event"]["getWebSocketEvent"]["webSocketEventType"] == "message";
    let message = inner(&mut tail, is_message);
    assert_eq!(message["logs"][0]["message"], serde_json::json!(["heard", "hi"]));
    assert_eq!(message["logs"][0]["level"], "info");
}

#[test]
fn operations_and_inner_events_are_counted() {
    let serve = with_objects();
    serve.ask("app", "/kv");
    serve.ask("app", "/rpc");
    serve.ask("app", "/other");
    serve.ask("app", "/set");
    let counted = |what: &str, value: u64| {
        let labels = format!("{{account=\"{}\",script=\"app\",{what}}} {value}", serve.account);
        eventually(&labels, || serve.handle.metrics().contains(&labels).then_some(()));
    };
    for name in ["kv_get", "kv_put", "kv_delete", "kv_list"] {
        counted(&format!("operation=\"{name}\""), 1);
    }
    counted("operation=\"object_call\"", 2);
    counted("kind=\"rpc\"", 2);
    counted("kind=\"alarm\"", 1);
    let text = serve.handle.metrics();
    assert!(text.contains("operation=\"object_storage\""), "{text}");
}
