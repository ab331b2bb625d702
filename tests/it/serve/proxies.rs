//! Load balancers before the server.

use super::server::{DOMAIN, Serve, Setup, get};

const SEES: &str = "export default { fetch(request) {
  const of = (name) => request.headers.get(name);
  return Response.json([request.url, of('cf-connecting-ip'), of('x-forwarded-for'),
    of('x-forwarded-proto'), of('x-real-ip')]);
} };";

fn serve(toml: &str) -> Serve {
    let serve = Setup::with(toml).start();
    serve.deploy("app", SEES);
    serve
}

const FORWARDED: [(&str, &str); 3] = [
    ("x-forwarded-for", "203.0.113.9, 192.0.2.7"),
    ("x-forwarded-proto", "https"),
    ("cf-connecting-ip", "1.2.3.4"),
];

#[test]
fn a_stranger_cannot_say_whose_a_request_is() {
    let serve = serve("");
    let seen = get(&mut serve.connect(), "app.edge.test", "/", &FORWARDED).json();
    assert_eq!(seen[0], "http://app.edge.test/");
    assert_eq!(seen[1], "127.0.0.1");
    assert_eq!(seen[3], "http");
    assert_eq!(seen[4], "127.0.0.1");
}

#[test]
fn a_proxy_that_is_trusted_names_the_client_of_each_request() {
    let serve = serve("[proxies]\ntrusted = [\"127.0.0.0/8\"]");
    let mut client = serve.connect();
    let seen = get(&mut client, "app.edge.test", "/", &FORWARDED).json();
    assert_eq!(
        seen,
        serde_json::json!([
            "https://app.edge.test/",
            "192.0.2.7",
            "203.0.113.9, 192.0.2.7",
            "https",
            "192.0.2.7"
        ])
    );
    // The next one on the same connection is another client's.
    let other = [("x-forwarded-for", "198.51.100.3")];
    let seen = get(&mut client, "app.edge.test", "/", &other).json();
    assert_eq!((&seen[0], &seen[1]), (&"http://app.edge.test/".into(), &"198.51.100.3".into()));
    let seen = get(&mut client, "app.edge.test", "/", &[]).json();
    assert_eq!((&seen[1], &seen[2]), (&"127.0.0.1".into(), &"127.0.0.1".into()));
}

#[test]
fn routes_of_a_scheme_follow_what_the_proxy_says() {
    let serve = serve("[proxies]\ntrusted = [\"127.0.0.1/32\"]");
    serve.routes(&serve.key("app"), &["https://example.com/*"]);
    let mut client = serve.connect();
    let https = [("x-forwarded-proto", "https")];
    assert_eq!(get(&mut client, "example.com", "/", &https).status, 200);
    assert_eq!(get(&mut client, "example.com", "/", &[]).status, 404);
}

const PROTOCOL: &str = "[proxies]\ntrusted = [\"127.0.0.1/32\"]\nproxy_protocol = true";

#[test]
fn the_proxy_protocol_names_the_client_of_a_connection() {
    let serve = serve(PROTOCOL);
    let mut client = serve.connect();
    client.send("PROXY TCP4 203.0.113.5 127.0.0.1 4711 80\r\n");
    for _ in 0..2 {
        let seen = get(&mut client, "app.edge.test", "/", &[]).json();
        assert_eq!(seen[1], "203.0.113.5");
    }
    let mut client = serve.connect();
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x21\x00\x24".to_vec();
    bytes.extend("2001:db8::5".parse::<std::net::Ipv6Addr>().expect("an address").octets());
    bytes.extend([0; 16]);
    bytes.extend([0x12, 0x67, 0, 80]);
    bytes.extend(format!("GET / HTTP/1.1\r\nhost: app.{DOMAIN}\r\n\r\n").bytes());
    // In two pieces, and with the request right behind it.
    client.send(&bytes[..20]);
    std::thread::sleep(std::time::Duration::from_millis(50));
    client.send(&bytes[20..]);
    assert_eq!(client.response().json()[1], "2001:db8::5");
}

#[test]
fn without_its_header_a_proxy_is_not_served() {
    let serve = serve(PROTOCOL);
    let mut client = serve.connect();
    client.send(format!("GET / HTTP/1.1\r\nhost: app.{DOMAIN}\r\n\r\n"));
    assert!(client.is_closed());
}
