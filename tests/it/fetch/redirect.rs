//! Redirects.

use http::Response;

use super::{show, worker};
use crate::harness::{Origin, full};

fn redirecting() -> Origin {
    Origin::start(|request| async move {
        let path = request.uri().path().to_owned();
        let mut parts = path[1..].splitn(2, '/');
        match (parts.next(), parts.next()) {
            (Some("to"), Some(status)) => Response::builder()
                .status(status.parse::<u16>().expect("a status"))
                .header("location", "/shown?from#here")
                .body(full("moved"))
                .expect("valid"),
            (Some("loop"), _) => Response::builder()
                .status(302)
                .header("location", "/loop")
                .body(full(""))
                .expect("valid"),
            _ => show(request).await,
        }
    })
}

#[test]
fn redirects_are_followed_as_the_standard_says() {
    let origin = redirecting();
    let server = worker(
        &origin,
        r#"
        const [, method, status] = new URL(request.url).pathname.split("/");
        const body = method === "POST" ? "kept" : undefined;
        const answer = await fetch(`${origin}/to/${status}`, { method, body });
        return Response.json([answer.redirected, answer.url, await answer.json()]);
        "#,
    );
    for (method, status, then, body) in [
        ("GET", 301, "GET", ""),
        ("GET", 307, "GET", ""),
        ("POST", 301, "GET", ""),
        ("POST", 302, "GET", ""),
        ("POST", 303, "GET", ""),
        ("POST", 307, "POST", "kept"),
        ("POST", 308, "POST", "kept"),
    ] {
        let shown = server.get(&format!("/{method}/{status}")).json();
        assert_eq!(shown[0], true, "{method} {status}");
        assert!(shown[1].as_str().is_some_and(|url| url.starts_with(&origin.url("/shown?from"))));
        assert_eq!(shown[2]["method"], then, "{method} {status}");
        assert_eq!(shown[2]["body"], body, "{method} {status}");
    }
}

#[test]
fn manual_redirects_are_given_to_the_worker() {
    let origin = redirecting();
    let server = worker(
        &origin,
        r#"
        const answer = await fetch(`${origin}/to/302`, { redirect: "manual" });
        return Response.json([answer.status, answer.headers.get("location"), answer.redirected, await answer.text()]);
        "#,
    );
    assert_eq!(
        server.get("/").json(),
        serde_json::json!([302, "/shown?from#here", false, "moved"])
    );
}

#[test]
fn redirects_in_circles_fail() {
    let origin = redirecting();
    let server = worker(
        &origin,
        r#"
        try { await fetch(`${origin}/loop`); } catch (error) {
          return new Response(`${error.name}: ${error.message}`);
        }
        return new Response("ended");
        "#,
    );
    let text = server.text("/");
    assert!(text.contains("Too many redirects"), "{text}");
}

#[test]
fn an_error_mode_fails() {
    let origin = redirecting();
    let server = worker(
        &origin,
        r#"
        try { await fetch(`${origin}/to/302`, { redirect: "error" }); } catch (error) {
          return new Response(error.name);
        }
        return new Response("followed");
        "#,
    );
    assert_eq!(server.text("/"), "TypeError");
}
