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
        r#"let hostage = [];
        export default {
          fetch(request) {
            switch (new URL(request.url).pathname) {
              case "/heap": for (;;) hostage.push({ a: [1, 2, 3] });
              case "/buffers": for (;;) hostage.push(new Uint8Array(1 << 20).fill(1));
            }
            return new Response("alive");
          },
        };"#,
    )
    .expect("it can be written");
    let mut program = Program::selvedge(folder.path(), &["run", "worker.js", "--port", "0"]);
    let address = program.address();
    assert_eq!(Client::connect(address).get("/").text(), "alive");
    let mut after = Vec::new();
    for _ in 0..3 {
        for path in ["/heap", "/buffers"] {
            assert_eq!(Client::connect(address).get(path).status, 503, "{path}");
            assert_eq!(Client::connect(address).get("/").text(), "alive");
        }
        after.push(rss(program.id()) >> 20);
    }
    let (first, last) = (after[0], after[after.len() - 1]);
    assert!(last < first + 64, "memory after each round, in MiB: {after:?}");
    assert!(last < 400, "memory after each round, in MiB: {after:?}");
}
