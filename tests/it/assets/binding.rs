//! `env.ASSETS`: what a Worker gets of its assets.

use super::with;
use crate::harness::{Setup, TestServer};

const WORKER: &str = r#"
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const path = url.searchParams.get("path");
    if (path === null) return env.ASSETS.fetch(request);
    const init = { redirect: url.searchParams.get("redirect") ?? "follow", method: request.method };
    const range = url.searchParams.get("range");
    if (range !== null) init.headers = { range };
    try {
      const response = await env.ASSETS.fetch(new URL(path, "https://assets.example"), init);
      return Response.json({
        status: response.status,
        text: await response.text(),
        type: response.headers.get("content-type"),
        encoding: response.headers.get("content-encoding"),
        location: response.headers.get("location"),
        redirected: response.redirected,
        url: response.url,
      });
    } catch (error) {
      return Response.json({ error: String(error) });
    }
  },
};
"#;

fn server() -> TestServer {
    let config = "main = \"worker.js\"\n[assets]\ndirectory = \"public\"\nbinding = \"ASSETS\"\n\
                  run_worker_first = true\nnot_found_handling = \"404-page\"\n";
    let large = "x".repeat(3_000_000);
    let files = [
        ("index.html", "<h1>home</h1>"),
        ("404.html", "nothing"),
        ("a.txt", "content"),
        ("large.txt", &large),
        ("_redirects", "/old /a.txt 301\n/loop /loop2\n/loop2 /loop\n"),
    ];
    let setup: Setup = with(config, &files).file("worker.js", WORKER);
    setup.start()
}

#[test]
fn a_worker_fetches_its_assets() {
    let server = server();
    let ask = |query: &str| server.get(&format!("/?{query}")).json();
    let a = ask("path=/a.txt");
    assert_eq!((&a["status"], &a["text"]), (&200.into(), &"content".into()), "{a}");
    assert_eq!(a["type"], "text/plain; charset=utf-8");
    assert_eq!(a["encoding"], serde_json::Value::Null);
    assert_eq!(a["url"], "https://assets.example/a.txt");
    let large = ask("path=/large.txt");
    assert_eq!(large["text"].as_str().map(str::len), Some(3_000_000));
    let none = ask("path=/nothing");
    assert_eq!((&none["status"], &none["text"]), (&404.into(), &"nothing".into()), "{none}");
    let part = ask("path=/a.txt&range=bytes%3D0-2");
    assert_eq!((&part["status"], &part["text"]), (&206.into(), &"con".into()), "{part}");
}

#[test]
fn redirects_are_followed_unless_told_otherwise() {
    let server = server();
    let ask = |query: &str| server.get(&format!("/?{query}")).json();
    let home = ask("path=/index.html");
    assert_eq!((&home["text"], &home["redirected"]), (&"<h1>home</h1>".into(), &true.into()));
    assert_eq!(home["url"], "https://assets.example/");
    let manual = ask("path=/old&redirect=manual");
    assert_eq!((&manual["status"], &manual["location"]), (&301.into(), &"/a.txt".into()));
    assert!(
        ask("path=/loop")["error"].as_str().is_some_and(|text| text.contains("Too many redirects"))
    );
}

#[test]
fn a_request_is_handed_on() {
    let server = server();
    let mut client = server.connect();
    let a = client.get("/a.txt");
    assert_eq!((a.status, a.text().as_str()), (200, "content"));
    let tag = a.header("etag").expect("it has one").to_owned();
    let unchanged = client.request("GET", "/a.txt", &[("if-none-match", &tag)], b"");
    assert_eq!(unchanged.status, 304);
    let head = client.request("HEAD", "/a.txt", &[], b"");
    assert_eq!(head.status, 200);
    assert_eq!(client.post("/a.txt", "x").status, 405);
    assert_eq!(client.get("/large.txt").body.len(), 3_000_000);
    // A body that nobody reads ends with its request.
    assert_eq!(client.get("/a.txt").text(), "content");
}
