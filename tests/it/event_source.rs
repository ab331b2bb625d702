//! EventSource: connections to servers. (Streams are in tests/workers/event_source.)

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Response;

use crate::harness::{Origin, Setup, full};

/// A Worker that collects what a source tells until it has `enough` events.
fn source(url: &str, enough: usize) -> String {
    format!(
        r#"
        export default {{
          async fetch() {{
            const source = new EventSource("{url}");
            const told = [source.readyState];
            await new Promise((resolve) => {{
              const tell = (what) => {{
                told.push(what);
                if (told.length > {enough}) resolve();
              }};
              source.onopen = () => tell(`open ${{source.readyState}}`);
              source.onmessage = (event) => tell(`${{event.data}} ${{event.lastEventId}} ${{event.origin === new URL("{url}").origin}}`);
              source.onerror = (event) => tell(`${{event.constructor.name}} ${{source.readyState}} ${{event.error.message}}`);
            }});
            source.close();
            return Response.json([...told, source.readyState]);
          }},
        }};
        "#
    )
}

#[test]
fn a_lost_connection_is_made_again_where_it_ended() {
    let count = Arc::new(AtomicUsize::new(0));
    let origin = Origin::start(move |request| {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        let last = request.headers().get("last-event-id");
        let last = last.and_then(|id| id.to_str().ok()).unwrap_or("none").to_owned();
        let accept = request.headers()["accept"].to_str().unwrap_or_default().to_owned();
        async move {
            let text = format!("retry: 1\nid: {number}\ndata: {accept} after {last}\n\n");
            let response = Response::builder().header("content-type", "text/event-stream");
            response.body(full(text)).expect("valid")
        }
    });
    let server = Setup::new(&source(&origin.url("/"), 5)).start();
    assert_eq!(
        server.get("/").json(),
        serde_json::json!([
            0,
            "open 1",
            "text/event-stream after none 1 true",
            "ErrorEvent 0 The event stream has ended.",
            "open 1",
            "text/event-stream after 1 2 true",
            2
        ])
    );
}

#[test]
fn a_response_that_is_no_event_stream_ends_the_source() {
    let origin = Origin::start(|request| async move {
        let response = match request.uri().path() {
            "/gone" => Response::builder().status(204),
            "/error" => Response::builder().status(500),
            _ => Response::builder().header("content-type", "text/plain"),
        };
        response.body(full("")).expect("valid")
    });
    for (path, error) in [
        ("/gone", "The server wants no more connections: its response has status code 204."),
        ("/error", "The response status code was 500."),
        ("/text", "The content type of the response is text/plain, not text/event-stream."),
    ] {
        let server = Setup::new(&source(&origin.url(path), 1)).start();
        let told = server.get("/").json();
        assert_eq!(told, serde_json::json!([0, format!("ErrorEvent 2 {error}"), 2]));
    }
}
