//! On a server of many Workers.

use std::sync::Arc;
use std::time::Instant;

use selvedge_api::host::Host as _;
use selvedge_deployments::audit::Actor;
use selvedge_deployments::{TailConsumer, WorkerKey};
use serde_json::Value;
use tokio::sync::mpsc::Receiver;

use crate::harness::{Origin, eventually};
use crate::serve::server::{Serve, Setup, Upload};

const PRODUCER: &str = "export default {
  async fetch(request) {
    const size = Number(new URL(request.url).searchParams.get('size'));
    console.log('x'.repeat(size));
    return new Response('fine');
  },
  scheduled() {},
  tail() { console.log('told'); },
};";

/// Says what it gets, in its own log.
const CONSUMER: &str = "export default {
  async tail(events) {
    for (const event of events) {
      console.log(event.constructor.name, event.scriptName, event.outcome, event.event?.request?.url);
    }
  },
  fetch: () => new Response('consumer'),
};";

fn consumers(serve: &Serve, key: &WorkerKey, names: &[&str]) {
    let worker = serve.store.worker(key).expect("the store answers").expect("a Worker");
    let mut settings = worker.settings;
    let consumer = |name: &&str| TailConsumer { service: (*name).to_owned(), environment: None };
    settings.tail_consumers = names.iter().map(consumer).collect();
    serve.store.set_settings(key, settings, &Actor::operator()).expect("they are set");
    serve.apply(key);
}

fn next(tail: &mut Receiver<Arc<Value>>) -> Arc<Value> {
    eventually("an event comes", || tail.try_recv().ok())
}

/// What the metrics have of the events that a Worker lost.
fn lost(serve: &Serve, worker: &str) -> u64 {
    let text = serve.handle.metrics();
    let is_of = |line: &&str| {
        line.starts_with("selvedge_tail_events_lost_total")
            && line.contains(&format!("\"{worker}\""))
    };
    let line = text.lines().find(is_of);
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

#[test]
fn events_of_a_worker_reach_its_consumers() {
    let serve = Setup::new().start();
    serve.deploy("app", PRODUCER);
    serve.deploy("first", CONSUMER);
    serve.deploy("second", CONSUMER);
    let mut first = serve.handle.tail(&serve.key("first"));
    let mut second = serve.handle.tail(&serve.key("second"));
    serve.ask("app", "/before");
    consumers(&serve, &serve.key("app"), &["first", "second"]);
    serve.ask("app", "/a");
    for tail in [&mut first, &mut second] {
        let item = next(tail);
        assert_eq!(item["outcome"], "ok", "{item}");
        assert_eq!(item["event"]["consumedEvents"][0]["scriptName"], "app", "{item}");
        let said = serde_json::json!(["TraceItem", "app", "ok", "http://app.edge.test/a"]);
        assert_eq!(item["logs"][0]["message"], said, "{item}");
    }
    consumers(&serve, &serve.key("app"), &["second"]);
    serve.ask("app", "/b");
    assert_eq!(next(&mut second)["logs"][0]["message"][3], "http://app.edge.test/b");
    assert!(first.try_recv().is_err());
    let figures = serve.handle.metrics();
    let is_counted = |line: &str| line.contains("\"second\"") && line.contains("\"tail\"");
    assert!(figures.lines().any(is_counted), "{figures}");
}

#[test]
fn an_account_gets_its_own_events_only() {
    let serve = Setup::new().start();
    let other = serve.new_account("Second", None);
    serve.deploy("app", PRODUCER);
    serve.deploy("watcher", CONSUMER);
    serve.upload(&serve.key_of(&other, "watcher"), Upload::new(CONSUMER), true);
    let mut own = serve.handle.tail(&serve.key("watcher"));
    let mut others = serve.handle.tail(&serve.key_of(&other, "watcher"));
    consumers(&serve, &serve.key("app"), &["watcher"]);
    serve.ask("app", "/a");
    next(&mut own);
    assert!(others.try_recv().is_err());
}

/// Says in its own log what it is told of an event while that goes on.
const STREAMED: &str = "export default {
  tailStream(onset) {
    const { scriptName, scriptVersion, scriptTags, info } = onset.event;
    const types = [];
    return (event) => {
      types.push(event.event.type);
      if (event.event.type === 'outcome') {
        console.log(scriptName, typeof scriptVersion.id, scriptTags, info.url, types.join(' '));
      }
    };
  },
};";

#[test]
fn events_reach_streaming_consumers_of_the_account() {
    let serve = Setup::new().start();
    serve.deploy("app", PRODUCER);
    serve.deploy("watcher", STREAMED);
    let key = serve.key("app");
    let worker = serve.store.worker(&key).expect("the store answers").expect("a Worker");
    let mut settings = worker.settings;
    let consumer = TailConsumer { service: "watcher".to_owned(), environment: None };
    settings.streaming_tail_consumers = vec![consumer.clone()];
    settings.tags = vec!["blue".to_owned()];
    serve.store.set_settings(&key, settings.clone(), &Actor::operator()).expect("they are set");
    serve.apply(&key);
    let mut tail = serve.handle.tail(&serve.key("watcher"));
    serve.ask("app", "/a");
    let item = next(&mut tail);
    assert_eq!(item["outcome"], "ok", "{item}");
    assert_eq!(item["event"]["consumedEvents"][0]["scriptName"], "app", "{item}");
    let url = "http://app.edge.test/a";
    let said = serde_json::json!(["app", "string", ["blue"], url, "log return outcome"]);
    assert_eq!(item["logs"][0]["message"], said, "{item}");
    // What it does itself is told to nobody, and what is not there is counted.
    settings.streaming_tail_consumers =
        vec![consumer, TailConsumer { service: "absent".to_owned(), environment: None }];
    for name in ["app", "watcher"] {
        let key = serve.key(name);
        serve.store.set_settings(&key, settings.clone(), &Actor::operator()).expect("set");
        serve.apply(&key);
    }
    serve.ask("app", "/b");
    assert_eq!(next(&mut tail)["logs"][0]["message"][3], "http://app.edge.test/b");
    eventually("the absent one is counted", || (lost(&serve, "absent") > 0).then_some(()));
    assert_eq!(lost(&serve, "absent"), 1);
    assert!(tail.try_recv().is_err());
}

/// What would go in circles, or to itself, is told once.
#[test]
fn what_a_tail_handler_does_is_told_to_no_tail_handler() {
    let serve = Setup::new().start();
    serve.deploy("app", PRODUCER);
    serve.deploy("other", PRODUCER);
    consumers(&serve, &serve.key("app"), &["other", "app"]);
    consumers(&serve, &serve.key("other"), &["app"]);
    let mut app = serve.handle.tail(&serve.key("app"));
    let mut other = serve.handle.tail(&serve.key("other"));
    serve.ask("app", "/a");
    let requests = [next(&mut app), next(&mut app)];
    let told = requests.iter().filter(|item| item["event"]["consumedEvents"].is_array());
    assert_eq!(told.count(), 1, "{requests:?}");
    assert!(next(&mut other)["event"]["consumedEvents"].is_array());
    serve.ask("other", "/b");
    let item = next(&mut app);
    assert_eq!(item["event"]["consumedEvents"][0]["scriptName"], "other");
    assert!(next(&mut other)["event"]["request"].is_object());
    assert!(app.try_recv().is_err() && other.try_recv().is_err());
}

#[test]
fn a_consumer_that_hangs_loses_events_and_nobody_waits_for_it() {
    let silent = Origin::start(|_| std::future::pending());
    let serve = Setup::with("[network]\nallowed = [\"127.0.0.0/8\"]").start();
    serve.deploy("app", PRODUCER);
    let source = format!("export default {{ tail: () => fetch(\"{}\") }};", silent.url("/"));
    serve.deploy("stuck", &source);
    consumers(&serve, &serve.key("app"), &["stuck"]);
    let began = Instant::now();
    // 4 calls are under way, and 16 MiB wait.
    for _ in 0..120 {
        assert_eq!(serve.ask("app", "/?size=250000").text(), "fine");
    }
    println!("120 requests took {:?}", began.elapsed());
    eventually("it is counted", || (lost(&serve, "stuck") > 0).then_some(()));
    assert!(lost(&serve, "stuck") < 120);
    drop(silent);
}

#[test]
fn a_consumer_that_fails_is_counted_and_told() {
    let serve = Setup::new().start();
    serve.deploy("app", PRODUCER);
    serve.deploy("none", "export default { fetch: () => new Response('no tail') };");
    consumers(&serve, &serve.key("app"), &["none", "absent"]);
    assert_eq!(serve.ask("app", "/").text(), "fine");
    eventually("both are counted", || {
        (lost(&serve, "none") == 1 && lost(&serve, "absent") == 1).then_some(())
    });
    serve.logs.wait_text("Handler does not export a tail() function.");
}
