//! How the server stops.

use std::time::{Duration, Instant};

use super::server::{DOMAIN, Setup, get, says};
use crate::harness::eventually;

#[test]
fn ready_goes_false_first_and_requests_are_served_meanwhile() {
    let mut serve = Setup::with("[drain]\ndelay_seconds = 2").start();
    serve.deploy("app", &says("fine"));
    let mut kept = serve.connect();
    assert_eq!(get(&mut kept, "app.edge.test", "/", &[]).text(), "fine");
    assert_eq!(serve.get("lb", "/readyz").status, 200);
    serve.begin_stop();
    eventually("it says that it is not ready", || {
        (serve.get("lb", "/readyz").status == 503).then_some(())
    });
    assert_eq!(serve.get("lb", "/healthz").status, 200, "it lives");
    assert_eq!(serve.ask("app", "/").text(), "fine");
    assert_eq!(get(&mut kept, "app.edge.test", "/", &[]).text(), "fine");
}

#[test]
fn what_is_in_flight_ends_and_idle_connections_close() {
    let mut serve = Setup::new().start();
    serve.deploy(
        "app",
        "export default { async fetch(request) {
      await new Promise((done) => setTimeout(done, request.url.endsWith('/slow') ? 1000 : 0));
      return new Response('done');
    } };",
    );
    let mut idle = serve.connect();
    assert_eq!(get(&mut idle, "app.edge.test", "/", &[]).text(), "done");
    let mut silent = serve.connect();
    let mut slow = serve.connect();
    slow.send(format!("GET /slow HTTP/1.1\r\nhost: app.{DOMAIN}\r\n\r\n"));
    std::thread::sleep(Duration::from_millis(200));
    let began = Instant::now();
    serve.begin_stop();
    let response = slow.response();
    assert_eq!(response.text(), "done");
    assert_eq!(response.header("connection"), Some("close"));
    assert!(idle.is_closed() && silent.is_closed());
    drop(serve);
    assert!(began.elapsed() < Duration::from_secs(20), "it ended in its own time");
}
