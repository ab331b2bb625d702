//! Memory limits seen from outside of the process.

use tempfile::TempDir;

use crate::harness::{Client, Program, alone, rss};

/// A Worker that asks for all memory there is must not get the process far
/// beyond its limit, nor leave memory behind.
#[test]
fn memory_of_a_stopped_worker_comes_back() {
    let _machine = alone();
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(
        folder.path().join("worker.js"),
        r#"import "./note.txt";
        let hostage = [];
        export default {
          async fetch(request) {
            switch (new URL(request.url).pathname) {
              case "/heap": for (;;) hostage.push({ a: [1, 2, 3] });
              case "/buffers": for (;;) hostage.push(new Uint8Array(1 << 20).fill(1));
              // Each query makes an instance of a module.
              case "/modules": for (let i = 0;; i++) await import(`./note.txt?${i}${"x".repeat(1 << 20)}`);
            }
            return new Response("alive");
          },
        };"#,
    )
    .expect("it can be written");
    std::fs::write(folder.path().join("note.txt"), "a note").expect("it can be written");
    let mut program = Program::selvedge(folder.path(), &["run", "worker.js", "--port", "0"]);
    let address = program.address();
    assert_eq!(Client::connect(address).get("/").text(), "alive");
    let mut after = Vec::new();
    for _ in 0..3 {
        for path in ["/heap", "/buffers", "/modules"] {
            assert_eq!(Client::connect(address).get(path).status, 503, "{path}");
            assert_eq!(Client::connect(address).get("/").text(), "alive");
        }
        after.push(rss(program.id()) >> 20);
    }
    let (first, last) = (after[0], after[after.len() - 1]);
    assert!(last < first + 64, "memory after each round, in MiB: {after:?}");
    assert!(last < 400, "memory after each round, in MiB: {after:?}");
}

/// Buffers that nobody holds any more are no memory in use, however many come
/// and go between two collections.
#[test]
fn passing_buffers_do_not_count_against_the_limit() {
    let _machine = alone();
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(
        folder.path().join("worker.js"),
        r#"const held = new Uint8Array(80 << 20).fill(1);
        export default {
          async fetch(request) {
            let total = 0;
            let garbage = [];
            for await (const chunk of request.body) {
              total += chunk.byteLength;
              // Old enough to survive the quick collections.
              garbage.push(chunk);
              if (garbage.length > 100) garbage = [];
            }
            return new Response(`${total} ${held.length}`);
          },
        };"#,
    )
    .expect("it can be written");
    let mut program = Program::selvedge(folder.path(), &["run", "worker.js", "--port", "0"]);
    let address = program.address();
    let body = vec![b'x'; 90_000_000];
    for _ in 0..8 {
        let answer = Client::connect(address).post("/", body.clone());
        assert_eq!((answer.status, answer.text().as_str()), (200, "90000000 83886080"));
    }
}
