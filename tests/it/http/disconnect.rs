//! The client goes away, or stops to read.

use crate::harness::Setup;

#[test]
fn request_signal_aborts_when_the_client_disconnects() {
    let server = Setup::new(
        r#"export default {
          async fetch(request) {
            const aborted = new Promise((resolve) => {
              request.signal.addEventListener("abort", () => {
                console.log("aborted: " + request.signal.aborted);
                resolve();
              });
            });
            console.log("waiting");
            // Without a timer nothing but the client could end the wait: it counts as hung.
            await Promise.race([aborted, scheduler.wait(60_000)]);
            return new Response("");
          },
        };"#,
    )
    .flag("enable_request_signal")
    .start();
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    server.logs.wait_text("waiting");
    drop(client);
    server.logs.wait_text("aborted: true");
}

#[test]
fn a_stream_to_a_client_that_leaves_is_cancelled() {
    let server = Setup::new(
        r#"export default {
          fetch() {
            let count = 0;
            return new Response(new ReadableStream({
              async pull(controller) {
                await scheduler.wait(5);
                count++;
                controller.enqueue(new Uint8Array(1000));
              },
              cancel(reason) {
                console.log("cancelled after the client left");
              },
            }));
          },
        };"#,
    )
    .start();
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(client.head().is_chunked());
    client.chunk();
    drop(client);
    server.logs.wait_text("cancelled after the client left");
}

#[test]
fn wait_until_goes_on_after_the_client_left() {
    let server = Setup::new(
        r#"export default {
          async fetch(request, env, ctx) {
            ctx.waitUntil((async () => {
              await scheduler.wait(300);
              console.log("background done");
            })());
            console.log("started");
            await scheduler.wait(100);
            return new Response("");
          },
        };"#,
    )
    .start();
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    server.logs.wait_text("started");
    drop(client);
    server.logs.wait_text("background done");
}

#[test]
fn a_client_that_does_not_read_stops_the_worker_from_producing() {
    let server = Setup::new(
        r#"let produced = 0;
        export default {
          fetch(request) {
            if (new URL(request.url).pathname === "/count") return new Response(`${produced}`);
            return new Response(new ReadableStream({
              pull(controller) {
                produced++;
                controller.enqueue(new Uint8Array(65536));
              },
            }));
          },
        };"#,
    )
    .start();
    let mut client = server.connect();
    client.send("GET /stream HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(client.head().is_chunked());
    // Until the count stands still: buffers of the kernel are full then.
    let mut before = 0;
    let mut same = 0;
    while same < 10 {
        std::thread::sleep(std::time::Duration::from_millis(50));
        let now: usize = server.text("/count").parse().expect("a number");
        same = if now == before { same + 1 } else { 0 };
        before = now;
        assert!(now < 1000, "{now} chunks of 64 KiB for a client that reads nothing");
    }
    for _ in 0..before + 100 {
        assert!(client.chunk().is_some(), "it goes on when the client reads");
    }
}
