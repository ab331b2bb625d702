//! Where the Worker of a stranger cannot go.

use http::Response;

use super::{show, source};
use crate::harness::{Origin, Setup, full};

const ATTEMPT: &str = r#"
const url = new URL(request.url).searchParams.get("url").replace("PORT", new URL(origin).port);
try {
  const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
  return new Response(`reached ${answer.status} ${await answer.text()}`);
} catch (error) {
  return new Response(`${error.name}: ${error.message}`);
}
"#;

#[test]
fn strangers_do_not_reach_private_addresses() {
    let origin = Origin::start(|request| async move {
        assert_ne!(request.uri().path(), "/secret", "the origin was reached");
        Response::new(full("secret"))
    });
    let server = Setup::new(&source(&origin, ATTEMPT)).production().start();
    for url in [
        "http://127.0.0.1:PORT/secret",
        "http://127.1:PORT/secret",
        "http://2130706433:PORT/secret",
        "http://0x7f.0.0.1:PORT/secret",
        "http://017700000001:PORT/secret",
        "http://localhost:PORT/secret",
        "http://LOCALHOST.:PORT/secret",
        "http://0.0.0.0:PORT/secret",
        "http://[::1]:PORT/secret",
        "http://[::]:PORT/secret",
        "http://[::ffff:127.0.0.1]:PORT/secret",
        "http://[::ffff:7f00:1]:PORT/secret",
        "http://[::127.0.0.1]:PORT/secret",
        "http://[64:ff9b::7f00:1]:PORT/secret",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/latest/",
        "http://10.0.0.1/",
        "http://192.168.0.1/",
        "http://172.16.0.1/",
        "http://100.64.0.1/",
        "http://[fe80::1]/",
        "http://[fc00::1]/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
    ] {
        let text = server.text(&format!("/?url={url}"));
        assert!(!text.starts_with("reached"), "{url}: {text}");
        assert!(!text.starts_with("TimeoutError"), "{url} was tried: {text}");
    }
    // The same Worker of a developer does.
    let local = Setup::new(&source(&origin, ATTEMPT)).start();
    assert_eq!(local.text("/?url=http://127.0.0.1:PORT/"), "reached 200 secret");
}

#[test]
fn web_sockets_of_strangers_do_not_reach_private_addresses() {
    let origin = Origin::start(show);
    let server = Setup::new(&source(
        &origin,
        r#"
        const events = [];
        const socket = new WebSocket(origin.replace("http", "ws"));
        await new Promise((resolve) => {
          for (const name of ["open", "error", "close"]) {
            socket.addEventListener(name, () => { events.push(name); if (name !== "close") resolve(); });
          }
          setTimeout(resolve, 5000);
        });
        return Response.json(events);
        "#,
    ))
    .production()
    .start();
    assert_eq!(server.get("/").json()[0], "error");
}
