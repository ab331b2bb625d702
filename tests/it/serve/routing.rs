use super::server::{DOMAIN, Serve, Setup, get, says};

fn two() -> Serve {
    let serve = Setup::new().start();
    serve.deploy("one", &says("one"));
    serve.deploy("two", &says("two"));
    serve
}

#[test]
fn each_worker_answers_at_its_name() {
    let serve = two();
    assert_eq!(serve.ask("one", "/").text(), "one");
    assert_eq!(serve.ask("two", "/").text(), "two");
}

#[test]
fn one_connection_asks_many_workers() {
    let serve = two();
    let mut client = serve.connect();
    for _ in 0..20 {
        for name in ["one", "two"] {
            let response = get(&mut client, &format!("{name}.{DOMAIN}"), "/", &[]);
            assert_eq!((response.status, response.text().as_str()), (200, name));
        }
    }
}

#[test]
fn requests_that_are_sent_ahead_come_to_their_workers_in_order() {
    let serve = two();
    let mut client = serve.connect();
    let mut all = String::new();
    for turn in 0..50 {
        let name = if turn % 3 == 0 { "one" } else { "two" };
        all.push_str(&format!("GET /{turn} HTTP/1.1\r\nhost: {name}.{DOMAIN}\r\n\r\n"));
    }
    client.send(all);
    for turn in 0..50 {
        let name = if turn % 3 == 0 { "one" } else { "two" };
        assert_eq!(client.response().text(), name, "{turn}");
    }
}

#[test]
fn a_host_that_is_nobodys_gets_a_page_that_says_so() {
    let serve = two();
    let response = serve.get("nobody.example", "/");
    assert_eq!(response.status, 404);
    assert_eq!(response.text(), "404 Not Found: no Worker answers at this address.\n");
    let mut client = serve.connect();
    let page = get(&mut client, "nobody.example", "/", &[("accept", "text/html")]);
    assert!(page.text().contains("<h1>404 Not Found</h1>"), "{}", page.text());
    assert_eq!(serve.get("nobody.edge.test", "/").status, 404);
}

#[test]
fn load_balancers_ask_for_health_at_any_host() {
    let serve = two();
    let health = serve.get("10.0.0.1", "/healthz");
    assert_eq!((health.status, health.text().as_str()), (200, "ok\n"));
    assert_eq!(serve.get("10.0.0.1", "/readyz").status, 200);
    // At a Worker's host the path is the Worker's.
    assert_eq!(serve.ask("one", "/healthz").text(), "one");
}

#[test]
fn routes_lead_by_host_and_path() {
    let serve = two();
    serve.deploy("three", &says("three"));
    serve.routes(&serve.key("one"), &["example.com/*"]);
    serve.routes(&serve.key("two"), &["example.com/api/*", "*.example.com/*"]);
    serve.domain(&serve.key("three"), "three.example.com");
    let mut client = serve.connect();
    for (host, path, found) in [
        ("example.com", "/", "one"),
        ("example.com", "/api/x?y", "two"),
        ("EXAMPLE.com:8080", "/api", "one"),
        ("a.example.com", "/", "two"),
        // A route goes before a custom domain.
        ("three.example.com", "/", "two"),
    ] {
        assert_eq!(get(&mut client, host, path, &[]).text(), found, "{host}{path}");
    }
    serve.routes(&serve.key("two"), &[]);
    assert_eq!(get(&mut client, "three.example.com", "/", &[]).text(), "three");
    assert_eq!(get(&mut client, "example.com", "/api/x", &[]).text(), "one");
}

#[test]
fn an_absolute_target_goes_before_the_host() {
    let serve = two();
    let mut client = serve.connect();
    client.send(format!("GET http://two.{DOMAIN}/x HTTP/1.1\r\nhost: one.{DOMAIN}\r\n\r\n"));
    assert_eq!(client.response().text(), "two");
}

#[test]
fn a_worker_that_was_deleted_does_not_answer() {
    let serve = two();
    let mut client = serve.connect();
    assert_eq!(get(&mut client, "one.edge.test", "/", &[]).text(), "one");
    serve.delete(&serve.key("one"));
    assert_eq!(get(&mut client, "one.edge.test", "/", &[]).status, 404);
    assert_eq!(serve.ask("two", "/").text(), "two");
}

#[test]
fn a_worker_that_is_deployed_later_is_found() {
    let serve = two();
    assert_eq!(serve.ask("late", "/").status, 404);
    serve.deploy("late", &says("late"));
    assert_eq!(serve.ask("late", "/").text(), "late");
}
