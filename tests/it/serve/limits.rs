use std::time::Duration;

use selvedge_deployments::AccountLimits;

use super::server::{DOMAIN, Setup, Upload, get, says};
use crate::harness::eventually;

#[test]
fn requests_that_come_too_fast_are_told_so() {
    let serve = Setup::with("[limits]\nrequests_per_second = 5").start();
    serve.deploy("app", &says("fine"));
    serve.deploy("other", &says("other"));
    let mut statuses = Vec::new();
    for _ in 0..40 {
        let response = serve.ask("app", "/");
        if response.status == 429 {
            assert_eq!(response.text(), "error code: 1015\n");
        }
        statuses.push(response.status);
    }
    assert!(statuses.contains(&200) && statuses.contains(&429), "{statuses:?}");
    assert_eq!(serve.ask("other", "/").text(), "other", "its neighbour is not concerned");
    eventually("requests are taken again", || (serve.ask("app", "/").status == 200).then_some(()));
}

#[test]
fn an_account_has_so_many_requests_of_a_day() {
    let serve = Setup::with("[account]\nrequests_per_day = 3").start();
    serve.deploy("app", &says("fine"));
    serve.deploy("other", &says("other"));
    // Should midnight fall into it, there are a few more.
    let statuses: Vec<_> = (0..8).map(|_| serve.ask("app", "/").status).collect();
    assert_eq!(statuses[..3], [200; 3]);
    let refused = eventually("the day's requests are over", || {
        let response = serve.ask("other", "/");
        (response.status == 429).then_some(response)
    });
    assert_eq!(refused.text(), "error code: 1027\n", "all Workers of the account together");
}

#[test]
fn requests_under_way_are_bounded() {
    let serve = Setup::with("[limits]\nconcurrent_requests = 2").start();
    serve.deploy(
        "app",
        "export default { async fetch(request) {
      if (request.url.endsWith('/slow')) await new Promise((done) => setTimeout(done, 1500));
      return new Response('done');
    } };",
    );
    assert_eq!(serve.ask("app", "/").status, 200);
    let mut slow: Vec<_> = (0..2)
        .map(|_| {
            let mut client = serve.connect();
            client.send(format!("GET /slow HTTP/1.1\r\nhost: app.{DOMAIN}\r\n\r\n"));
            client
        })
        .collect();
    eventually("a third one is refused", || (serve.ask("app", "/").status == 503).then_some(()));
    for client in &mut slow {
        assert_eq!(client.response().text(), "done");
    }
    eventually("there is room again", || (serve.ask("app", "/").status == 200).then_some(()));
}

#[test]
fn an_account_has_limits_of_its_own() {
    let serve = Setup::new().start();
    let limits = AccountLimits {
        cpu_ms: Some(30),
        requests_per_second: Some(3),
        ..AccountLimits::default()
    };
    let second = serve.new_account("Second", Some(limits));
    let burn = "export default { fetch(request) {
      if (request.url.endsWith('/burn')) for (;;);
      return new Response('fine');
    } };";
    let key = serve.key_of(&second, "burn");
    serve.upload(&key, Upload::new(burn), true);
    serve.routes(&key, &["second.example/*"]);
    let response = serve.get("second.example", "/burn");
    assert_eq!(response.status, 503);
    assert!(response.text().starts_with("error code: 1102\n"), "{}", response.text());
    let statuses: Vec<_> = (0..20).map(|_| serve.get("second.example", "/").status).collect();
    assert!(statuses.contains(&429), "{statuses:?}");
    serve.deploy("first", &says("first"));
    assert!((0..20).all(|_| serve.ask("first", "/").status == 200));
}

#[test]
fn one_worker_that_breaks_its_limits_leaves_the_others_alone() {
    let serve = Setup::with("[limits]\ncpu_ms = 50").start();
    serve.deploy("burn", "export default { fetch() { for (;;); } };");
    serve.deploy(
        "eat",
        "const kept = [];
        export default { fetch() { for (;;) kept.push(new Array(1e5).fill(1.5)); } };",
    );
    serve.deploy("quiet", &says("quiet"));
    let mut quiet = serve.connect();
    for name in ["burn", "eat"] {
        let mut client = serve.connect();
        client.send(format!("GET / HTTP/1.1\r\nhost: {name}.{DOMAIN}\r\n\r\n"));
        for _ in 0..5 {
            assert_eq!(get(&mut quiet, "quiet.edge.test", "/", &[]).text(), "quiet");
        }
        assert_eq!(client.response().status, 503, "{name}");
    }
    std::thread::sleep(Duration::from_millis(10));
    assert_eq!(get(&mut quiet, "quiet.edge.test", "/", &[]).text(), "quiet");
}

#[test]
fn private_addresses_are_reached_only_where_the_operator_says_so() {
    let origin = crate::harness::Origin::start(|_| async {
        http::Response::new(crate::harness::full("private"))
    });
    let source = format!(
        "export default {{ async fetch() {{
          try {{ return new Response(await (await fetch({:?})).text()); }}
          catch (error) {{ return new Response('refused'); }}
        }} }};",
        origin.url("/")
    );
    let serve = Setup::new().start();
    serve.deploy("app", &source);
    assert_eq!(serve.ask("app", "/").text(), "refused");
    drop(serve);
    let serve = Setup::with("[network]\nallowed = [\"127.0.0.0/8\", \"::1/128\"]").start();
    serve.deploy("app", &source);
    assert_eq!(serve.ask("app", "/").text(), "private");
}
