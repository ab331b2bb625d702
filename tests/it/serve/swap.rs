//! Versions take each other's place under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::server::{DOMAIN, Setup, get, says};
use crate::harness::Client;

/// How often the Worker is deployed.
const DEPLOYS: u64 = 100;

/// What answers of a deployment look like: mixed ones would not.
fn source(number: u64) -> String {
    format!(
        "const number = {number};
        export default {{ fetch(request) {{
          if (request.url.endsWith('/stream')) {{
            const {{ readable, writable }} = new TransformStream();
            const writer = writable.getWriter();
            const encoder = new TextEncoder();
            (async () => {{
              for (let i = 0; i < 5; i++) {{
                await writer.write(encoder.encode(number + ','));
                await new Promise((done) => setTimeout(done, 1));
              }}
              await writer.close();
            }})();
            return new Response(readable);
          }}
          return new Response(`${{number}}-${{number}}`);
        }} }};"
    )
}

#[test]
fn a_hundred_deployments_under_load_fail_no_request_and_mix_none() {
    let serve = Setup::new().start();
    serve.deploy("hot", &source(0));
    serve.deploy("other", &says("other"));
    assert_eq!(serve.ask("hot", "/").text(), "0-0");
    let stop = Arc::new(AtomicBool::new(false));
    let deployed = Arc::new(AtomicU64::new(0));
    let address = serve.address;
    let clients: Vec<_> = (0..8)
        .map(|index| {
            let (stop, deployed) = (stop.clone(), deployed.clone());
            std::thread::spawn(move || {
                let host = format!("hot.{DOMAIN}");
                let mut client = Client::connect(address);
                let mut count = 0u64;
                while !stop.load(Ordering::Relaxed) {
                    let before = deployed.load(Ordering::SeqCst);
                    let path = if (count + index).is_multiple_of(5) { "/stream" } else { "/" };
                    let response = get(&mut client, &host, path, &[]);
                    let text = response.text();
                    assert_eq!(response.status, 200, "{text}");
                    let numbers: Vec<u64> = text
                        .split(['-', ','])
                        .filter(|part| !part.is_empty())
                        .map(|part| part.parse().expect("a number"))
                        .collect();
                    assert_eq!(numbers.len(), if path == "/" { 2 } else { 5 }, "{text}");
                    assert!(numbers.iter().all(|number| *number == numbers[0]), "mixed: {text}");
                    assert!(numbers[0] >= before, "an old version: {text} after {before}");
                    count += 1;
                    if index % 4 == 3 && count.is_multiple_of(3) {
                        // Some keep a connection only for a moment, or share it.
                        client = Client::connect(address);
                        assert_eq!(get(&mut client, "other.edge.test", "/", &[]).text(), "other");
                    }
                }
                count
            })
        })
        .collect();
    for number in 1..=DEPLOYS {
        serve.deploy("hot", &source(number));
        deployed.store(number, Ordering::SeqCst);
    }
    stop.store(true, Ordering::Relaxed);
    let served: u64 = clients.into_iter().map(|it| it.join().expect("no request failed")).sum();
    assert!(served > DEPLOYS, "{served} requests");
    assert_eq!(serve.ask("hot", "/").text(), format!("{DEPLOYS}-{DEPLOYS}"));
}

#[test]
fn a_request_in_flight_ends_on_the_version_that_took_it() {
    let serve = Setup::new().start();
    serve.deploy(
        "slow",
        "let release; const gate = new Promise((r) => release = r);
        export default { async fetch(request, env, ctx) {
          if (request.url.endsWith('/wait')) {
            await new Promise((done) => setTimeout(done, 500));
            return new Response('old');
          }
          return new Response('old at once');
        } };",
    );
    let mut waiting = serve.connect();
    assert_eq!(serve.ask("slow", "/").text(), "old at once");
    waiting.send(format!("GET /wait HTTP/1.1\r\nhost: slow.{DOMAIN}\r\n\r\n"));
    std::thread::sleep(std::time::Duration::from_millis(100));
    serve.deploy("slow", &says("new"));
    assert_eq!(serve.ask("slow", "/").text(), "new");
    assert_eq!(waiting.response().text(), "old");
    // The same connection goes on with the new version.
    assert_eq!(get(&mut waiting, "slow.edge.test", "/", &[]).text(), "new");
}

#[test]
fn a_version_that_does_not_start_is_told_and_tried_again() {
    let serve = Setup::new().start();
    serve.deploy("broken", "throw new Error('no start');");
    for _ in 0..2 {
        let response = serve.ask("broken", "/");
        assert_eq!(response.status, 500);
        assert!(response.text().starts_with("error code: 1101\n"), "{}", response.text());
        assert!(!response.text().contains("no start"), "strangers see no error");
    }
    serve.logs.wait_text("no start");
    serve.deploy("broken", &says("repaired"));
    assert_eq!(serve.ask("broken", "/").text(), "repaired");
}

#[test]
fn what_was_deployed_is_there_after_a_restart() {
    let serve = Setup::new().start();
    serve.deploy("kept", &says("kept"));
    serve.routes(&serve.key("kept"), &["example.com/*"]);
    let serve = serve.stop().start();
    assert_eq!(serve.ask("kept", "/").text(), "kept");
    assert_eq!(serve.get("example.com", "/").text(), "kept");
}
