use super::follow::split;
use serde_json::json;

use super::*;

fn item(event: TraceEvent) -> TraceItem {
    TraceItem {
        account: "0123456789abcdef0123456789abcdef".parse().expect("an id"),
        script: "api".into(),
        version: None,
        tags: Arc::default(),
        namespace: None,
        entrypoint: None,
        outcome: Outcome::Exception,
        event,
        exceptions: vec![TraceException {
            name: "TypeError".into(),
            message: "no".into(),
            stack: None,
            timestamp: 5,
        }],
        logs: vec![TraceLog { level: "warn", message: json!(["hi"]), errors: None, timestamp: 4 }],
        event_timestamp: 3,
        cpu_time: Duration::from_micros(2_500),
        wall_time: Duration::from_millis(10),
        request_id: "r".into(),
        subrequests: 0,
        truncated: false,
        bytes: 0,
        object: None,
        spans: Vec::new(),
        published: Vec::new(),
        ids: ids::Ids::new(),
    }
}

#[test]
fn a_request_has_the_shape_that_tails_show() {
    let json = item(TraceEvent::Fetch {
        method: "GET".into(),
        url: "https://a.test/x".into(),
        headers: vec![("a".into(), "1".into()), ("a".into(), "2".into())],
        cf: json!({ "colo": "X" }),
        client_ip: None,
        status: Some(500),
    })
    .to_json();
    assert_eq!(json["outcome"], "exception");
    assert_eq!(json["scriptName"], "api");
    assert_eq!(json["event"]["request"]["headers"], json!({ "a": "1, 2" }));
    assert_eq!(json["event"]["response"]["status"], 500);
    assert_eq!(json["logs"][0], json!({ "message": ["hi"], "level": "warn", "timestamp": 4 }));
    assert_eq!(json["exceptions"][0]["name"], "TypeError");
    assert_eq!((&json["cpuTime"], &json["wallTime"]), (&json!(2), &json!(10)));
}

#[test]
fn other_events_have_theirs() {
    let event = |event: TraceEvent| event.to_json();
    let cron = event(TraceEvent::Scheduled { cron: "* * * * *".into(), scheduled_time: 7 });
    assert_eq!(cron, json!({ "cron": "* * * * *", "scheduledTime": 7 }));
    let alarm = event(TraceEvent::Alarm { scheduled_time: 1_700_000_000_000 });
    assert_eq!(alarm, json!({ "scheduledTime": "2023-11-14T22:13:20.000Z" }));
    assert_eq!(event(TraceEvent::Rpc { method: "m".into() }), json!({ "rpcMethod": "m" }));
}

#[test]
fn an_exceptions_name_stands_before_its_message() {
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(split("TypeError: x: y"), pair("TypeError", "x: y"));
    assert_eq!(split("it broke: x"), pair("Error", "it broke: x"));
}

#[test]
fn nobody_is_told_of_a_worker_that_nobody_asks_for() {
    let traces = Traces::new(Arc::new(Registry::new(0)));
    let account: AccountId = "0123456789abcdef0123456789abcdef".parse().expect("an id");
    let key = |name: &str| WorkerKey::new(account.clone(), name).expect("a name");
    let source = |name: &str| Source { key: key(name), version: None, own: None };
    assert!(!traces.wants(&key("api")));
    let mut tail = traces.tail(&key("api"));
    assert!(traces.wants(&key("api")) && !traces.wants(&key("other")));
    traces.emit(&source("api"), item(TraceEvent::Rpc { method: "m".into() }));
    traces.emit(&source("other"), item(TraceEvent::Rpc { method: "m".into() }));
    assert_eq!(tail.try_recv().expect("one event")["event"]["rpcMethod"], "m");
    assert!(tail.try_recv().is_err());
    drop(tail);
    assert!(!traces.wants(&key("api")));
}
