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

#[test]
fn the_cache_is_purged_and_counted() {
    let served = Served::start();
    let code = "export default { async fetch(request) { \
        const { pathname } = new URL(request.url); \
        const url = 'https://kept.test/' + pathname; \
        const found = await caches.default.match(url); \
        if (found) return new Response('kept'); \
        const headers = { 'cache-control': 'max-age=600', 'cache-tag': 'all' }; \
        await caches.default.put(url, new Response('x', { headers })); \
        return new Response('new'); } };";
    let mut files = hello("cached", "ok");
    code.clone_into(&mut files[0].1);
    served.deploy(&borrowed(&files));
    let host = served.host("cached");
    let ask = |path: &str| served.get(&host, path).text();
    assert_eq!((ask("/a"), ask("/b")), ("new".to_owned(), "new".to_owned()));
    eventually("it is kept", || (ask("/a") == "kept" && ask("/b") == "kept").then_some(()));
    let purge = |args: &[&str]| {
        let args: Vec<_> = ["cache", "purge"].iter().chain(args).copied().collect();
        served.selvedge(served.folder.path(), &args)
    };
    assert_eq!(purge(&["--url", "https://kept.test//a"]).text().trim(), "");
    assert_eq!((ask("/a"), ask("/b")), ("new".to_owned(), "kept".to_owned()));
    purge(&["--tag", "all"]).text();
    assert_eq!(ask("/b"), "new");
    purge(&["--prefix", "kept.test/"]).text();
    assert_eq!(ask("/b"), "new");
    purge(&["--everything", "--yes"]).text();
    assert_eq!(ask("/b"), "new");
    let error = purge(&["--everything"]).error();
    assert!(error.contains("--yes"), "{error}");
    let error = purge(&[]).error();
    assert!(error.contains("--url"), "{error}");
    let text = served.api("/metrics").text();
    let count = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).expect("it is there");
        line.rsplit(' ').next().and_then(|count| count.parse::<u64>().ok()).expect("a number")
    };
    assert!(count("selvedge_cache_lookups_total{result=\"hit\"}") >= 2, "{text}");
    assert!(count("selvedge_cache_lookups_total{result=\"miss\"}") >= 2, "{text}");
    assert!(count("selvedge_cache_stored_total") >= 2, "{text}");
}

/// Collects what is sent to it as traces.
fn collector() -> (String, std::sync::mpsc::Receiver<serde_json::Value>) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/v1/traces", listener.local_addr().expect("an address"));
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let (mut stream, mut bytes) = (stream, Vec::new());
                let mut buffer = [0; 65536];
                loop {
                    let head = bytes.windows(4).position(|it| it == b"\r\n\r\n");
                    let length = head.and_then(|end| {
                        let text = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
                        let (_, rest) = text.split_once("content-length:")?;
                        let length: usize = rest.lines().next()?.trim().parse().ok()?;
                        Some((end + 4, length))
                    });
                    if let Some((begin, length)) = length
                        && bytes.len() >= begin + length
                    {
                        let body = &bytes[begin..begin + length];
                        let json = serde_json::from_slice(body).expect("JSON");
                        if sender.send(json).is_err() {
                            return;
                        }
                        bytes.drain(..begin + length);
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
                        continue;
                    }
                    match stream.read(&mut buffer) {
                        Ok(0) | Err(_) => return,
                        Ok(count) => bytes.extend_from_slice(&buffer[..count]),
                    }
                }
            });
        }
    });
    (url, receiver)
}

#[test]
fn traces_have_a_span_for_what_a_request_waited_for() {
    let (url, spans) = collector();
    let settings =
        format!("[traces]\nendpoint = \"{url}\"\n[network]\nallowed = [\"127.0.0.0/8\"]\n");
    let served = Served::start_with(&settings);
    let code = "import { DurableObject } from 'cloudflare:workers'; \
        export class Room extends DurableObject { \
          async count() { const n = (await this.ctx.storage.get('n') ?? 0) + 1; \
            await this.ctx.storage.put('n', n); return n; } } \
        export default { async fetch(request, env) { \
          if (new URL(request.url).pathname === '/inner') return new Response('inner'); \
          await env.NOTES.put('a', '1'); await env.NOTES.get('a'); \
          await fetch(request.headers.get('x-origin') + '/inner?secret=1', { headers: { host: 'x' } }); \
          return new Response(String(await env.ROOM.getByName('a').count())); } };";
    let config = "name = \"traced\"\nmain = \"worker.js\"\ncompatibility_date = \"2026-01-01\"\n\
        [[kv_namespaces]]\nbinding = \"NOTES\"\n\
        [[durable_objects.bindings]]\nname = \"ROOM\"\nclass_name = \"Room\"\n\
        [[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [\"Room\"]\n";
    served.deploy(&[("worker.js", code), ("wrangler.toml", config)]);
    let origin = format!("http://{}", served.address);
    let headers = [("x-origin", origin.as_str())];
    let response = served.ask("GET", &served.host("traced"), "/", &headers, "");
    assert_eq!(response.text(), "1");
    let mut all: Vec<serde_json::Value> = Vec::new();
    let find = |all: &[serde_json::Value], name: &str| {
        all.iter().find(|span| span["name"] == name).cloned()
    };
    eventually("all spans come", || {
        while let Ok(body) = spans.try_recv() {
            let some = body["resourceSpans"][0]["scopeSpans"][0]["spans"].clone();
            all.extend(some.as_array().cloned().unwrap_or_default());
        }
        let names = ["GET traced", "kv_put", "kv_get", "fetch", "object_call", "rpc count"];
        names.iter().all(|name| find(&all, name).is_some()).then_some(())
    });
    let request = find(&all, "GET traced").expect("it is there");
    for name in ["kv_put", "kv_get", "fetch", "object_call"] {
        let span = find(&all, name).expect("it is there");
        assert_eq!(span["parentSpanId"], request["spanId"], "{name}");
        assert_eq!(span["traceId"], request["traceId"], "{name}");
    }
    let fetch = find(&all, "fetch").expect("it is there").to_string();
    assert!(fetch.contains("/inner") && !fetch.contains("secret"), "{fetch}");
    assert!(fetch.contains("http.response.status_code"), "{fetch}");
    let call = find(&all, "rpc count").expect("the object's own event");
    let storage = find(&all, "object_storage").expect("what it stored");
    assert_eq!(storage["parentSpanId"], call["spanId"]);
}
