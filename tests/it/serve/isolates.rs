use super::server::{DOMAIN, Setup, get, says};
use crate::harness::eventually;

/// How many isolates a Worker has.
fn isolates(serve: &super::server::Serve, name: &str) -> u64 {
    use selvedge_api::host::Host as _;
    let figures = serve.handle.figures(None);
    let workers = figures["workers"].as_array().cloned().unwrap_or_default();
    let found = workers.iter().find(|worker| worker["script"] == name);
    found.map_or(0, |worker| worker["isolates_now"].as_u64().unwrap_or(0))
}

#[test]
fn a_worker_has_no_isolate_before_it_is_asked() {
    let serve = Setup::new().start();
    for name in ["a", "b", "c"] {
        serve.deploy(name, &says(name));
    }
    assert_eq!((isolates(&serve, "a"), isolates(&serve, "b")), (0, 0));
    assert_eq!(serve.ask("a", "/").text(), "a");
    assert_eq!((isolates(&serve, "a"), isolates(&serve, "b")), (1, 0));
}

#[test]
fn many_who_ask_a_cold_worker_at_once_all_get_an_answer() {
    let serve = Setup::new().start();
    serve.deploy("cold", &says("cold"));
    let mut clients: Vec<_> = (0..40).map(|_| serve.connect()).collect();
    for client in &mut clients {
        client.send(format!("GET / HTTP/1.1\r\nhost: cold.{DOMAIN}\r\n\r\n"));
    }
    for client in &mut clients {
        assert_eq!(client.response().text(), "cold");
    }
    assert_eq!(isolates(&serve, "cold"), 1);
}

#[test]
fn an_idle_worker_loses_its_isolate_and_its_connections_notice_nothing() {
    let serve = Setup::with("[isolates]\nidle_seconds = 1").start();
    serve.deploy(
        "app",
        "let count = 0; export default { fetch: () => new Response(String(++count)) };",
    );
    let mut client = serve.connect();
    assert_eq!(get(&mut client, "app.edge.test", "/", &[]).text(), "1");
    assert_eq!(get(&mut client, "app.edge.test", "/", &[]).text(), "2");
    eventually("it has none", || (isolates(&serve, "app") == 0).then_some(()));
    assert_eq!(get(&mut client, "app.edge.test", "/", &[]).text(), "1", "a fresh one");
}

#[test]
fn what_is_under_way_keeps_an_isolate() {
    let serve = Setup::with("[isolates]\nidle_seconds = 1").start();
    serve.deploy(
        "app",
        "export default { async fetch() {
      await new Promise((done) => setTimeout(done, 4000));
      return new Response('late');
    } };",
    );
    assert_eq!(serve.ask("app", "/").text(), "late");
}

#[test]
fn the_isolates_that_rest_longest_make_room() {
    let serve = Setup::with("[isolates]\nmost = 3\nready = 0").start();
    for index in 0..8 {
        serve.deploy(&format!("w{index}"), &says(&format!("w{index}")));
    }
    // More than may live at once, each after a moment of rest.
    for round in 0..2 {
        for index in 0..8 {
            let name = format!("w{index}");
            eventually("it is answered", || {
                let response = serve.ask(&name, "/");
                // While all were just asked there is no room.
                (response.status == 200).then(|| assert_eq!(response.text(), name, "{round}"))
            });
        }
    }
    let count: u64 = (0..8).map(|index| isolates(&serve, &format!("w{index}"))).sum();
    assert!(count <= 4, "{count}");
}
