//! CPU time that `crypto.subtle` spends on other threads.

use super::limited;
use crate::harness::Setup;

const WORKER: &str = r#"
const key = () => crypto.subtle.importKey("raw", new Uint8Array(16), "PBKDF2", false, ["deriveBits"]);
const derive = (key) => crypto.subtle.deriveBits(
  { name: "PBKDF2", hash: "SHA-512", salt: new Uint8Array(16), iterations: 100000 }, key, 512);
export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/derive": {
        const of = await key();
        for (let i = 0; i < Number(url.searchParams.get("times")); i++) await derive(of);
        return new Response("derived");
      }
      case "/at-once": {
        const of = await key();
        await Promise.all(Array.from({ length: 20 }, () => derive(of)));
        return new Response("derived");
      }
      case "/flood": {
        const of = await key();
        const all = Array.from({ length: 1000 }, () => derive(of));
        const results = await Promise.allSettled(all);
        const refused = results.filter((it) => it.status === "rejected");
        return new Response(`${refused[0]?.reason}`);
      }
      case "/digests": {
        const bytes = new Uint8Array(64);
        const all = Array.from({ length: 2000 }, () => crypto.subtle.digest("SHA-256", bytes));
        return new Response(`${(await Promise.all(all)).length}`);
      }
      case "/unhandled": {
        crypto.subtle.digest("no such hash", new Uint8Array(1));
        await scheduler.wait(20);
        return new Response(`${crypto.subtle.digest.name} ${crypto.subtle.digest.length}`);
      }
    }
    return new Response("fine");
  },
};
"#;

#[test]
fn work_on_other_threads_is_charged_to_its_request() {
    let server = Setup::new(WORKER).start();
    assert_eq!(server.text("/derive?times=4"), "derived");
    let line = server.logs.wait("the request", |line| line["kind"] == "request");
    let (cpu, wall) = (line["cpu_ms"].as_f64(), line["wall_ms"].as_f64());
    let (cpu, wall) = (cpu.expect("a number"), wall.expect("a number"));
    // 400,000 rounds of SHA-512 take this long on no machine.
    assert!(cpu > 20.0, "{line}");
    assert!(cpu <= wall * 1.5 + 50.0, "it is charged once: {line}");
}

#[test]
fn a_request_that_has_others_compute_is_stopped() {
    let server = limited(WORKER).start();
    for path in ["/derive?times=10000", "/at-once"] {
        let response = server.get(path);
        assert_eq!(response.status, 503, "{path}: {}", response.text());
        assert!(response.text().contains("Worker exceeded CPU time limit."), "{path}");
        assert_eq!(server.text("/"), "fine");
    }
}

#[test]
fn too_much_at_once_is_refused_and_the_usual_is_not() {
    let server = Setup::new(WORKER).start();
    assert_eq!(server.text("/digests"), "2000");
    assert_eq!(
        server.text("/flood"),
        "QuotaExceededError: This request has too many operations of crypto.subtle under way. \
         Wait for some of them."
    );
    assert_eq!(server.text("/unhandled"), "digest 2");
    server.logs.wait_text("Uncaught (in promise) NotSupportedError");
}
