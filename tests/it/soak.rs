//! Mixed load for a while: memory stays flat, and nothing is left open.
//!
//! `SELVEDGE_SOAK_SECONDS` says how long it takes; an hour is the real test,
//! some seconds are enough to find a leak that each request has.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::{Client, Origin, Program, full, rss};
use crate::websocket::client::{Client as Socket, Message};

const WORKER: &str = r#"
export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/json":
        return Response.json({ sent: await request.json(), headers: [...request.headers].length });
      case "/stream":
        return new Response(request.body.pipeThrough(new TransformStream()));
      case "/fetch":
        return fetch(env.ORIGIN, { method: "POST", body: "x".repeat(1000) });
      case "/ignored":
        await fetch(env.ORIGIN);
        setTimeout(() => {}, 60000);
        new Response("x".repeat(100000)).body.getReader().read();
        return new Response("ignored");
      case "/throw":
        throw new Error("on purpose");
      case "/background":
        ctx.waitUntil(scheduler.wait(20).then(() => crypto.subtle.digest("SHA-256", new Uint8Array(1000))));
        return new Response("accepted");
      case "/slow":
        await scheduler.wait(30000);
        return new Response("slow");
      case "/socket": {
        const pair = new WebSocketPair();
        pair[1].accept();
        pair[1].binaryType = "arraybuffer";
        pair[1].addEventListener("message", (event) => pair[1].send(event.data));
        return new Response(null, { status: 101, webSocket: pair[0] });
      }
    }
    return new Response("x".repeat(Number(url.searchParams.get("n"))));
  },
};
"#;

/// Beyond this a growth is a leak. The heap of a busy isolate swings by some
/// MiB with its garbage collections.
const MARGIN: usize = 16 << 20;
/// Of the whole time this part is for the caches to fill.
const WARM_UP: f64 = 0.4;

#[test]
fn memory_stays_flat_under_mixed_load() {
    let seconds = std::env::var("SELVEDGE_SOAK_SECONDS")
        .ok()
        .map_or(10.0, |text| text.parse().expect("SELVEDGE_SOAK_SECONDS is a number"));
    let origin = Origin::start(|_| async { http::Response::new(full("y".repeat(5000))) });
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("worker.js"), WORKER).expect("it can be written");
    std::fs::write(
        folder.path().join("wrangler.toml"),
        format!(
            "name = \"soak\"\nmain = \"worker.js\"\ncompatibility_date = \"2026-11-01\"\n\
             [vars]\nORIGIN = \"{}\"\n",
            origin.url("/")
        ),
    )
    .expect("it can be written");
    let mut program = Program::selvedge(
        folder.path(),
        &["run", "worker.js", "--port", "0", "--log-level", "info", "--log-format", "json"],
    );
    let address = program.address();
    let pid = program.id();
    let files = || std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);

    let begin = Instant::now();
    let total = Duration::from_secs_f64(seconds);
    let mut rounds = 0;
    let mut warm = None;
    let mut highest = 0;
    while begin.elapsed() < total {
        let passed = std::panic::catch_unwind(|| round(address));
        if let Err(panic) = passed {
            let said = program.stdout.text() + &program.stderr.text();
            let last = &said[said.len().saturating_sub(3000)..];
            println!("after {rounds} rounds: {:?}, its last words: {last}", program.ended());
            std::panic::resume_unwind(panic);
        }
        rounds += 1;
        let now = rss(pid);
        if begin.elapsed() > total.mul_f64(WARM_UP) && rounds > 20 {
            let floor = *warm.get_or_insert((now, files()));
            highest = highest.max(now);
            assert!(
                now < floor.0 + MARGIN + floor.0 / 4,
                "after {rounds} rounds memory went from {} to {} MiB",
                floor.0 >> 20,
                now >> 20
            );
        }
    }
    let Some((memory, open)) = warm else {
        println!("too slow a machine for {seconds} s: {rounds} rounds");
        return;
    };
    println!(
        "{rounds} rounds, memory {} MiB after warming up, {} at most",
        memory >> 20,
        highest >> 20
    );
    crate::harness::eventually("connections are closed", || {
        let now = files();
        (now <= open + 8).then_some(())
    });
    assert_eq!(Client::connect(address).get("/?n=3").text(), "xxx");
}

/// A bit of everything.
fn round(address: SocketAddr) {
    let mut client = Client::connect(address);
    for size in [0, 10, 1000, 100_000] {
        assert_eq!(client.get(&format!("/?n={size}")).body.len(), size);
    }
    for _ in 0..5 {
        assert_eq!(client.post("/json", r#"{"a": [1, 2, 3]}"#).status, 200);
        assert_eq!(client.post("/stream", "z".repeat(70_000)).body.len(), 70_000);
        assert_eq!(client.get("/fetch").body.len(), 5000);
        assert_eq!(client.get("/ignored").text(), "ignored");
        assert_eq!(client.get("/throw").status, 500);
        assert_eq!(client.get("/background").text(), "accepted");
    }
    // A client that leaves, and one that is no client.
    let mut gone = Client::connect(address);
    gone.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n");
    let mut wrong = Client::connect(address);
    wrong.send("nonsense\r\n\r\n");
    assert_eq!(wrong.response().status, 400);
    crate::harness::block_on(async {
        let mut socket = Socket::connect(address, "/socket").await;
        for _ in 0..10 {
            socket.echo("hello").await;
        }
        socket.binary(&[0; 10_000]).await;
        assert!(matches!(socket.next().await, Message::Binary(_)));
        socket.close(1000, "").await;
        socket.next().await;
        // And one that just leaves.
        Socket::connect(address, "/socket").await.echo("bye").await;
    });
}
