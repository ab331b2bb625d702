//! Isolates that come with a load and go with it.

use std::collections::HashSet;
use std::time::Duration;

use crate::harness::{Client, Setup, TestServer, alone, eventually};

/// Tells which isolate answers; `/burn` keeps it busy.
const WORKER: &str = r#"
let me;
export default {
  async fetch(request) {
    me ??= crypto.randomUUID();
    if (new URL(request.url).pathname === "/burn") {
      const end = performance.now() + 50;
      while (performance.now() < end);
    }
    return new Response(me);
  },
};
"#;

/// Who answers on connections of their own. Each must be answered.
fn who(server: &TestServer, asked: usize) -> HashSet<String> {
    (0..asked).map(|_| server.text("/")).collect()
}

/// Keeps all isolates busy until there are two.
fn until_there_are_two(server: &TestServer) {
    let stop = std::sync::atomic::AtomicBool::new(false);
    let address = server.address;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    Client::connect(address).get("/burn");
                }
            });
        }
        eventually("another isolate", || (threads() == 2).then_some(()));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    eventually("both answer", || (who(server, 20).len() == 2).then_some(()));
}

/// How many isolates this process has.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("there are threads");
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "isolate").count()
}

#[cfg(target_os = "linux")]
#[test]
fn an_isolate_that_rests_ends_and_loses_no_connection() {
    let _machine = alone();
    let server = Setup::new(WORKER).isolates(2).start();
    let first = server.text("/");
    // Its sockets come back to further isolates, so it works more than once.
    for _ in 0..2 {
        until_there_are_two(&server);
        let mut kept: Vec<_> = (0..20).map(|_| server.connect()).collect();
        let of_second = kept
            .iter_mut()
            .filter_map(|client| (client.get("/").text() != first).then_some(client))
            .next()
            .expect("the kernel spreads connections");
        eventually("only the first one accepts", || {
            std::thread::sleep(Duration::from_millis(200));
            // Each new connection is answered all the while.
            (who(&server, 20).len() == 1).then_some(())
        });
        assert_eq!(who(&server, 40), HashSet::from([first.clone()]));
        // The connection that waits is not cut, but answered, and ends then.
        let response = of_second.get("/");
        assert_eq!(response.status, 200);
        assert_ne!(response.text(), first);
        assert_eq!(response.header("connection"), Some("close"));
        drop(kept);
        eventually("its thread ended", || (threads() == 1).then_some(()));
        assert_eq!(who(&server, 20), HashSet::from([first.clone()]));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_isolate_with_work_under_way_stays() {
    let _machine = alone();
    let server = Setup::new(
        &WORKER.replace("return new", "if (request.url.endsWith(\"/wait\")) { console.log(\"waits in \" + me); await scheduler.wait(6000); } return new"),
    )
    .isolates(2)
    .start();
    let first = server.text("/");
    until_there_are_two(&server);
    let mut waiting: Vec<_> = (0..20).map(|_| server.connect()).collect();
    for client in &mut waiting {
        client.send("GET /wait HTTP/1.1\r\nhost: a\r\n\r\n");
    }
    let answers: HashSet<String> =
        waiting.iter_mut().map(|client| client.response().text()).collect();
    assert_eq!(answers.len(), 2);
    // It rested for no whole second before, so it is still there.
    assert!(server.logs.text().contains(&format!("waits in {first}")));
    drop(waiting);
    eventually("its thread ended", || (threads() == 1).then_some(()));
}
