//! Counters, kept events, `top`.

use super::{Served, borrowed, hello};
use crate::harness::eventually;

const CODE: &str = "export default { async fetch(request) { \
    const { pathname } = new URL(request.url); \
    if (pathname === '/broken') { console.error('a needle in hay'); throw new Error('as asked'); } \
    return new Response('ok'); } };";

fn deployed() -> Served {
    let served = Served::start();
    let mut files = hello("seen", "ok");
    CODE.clone_into(&mut files[0].1);
    served.deploy(&borrowed(&files));
    let host = served.host("seen");
    for _ in 0..3 {
        assert_eq!(served.get(&host, "/").status, 200);
    }
    assert_eq!(served.get(&host, "/broken").status, 500);
    served.get("nobody.example.org", "/");
    served
}

#[test]
fn what_happened_is_counted() {
    let served = deployed();
    let labels = format!("account=\"{}\",script=\"seen\"", served.account);
    eventually("all is counted", || {
        let text = served.api("/metrics").text();
        let has = |line: String| text.lines().any(|it| it == line);
        (has(format!("selvedge_events_total{{{labels},kind=\"fetch\"}} 4"))
            && has(format!("selvedge_outcomes_total{{{labels},outcome=\"exception\"}} 1"))
            && has(format!("selvedge_responses_total{{{labels},status=\"2xx\"}} 3"))
            && has(format!("selvedge_wall_seconds_count{{{labels}}} 4"))
            && has("selvedge_unrouted_requests_total 1".to_owned()))
        .then_some(())
    });
    let text = served.api("/metrics").text();
    assert!(text.contains(&format!("selvedge_cold_start_seconds_count{{{labels}}} ")), "{text}");
    let top = served.selvedge(served.folder.path(), &["top", "--account", "--json"]).json();
    let worker = &top["workers"][0];
    assert_eq!((worker["script"].as_str(), worker["requests"].as_u64()), (Some("seen"), Some(4)));
    let table =
        served.selvedge(served.folder.path(), &["top", "--account", "--once", "--interval", "0.2"]);
    let table = table.text();
    assert!(table.starts_with("Worker") && table.contains("seen"), "{table}");
}

#[test]
fn events_are_kept_and_found() {
    let served = deployed();
    let logs = |query: &str| {
        let path = format!("/api/v1/accounts/{}/logs?{query}", served.account);
        served.api(&path).json()["result"].clone()
    };
    let items = |query: &str| {
        let result = logs(query);
        result["items"].as_array().or(result["events"].as_array()).cloned().unwrap_or_default()
    };
    eventually("all are kept", || (items("worker=seen&limit=10").len() == 4).then_some(()));
    let failed = items("worker=seen&level=error&text=NEEDLE");
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0]["exceptions"][0]["message"], "as asked");
    assert_eq!(items("worker=seen&outcome=ok").len(), 3);
    assert!(items("worker=other").is_empty());
    let page = logs("worker=seen&limit=3");
    let cursor = page["cursor"].as_str().expect("there is more");
    assert_eq!(items(&format!("worker=seen&limit=3&cursor={cursor}")).len(), 1);
}
