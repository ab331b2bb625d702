//! Subrequests to an origin on this machine.

mod body;
mod cache;
mod dates;
mod limits;
mod network;
mod redirect;

use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::harness::{Origin, Setup, TestServer};

/// Says what it was asked.
async fn show(request: Request<Incoming>) -> Response<crate::harness::Body> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let headers: Vec<_> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let shown = serde_json::json!({
        "method": parts.method.as_str(),
        "target": parts.uri.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    });
    Response::builder()
        .header("content-type", "application/json")
        .body(crate::harness::full(shown.to_string()))
        .expect("valid")
}

/// A Worker whose handler's body this is; `origin` is the URL of the origin.
fn worker(origin: &Origin, body: &str) -> TestServer {
    Setup::new(&source(origin, body)).start()
}

fn source(origin: &Origin, body: &str) -> String {
    format!(
        "const origin = \"{}\";\nexport default {{ async fetch(request, env, ctx) {{\n{body}\n}} }};",
        origin.url("")
    )
}

fn header<'a>(shown: &'a serde_json::Value, name: &str) -> Option<&'a str> {
    let headers = shown["headers"].as_array()?;
    headers.iter().find(|pair| pair[0] == name)?[1].as_str()
}

#[test]
fn methods_headers_and_bodies_arrive() {
    let origin = Origin::start(show);
    let server = worker(
        &origin,
        r#"
        const all = await Promise.all([
          fetch(origin + "/get?a=b#fragment", { headers: { "X-One": "1", "user-agent": "mine" } }),
          fetch(origin + "/post", { method: "POST", body: "text" }),
          fetch(origin + "/put", { method: "PUT", body: new Uint8Array([104, 105]) }),
          fetch(new Request(origin + "/params", { method: "post", body: new URLSearchParams({ a: "1" }) })),
          fetch(origin + "/delete", { method: "DELETE" }),
          fetch(new URL(origin + "/url"), { method: "PROPFIND" }),
        ]);
        return Response.json(await Promise.all(all.map((answer) => answer.json())));
        "#,
    );
    let shown = server.get("/").json();
    assert_eq!(shown[0]["target"], "/get?a=b");
    assert_eq!(header(&shown[0], "x-one"), Some("1"));
    assert_eq!(header(&shown[0], "user-agent"), Some("mine"));
    assert_eq!(header(&shown[0], "host"), Some(&*origin.address.to_string()));
    assert_eq!((&shown[1]["method"], &shown[1]["body"]), (&"POST".into(), &"text".into()));
    assert_eq!(header(&shown[1], "content-length"), Some("4"));
    assert_eq!(header(&shown[1], "content-type"), Some("text/plain;charset=UTF-8"));
    assert_eq!(shown[2]["body"], "hi");
    assert_eq!((&shown[3]["method"], &shown[3]["body"]), (&"POST".into(), &"a=1".into()));
    assert_eq!(shown[4]["method"], "DELETE");
    assert_eq!(shown[5]["method"], "PROPFIND");
}

#[test]
fn a_request_is_passed_on_as_it_came() {
    let origin = Origin::start(show);
    let server =
        worker(&origin, r#"return fetch(origin + new URL(request.url).pathname, request);"#);
    let mut client = server.connect();
    let response = client.request("POST", "/path", &[("x-mine", "yes")], b"the body");
    let shown = response.json();
    assert_eq!(shown["method"], "POST");
    assert_eq!(shown["body"], "the body");
    assert_eq!(header(&shown, "x-mine"), Some("yes"));
    assert_eq!(response.header("content-type"), Some("application/json"));
}

#[test]
fn a_response_has_all_its_parts() {
    let origin = Origin::start(|_| async {
        Response::builder()
            .status(404)
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .header("x-list", "1")
            .header("x-list", "2")
            .body(crate::harness::full("gone"))
            .expect("valid")
    });
    let server = worker(
        &origin,
        r#"
        const answer = await fetch(origin + "/x");
        if (new URL(request.url).pathname === "/pass") return answer;
        return Response.json([
          answer.status, answer.ok, answer.statusText, answer.url, answer.redirected, answer.type,
          answer.headers.getSetCookie(), answer.headers.get("x-list"), await answer.text(),
          answer.bodyUsed,
        ]);
        "#,
    );
    let shown = server.get("/").json();
    assert_eq!(shown[0], 404);
    assert_eq!(shown[1], false);
    assert_eq!(shown[2], "Not Found");
    assert_eq!(shown[3], origin.url("/x"));
    assert_eq!(shown[4], false);
    assert_eq!(shown[6], serde_json::json!(["a=1", "b=2"]));
    assert_eq!(shown[7], "1, 2");
    assert_eq!(shown[8], "gone");
    assert_eq!(shown[9], true);
    let passed = server.get("/pass");
    assert_eq!(passed.status, 404);
    assert_eq!(passed.all("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(passed.text(), "gone");
}

#[test]
fn a_response_of_the_origin_can_be_changed() {
    let origin = Origin::start(show);
    let server = worker(
        &origin,
        r#"
        const answer = await fetch(origin + "/");
        try { answer.headers.set("x-a", "b"); } catch (error) { console.log("immutable: " + error.message); }
        const mine = new Response(answer.body, answer);
        mine.headers.set("x-added", "yes");
        return mine;
        "#,
    );
    let response = server.get("/");
    assert_eq!(response.header("x-added"), Some("yes"));
    assert_eq!(response.json()["method"], "GET");
    server.logs.wait_text("immutable: ");
}

#[test]
fn urls_that_cannot_be_fetched_are_refused() {
    let origin = Origin::start(show);
    let server = worker(
        &origin,
        r#"
        const seen = [];
        for (const url of ["file:///etc/passwd", "ftp://a/", "data:x", "blob:x", "/relative", "", "http://"]) {
          try { await fetch(url); seen.push("fetched"); } catch (error) { seen.push(error.name); }
        }
        for (const init of [{ method: "CONNECT" }, { method: "G T" }, { headers: { "a b": "c" } }, { method: "GET", body: "x" }]) {
          try { await fetch(origin, init); seen.push("fetched"); } catch (error) { seen.push(error.name); }
        }
        return Response.json(seen);
        "#,
    );
    let seen = server.get("/").json();
    for (index, name) in seen.as_array().expect("a list").iter().enumerate() {
        assert_eq!(name, "TypeError", "number {index}: {seen}");
    }
}

#[test]
fn an_origin_that_is_not_there_is_a_lost_connection() {
    let origin = Origin::start(show);
    let server = worker(
        &origin,
        r#"
        const port = new URL(request.url).searchParams.get("port");
        try { await fetch(`http://127.0.0.1:${port}/`); } catch (error) {
          return new Response(`${error.name}: ${error.message}`);
        }
        return new Response("fetched");
        "#,
    );
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    drop(listener);
    let text = server.text(&format!("/?port={port}"));
    assert!(text.contains("Error: "), "{text}");
    assert!(!text.contains("os error"), "nothing of the machine: {text}");
}
