//! `fetch()` through the cache, and what it does to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;

use super::{source, worker};
use crate::harness::{Client, Origin, Setup, TestServer, eventually, full};

/// An origin that numbers its answers. Headers are those that the query names:
/// `/path?cache-control=max-age=60&etag="x"`.
fn numbered(asked: &Arc<AtomicUsize>) -> Origin {
    let asked = asked.clone();
    Origin::start(move |request: Request<Incoming>| {
        let number = asked.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            let uri = request.uri().clone();
            let query = uri.query().unwrap_or_default().replace("%22", "\"").replace("%20", " ");
            let mut answer = Response::builder();
            let mut status = 200;
            for pair in query.split('&').filter(|pair| !pair.is_empty()) {
                let (name, value) = pair.split_once('=').expect("a pair");
                match name {
                    "status" => status = value.parse().expect("a status"),
                    // Fails from the second time on.
                    "breaks" if number > 1 => status = 503,
                    "breaks" => {}
                    "wait" => {
                        let millis = value.parse().expect("milliseconds");
                        tokio::time::sleep(Duration::from_millis(millis)).await;
                    }
                    _ => answer = answer.header(name, value),
                }
            }
            let etag = query.split('&').find_map(|pair| pair.strip_prefix("etag="));
            let asks = request.headers().get("if-none-match").and_then(|it| it.to_str().ok());
            if etag.is_some() && etag == asks {
                status = 304;
            }
            let language = request.headers().get("accept-language");
            let language = language.and_then(|it| it.to_str().ok()).unwrap_or_default();
            let body = if status == 304 { String::new() } else { format!("{number}{language}") };
            answer.status(status).body(full(body)).expect("valid")
        }
    })
}

/// Fetches what the path and query name, with options from the `x-init` header.
fn proxy(origin: &Origin) -> TestServer {
    let body = r#"
        const url = new URL(request.url);
        const init = JSON.parse(request.headers.get("x-init") ?? "{}");
        if (url.pathname === "/purge") {
          await ctx.cache.purge(init);
          return new Response("purged");
        }
        if (url.pathname === "/match") return await caches.default.match(origin + url.search.slice(1)) ?? new Response("none");
        const answer = await fetch(origin + url.pathname + url.search, init);
        return new Response(`${answer.headers.get("cf-cache-status")} ${answer.status} ${await answer.text()}`);
    "#;
    Setup::new(&source(origin, body)).flag("cache_reload_enabled").start()
}

fn ask(server: &TestServer, path: &str, init: &str) -> String {
    server.connect().request("GET", path, &[("x-init", init)], b"").text()
}

#[test]
fn a_hit_is_handed_on_whether_it_was_looked_at_or_not() {
    let origin = Origin::start(|_: Request<Incoming>| async {
        Response::new(full("nothing of this is asked for"))
    });
    let server = worker(
        &origin,
        r#"
        const key = "http://cache.example/page";
        const found = await caches.default.match(key);
        switch (new URL(request.url).pathname) {
          case "/put":
            await caches.default.put(key, new Response("kept", {
              headers: { "cache-control": "max-age=60", "x-a": "\u00e9", "content-type": "text/x" },
            }));
            return new Response("put");
          case "/as-it-is":
            return found;
          case "/looked-at":
            if (found.headers.get("x-a") !== "\u00e9") throw new Error("other headers");
            return found;
          case "/again":
            return await caches.default.match(key);
          case "/later":
            ctx.waitUntil((async () => {
              await scheduler.wait(10);
              globalThis.seen = found.headers.get("x-a");
            })());
            return found;
          case "/seen":
            return new Response(globalThis.seen ?? "not yet");
          case "/keep":
            globalThis.held = found;
            return new Response("held");
          case "/held":
            return new Response(globalThis.held.headers.get("x-a"));
          case "/held-body":
            return globalThis.held;
          case "/send-and-keep":
            globalThis.sent = found;
            return found;
          case "/sent":
            return new Response(globalThis.sent.headers.get("x-a"));
        }
        "#,
    );
    let get = |path: &str| server.connect().request("GET", path, &[], b"");
    assert_eq!(get("/put").text(), "put");
    for path in ["/as-it-is", "/looked-at", "/again", "/later", "/as-it-is"] {
        let answer = get(path);
        assert_eq!((answer.status, answer.text().as_str()), (200, "kept"), "{path}");
        assert_eq!(answer.header("cf-cache-status"), Some("HIT"), "{path}");
        assert_eq!(answer.header("content-length"), Some("4"), "{path}");
        assert_eq!(answer.header("content-type"), Some("text/x"), "{path}");
    }
    let head = server.connect().request("HEAD", "/as-it-is", &[], b"");
    assert_eq!((head.status, head.header("content-length")), (200, Some("4")));
    eventually("what waits reads the headers", || (get("/seen").text() == "\u{e9}").then_some(()));
    // Headers outlive their request, bodies do not.
    assert_eq!(get("/keep").text(), "held");
    assert_eq!(get("/held").text(), "\u{e9}");
    assert_eq!(get("/held-body").status, 500);
    // What was sent is gone with its request.
    assert_eq!(get("/send-and-keep").text(), "kept");
    assert_eq!(get("/sent").status, 500);
    assert_eq!(get("/as-it-is").text(), "kept");
}

const EVERYTHING: &str = r#"{"cf":{"cacheEverything":true}}"#;

#[test]
fn nothing_is_cached_unless_the_worker_says_so() {
    let asked = Arc::default();
    let origin = numbered(&asked);
    let server = proxy(&origin);
    assert_eq!(ask(&server, "/a?cache-control=max-age=60", "{}"), "null 200 1");
    assert_eq!(ask(&server, "/a?cache-control=max-age=60", "{}"), "null 200 2");
}

#[test]
fn responses_are_kept_as_they_say() {
    let asked = Arc::default();
    let origin = numbered(&asked);
    let server = proxy(&origin);
    let kept = "/a?cache-control=max-age=60";
    assert_eq!(ask(&server, kept, EVERYTHING), "MISS 200 1");
    assert_eq!(ask(&server, kept, EVERYTHING), "HIT 200 1");
    let silent = "/silent";
    assert_eq!(ask(&server, silent, EVERYTHING), "MISS 200 2");
    assert_eq!(ask(&server, silent, EVERYTHING), "HIT 200 2");
    let refused = "/b?cache-control=no-store";
    assert_eq!(ask(&server, refused, EVERYTHING), "BYPASS 200 3");
    assert_eq!(ask(&server, refused, EVERYTHING), "BYPASS 200 4");
    // caches.default and fetch() share their responses.
    assert_eq!(ask(&server, &format!("/match?{kept}"), "{}"), "1");
}

#[test]
fn a_worker_can_set_the_time_and_the_key() {
    let asked = Arc::default();
    let origin = numbered(&asked);
    let server = proxy(&origin);
    let forced = r#"{"cf":{"cacheTtl":60}}"#;
    let path = "/a?cache-control=no-store&set-cookie=a=b";
    assert_eq!(ask(&server, path, forced), "MISS 200 1");
    assert_eq!(ask(&server, path, forced), "HIT 200 1");
    let key = r#"{"cf":{"cacheTtl":60,"cacheKey":"mine"}}"#;
    assert_eq!(ask(&server, "/one", key), "MISS 200 2");
    assert_eq!(ask(&server, "/two", key), "HIT 200 2");
    let by_status = r#"{"cf":{"cacheTtlByStatus":{"200-299":60,"404":60,"500-599":-1}}}"#;
    assert_eq!(ask(&server, "/gone?status=404", by_status), "MISS 404 3");
    assert_eq!(ask(&server, "/gone?status=404", by_status), "HIT 404 3");
    assert_eq!(ask(&server, "/broken?status=500", by_status), "BYPASS 500 4");
    assert_eq!(ask(&server, "/broken?status=500", by_status), "BYPASS 500 5");
}

#[test]
fn the_cache_option_goes_around_it() {
    let asked = Arc::default();
    let origin = numbered(&asked);
    let server = proxy(&origin);
    let path = "/a?cache-control=max-age=60&etag=%22x%22";
    let with = |mode: &str| format!(r#"{{"cache":"{mode}","cf":{{"cacheEverything":true}}}}"#);
    assert_eq!(ask(&server, path, EVERYTHING), "MISS 200 1");
    assert_eq!(ask(&server, path, &with("no-store")), "null 200 2");
    assert_eq!(ask(&server, path, &with("no-cache")), "REVALIDATED 200 1");
    assert_eq!(asked_of(&asked), 3);
    assert_eq!(ask(&server, path, &with("reload")), "MISS 200 4");
    assert_eq!(ask(&server, path, EVERYTHING), "HIT 200 4");
}

fn asked_of(asked: &Arc<AtomicUsize>) -> usize {
    asked.load(Ordering::SeqCst)
}

#[test]
fn what_varies_is_kept_by_what_it_varies_by() {
    let asked = Arc::default();
    let origin = numbered(&asked);
    let server = proxy(&origin);
    let in_language = |language: &str| {
        format!(
            r#"{{"headers":{{"accept-language":"{language}"}},"cf":{{"cacheEverything":true}}}}"#
        )
    };
    let path = "/a?cache-control=max-age=60&vary=accept-language";
    assert_eq!(ask(&server, path, &in_language("de")), "MISS 200 1de");
    assert_eq!(ask(&server, path, &in_language("en")), "MISS 200 2en");
    assert_eq!(ask(&server, path, &in_language("de")), "HIT 200 1de");
    assert_eq!(ask(&server, path, &in_language("en")), "HIT 200 2en");
}

#[test]
fn what_is_stale_is_given_while_another_is_fetched() {
    let asked = Arc::default();
    let origin = numbered(&asked);
    let server = proxy(&origin);
    let path = "/a?cache-control=max-age=1,stale-while-revalidate=60";
    assert_eq!(ask(&server, path, EVERYTHING), "MISS 200 1");
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(ask(&server, path, EVERYTHING), "UPDATING 200 1");
    eventually("the response is fetched anew", || {
        (ask(&server, path, EVERYTHING) == "HIT 200 2").then_some(())
    });
}

#[test]
fn what_is_stale_is_given_in_place_of_an_error() {
    let asked = Arc::default();
    let origin = numbered(&asked);
    let server = proxy(&origin);
    let path = "/a?breaks=yes&cache-control=max-age=1,stale-if-error=60";
    assert_eq!(ask(&server, path, EVERYTHING), "MISS 200 1");
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(ask(&server, path, EVERYTHING), "STALE 200 1");
    let path = "/b?breaks=yes&cache-control=max-age=1";
    assert_eq!(ask(&server, path, EVERYTHING), "BYPASS 503 3");
}

#[test]
fn what_is_stale_and_still_right_is_not_sent_again() {
    let asked = Arc::default();
    let origin = numbered(&asked);
    let server = proxy(&origin);
    // What has no use any more is not even asked about.
    let path = "/a?cache-control=max-age=1,stale-if-error=60&etag=%22x%22";
    assert_eq!(ask(&server, path, EVERYTHING), "MISS 200 1");
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(ask(&server, path, EVERYTHING), "REVALIDATED 200 1");
    assert_eq!(ask(&server, path, EVERYTHING), "HIT 200 1");
    assert_eq!(asked_of(&asked), 2);
}

#[test]
fn many_who_ask_at_once_are_one_request() {
    let asked = Arc::default();
    let origin = numbered(&asked);
    let server = proxy(&origin);
    let path = "/a?wait=300&cache-control=max-age=60";
    let answers: Vec<_> = std::thread::scope(|scope| {
        let address = server.address;
        let ask = move || {
            let headers = [("x-init", EVERYTHING)];
            Client::connect(address).request("GET", path, &headers, b"").text()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    assert_eq!(asked_of(&asked), 1);
    assert_eq!(answers.iter().filter(|answer| *answer == "MISS 200 1").count(), 1);
    assert_eq!(answers.iter().filter(|answer| *answer == "HIT 200 1").count(), 7);
}

#[test]
fn purges_of_the_cache_before_a_worker_are_not_of_this_one() {
    let asked = Arc::default();
    let origin = numbered(&asked);
    let server = proxy(&origin);
    let tagged = "/a?cache-control=max-age=60&cache-tag=news,sport";
    assert_eq!(ask(&server, tagged, EVERYTHING), "MISS 200 1");
    for purge in [r#"{"tags":["sport"]}"#, r#"{"purgeEverything":true}"#] {
        assert_eq!(ask(&server, "/purge", purge), "purged");
        assert_eq!(ask(&server, tagged, EVERYTHING), "HIT 200 1");
    }
}

#[test]
fn the_folder_may_be_deleted_while_it_is_used() {
    let asked = Arc::default();
    let origin = numbered(&asked);
    let server = proxy(&origin);
    let path = "/a?cache-control=max-age=60";
    assert_eq!(ask(&server, path, EVERYTHING), "MISS 200 1");
    let folder = server.data_dir().join("cache/http");
    eventually("the file is written", || folder.exists().then_some(()));
    // A file that is just being written may come between.
    eventually("the folder is removed", || std::fs::remove_dir_all(&folder).ok());
    let answer = ask(&server, path, EVERYTHING);
    assert!(answer == "HIT 200 1" || answer == "MISS 200 2", "{answer}");
}
