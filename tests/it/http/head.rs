//! Methods, targets and headers, as the Worker and the client see them.

use crate::harness::Setup;

const SHOW: &str = r#"
export default {
  fetch(request) {
    return Response.json({
      method: request.method,
      url: request.url,
      headers: [...request.headers],
      cf: request.cf,
    });
  },
};
"#;

fn shown<'a>(headers: &'a serde_json::Value, name: &str) -> Option<&'a str> {
    headers.as_array()?.iter().find(|pair| pair[0] == name)?[1].as_str()
}

#[test]
fn the_url_is_made_of_host_and_target() {
    let server = Setup::new(SHOW).start();
    for (target, host, url) in [
        ("/", "example.com", "http://example.com/"),
        ("/a/b?c=d&e", "example.com:8080", "http://example.com:8080/a/b?c=d&e"),
        // Not made shorter, as workerd leaves it.
        ("/%C3%A9/%2e%2e/x", "a", "http://a/%C3%A9/%2e%2e/x"),
        ("//two", "a", "http://a//two"),
        ("/a/../b/./c", "a", "http://a/a/../b/./c"),
        ("/q?x=/../y", "a", "http://a/q?x=/../y"),
        ("http://other.example/x", "a", "http://other.example/x"),
        ("*", "a", "http://a/"),
    ] {
        let mut client = server.connect();
        let method = if target == "*" { "OPTIONS" } else { "GET" };
        client.send(format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\n\r\n"));
        let response = client.response();
        assert_eq!(response.status, 200, "{target} {}", response.text());
        assert_eq!(response.json()["url"], url, "{target}");
        assert_eq!(response.json()["method"], method);
    }
}

#[test]
fn bytes_outside_of_ascii_are_escaped_in_the_url() {
    let server = Setup::new(SHOW).start();
    let mut client = server.connect();
    client.send("GET /h\u{e9} HTTP/1.1\r\nhost: a\r\n\r\n".as_bytes());
    let response = client.response();
    if response.status == 200 {
        assert_eq!(response.json()["url"], "http://a/h%C3%A9");
    } else {
        assert_eq!(response.status, 400);
    }
}

#[test]
fn methods_arrive_as_they_were_sent() {
    let server = Setup::new(SHOW).start();
    for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "PURGE"] {
        let mut client = server.connect();
        client.send(format!("{method} / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"));
        let response = client.response();
        assert_eq!(response.status, 200, "{method}");
        assert_eq!(response.json()["method"], method);
    }
}

#[test]
fn connect_is_refused() {
    let server = Setup::new(SHOW).start();
    let mut client = server.connect();
    client.send("CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\n\r\n");
    assert_eq!(client.response().status, 400);
    assert!(client.is_closed());
}

#[test]
fn headers_arrive_and_the_edge_adds_its_own() {
    let server = Setup::new(SHOW).start();
    let mut client = server.connect();
    client.send(
        "GET / HTTP/1.1\r\nHost: example.com\r\nX-Many: one\r\nx-many: two\r\nX-Empty:\r\n\
         X-Space: \t padded \t\r\nCF-Connecting-IP: 6.6.6.6\r\ncf-ray: forged\r\n\
         X-Real-IP: 6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: gopher\r\n\r\n",
    );
    let response = client.response().json();
    let headers = &response["headers"];
    assert_eq!(shown(headers, "host"), Some("example.com"));
    assert_eq!(shown(headers, "x-many"), Some("one, two"));
    assert_eq!(shown(headers, "x-empty"), Some(""));
    assert_eq!(shown(headers, "x-space"), Some("padded"));
    assert_eq!(shown(headers, "cf-connecting-ip"), Some("127.0.0.1"));
    assert_eq!(shown(headers, "x-real-ip"), Some("127.0.0.1"));
    assert_eq!(shown(headers, "cf-visitor"), Some(r#"{"scheme":"http"}"#));
    assert_ne!(shown(headers, "cf-ray"), Some("forged"));
    let forwarded = shown(headers, "x-forwarded-for").expect("the edge adds it");
    assert!(forwarded.ends_with("127.0.0.1"), "{forwarded}");
    assert_eq!(shown(headers, "x-forwarded-proto"), Some("http"), "a client cannot set it");
    assert_eq!(response["cf"]["httpProtocol"], "HTTP/1.1");
}

#[test]
fn head_gets_the_headers_of_get_without_a_body() {
    let server = Setup::new(
        r#"export default {
          fetch(request) {
            switch (new URL(request.url).pathname) {
              case "/stream": {
                const { readable, writable } = new TransformStream();
                const writer = writable.getWriter();
                writer.write(new Uint8Array(10)).catch(() => {});
                writer.close().catch(() => {});
                return new Response(readable);
              }
              case "/length":
                return new Response(null, { headers: { "content-length": "1234" } });
              default:
                return new Response("hello");
            }
          },
        };"#,
    )
    .start();
    let mut client = server.connect();
    for (path, length) in [("/text", Some("5")), ("/length", Some("1234")), ("/stream", None)] {
        let response = client.request("HEAD", path, &[], b"");
        assert_eq!(response.status, 200, "{path}");
        assert_eq!(response.header("content-length"), length, "{path}");
    }
    assert_eq!(client.get("/text").text(), "hello", "nothing of a body was left over");
}

#[test]
fn cookies_stay_apart_and_other_headers_join() {
    let server = Setup::new(
        r#"export default {
          fetch() {
            const response = new Response("x", { status: 418, statusText: "Short and stout" });
            response.headers.append("set-cookie", "a=1; Path=/");
            response.headers.append("set-cookie", "b=2, c");
            response.headers.append("x-list", "one");
            response.headers.append("x-list", "two");
            response.headers.append("X-Case", "kept");
            return response;
          },
        };"#,
    )
    .start();
    let response = server.get("/");
    assert_eq!((response.status, response.reason.as_str()), (418, "Short and stout"));
    assert_eq!(response.all("set-cookie"), ["a=1; Path=/", "b=2, c"]);
    assert_eq!(response.all("x-list").join(", "), "one, two");
    assert_eq!(response.header("x-case"), Some("kept"));
    assert!(response.header("date").is_some_and(|date| date.ends_with(" GMT")));
    assert_eq!(response.header("content-type"), Some("text/plain;charset=UTF-8"));
}

#[test]
fn a_worker_cannot_inject_headers_or_break_the_framing() {
    let server = Setup::new(
        r#"export default {
          fetch(request) {
            const attempts = [
              () => new Response("", { headers: { "x-a": "b\r\nset-cookie: evil=1" } }),
              () => new Response("", { headers: { "x-a": "b\nset-cookie: evil=1" } }),
              () => new Response("", { headers: { "x-a": "b\0c" } }),
              () => new Response("", { headers: { "x a": "b" } }),
              () => new Response("", { headers: { "x-a: b\r\nx": "b" } }),
              () => new Response("", { headers: { "": "b" } }),
              () => new Response("", { statusText: "OK\r\nset-cookie: evil=1" }),
              () => { const r = new Response(""); r.headers.set("x", "a\r\n\r\n<html>"); return r; },
            ];
            const number = new URL(request.url).searchParams.get("n");
            if (number === null) {
              return new Response(
                "exactly this",
                { headers: { "content-length": "3", "transfer-encoding": "chunked" } },
              );
            }
            try {
              return attempts[Number(number)]();
            } catch (error) {
              return new Response(`${error.name}`, { status: 299 });
            }
          },
        };"#,
    )
    .start();
    for number in 0..8 {
        let response = server.get(&format!("/?n={number}"));
        assert_eq!(response.header("set-cookie"), None, "attempt {number}");
        assert_eq!((response.status, response.text().as_str()), (299, "TypeError"), "{number}");
    }
    let mut client = server.connect();
    let response = client.get("/");
    assert_eq!(response.text(), "exactly this", "{response:?}");
    assert_eq!(response.all("content-length").len() + response.all("transfer-encoding").len(), 1);
    assert_eq!(client.get("/").text(), "exactly this", "the connection is still in step");
}

#[test]
fn statuses_without_a_body_have_none() {
    let server = Setup::new(
        r#"export default {
          fetch(request) {
            const status = Number(new URL(request.url).pathname.slice(1));
            return new Response(null, { status });
          },
        };"#,
    )
    .start();
    let mut client = server.connect();
    for status in [204, 304, 200, 205, 404] {
        let response = client.get(&format!("/{status}"));
        assert_eq!(response.status, status);
        assert_eq!(response.text(), "");
        if status == 204 {
            assert_eq!(response.header("content-length"), None);
        }
    }
}

#[test]
fn server_timing_tells_the_cpu_time() {
    let server =
        Setup::new(r#"export default { fetch: () => new Response("x") }"#).server_timing().start();
    let response = server.get("/");
    let timing = response.header("server-timing").expect("it was asked for");
    assert!(timing.contains("dur="), "{timing}");
}

/// As on Cloudflare; what is not UTF-8 becomes U+FFFD.
#[test]
fn values_of_headers_are_utf_8() {
    let server = Setup::new(
        r#"export default {
          fetch(request) {
            const value = request.headers.get("x-in");
            const points = [...value].map((c) => c.codePointAt(0).toString(16)).join(" ");
            return new Response(points, { headers: { "x-out": value } });
          },
        };"#,
    )
    .start();
    for (sent, points, back) in [
        (&b"\xc3\xbc\xe6\x97\xa5"[..], "fc 65e5", "\u{fc}\u{65e5}"),
        (b"a\xffb", "61 fffd 62", "a\u{fffd}b"),
        (b"plain", "70 6c 61 69 6e", "plain"),
    ] {
        let mut client = server.connect();
        let request = [b"GET / HTTP/1.1\r\nhost: a\r\nx-in: ", sent, b"\r\n\r\n"].concat();
        client.send(request);
        let answer = client.response();
        assert_eq!(answer.text(), points);
        assert_eq!(answer.header("x-out"), Some(back));
    }
}
