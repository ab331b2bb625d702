//! What bad input is answered with, word for word.

use super::worker;

/// Does what the URL says and answers with the error.
const WORKER: &str = r#"
export default {
  async fetch(request, { KV }) {
    const url = new URL(request.url);
    const given = (name) => url.searchParams.get(name) ?? undefined;
    const options = {};
    for (const name of ["expirationTtl", "expiration", "metadata", "cacheTtl", "type", "limit", "cursor", "prefix"]) {
      if (url.searchParams.has(name)) options[name] = given(name);
    }
    const key = given("key");
    try {
      switch (url.pathname) {
        case "/put":
          await KV.put(key, request.body ?? "", options);
          return new Response("stored");
        case "/get":
          return Response.json(await KV.get(key, options));
        case "/delete":
          await KV.delete(key);
          return new Response("deleted");
        case "/list":
          return Response.json(await KV.list(options));
      }
    } catch (error) {
      return new Response(`${error.name}: ${error.message}`, { status: 400 });
    }
  },
};
"#;

#[test]
fn bad_input_is_answered_in_cloudflares_words() {
    let server = worker(WORKER).start();
    let long = "x".repeat(600);
    let cases = [
        ("/get?key=", "TypeError: Key name cannot be empty."),
        ("/put?key=", "TypeError: Key name cannot be empty."),
        ("/delete?key=", "TypeError: Key name cannot be empty."),
        ("/get?key=.", "TypeError: \".\" is not allowed as a key name."),
        ("/put?key=..", "TypeError: \"..\" is not allowed as a key name."),
        (
            &format!("/get?key={long}"),
            "Error: KV GET failed: 414 UTF-8 encoded length of 600 exceeds key length limit of \
             512.",
        ),
        (
            &format!("/put?key={long}"),
            "Error: KV PUT failed: 414 UTF-8 encoded length of 600 exceeds key length limit of \
             512.",
        ),
        (
            &format!("/delete?key={long}"),
            "Error: KV DELETE failed: 414 UTF-8 encoded length of 600 exceeds key length limit \
             of 512.",
        ),
        (
            "/put?key=a&expirationTtl=10",
            "Error: KV PUT failed: 400 Invalid expiration_ttl of 10. Expiration TTL must be at \
             least 60.",
        ),
        (
            "/put?key=a&expirationTtl=-1",
            "Error: KV PUT failed: 400 Invalid expiration_ttl of -1. Please specify integer \
             greater than 0.",
        ),
        (
            "/put?key=a&expiration=10",
            "Error: KV PUT failed: 400 Invalid expiration of 10. Please specify integer greater \
             than the current number of seconds since the UNIX epoch.",
        ),
        (
            &format!("/put?key=a&metadata={}", "x".repeat(1023)),
            "Error: KV PUT failed: 413 Metadata length of 1025 exceeds limit of 1024.",
        ),
        (
            "/get?key=a&cacheTtl=10",
            "Error: KV GET failed: 400 Invalid cache_ttl of 10. Cache TTL must be at least 30.",
        ),
        (
            "/list?limit=1001",
            "Error: KV GET failed: 400 Invalid key_count_limit of 1001. Please specify an \
             integer less than 1000.",
        ),
        ("/list?cursor=nope!", "Error: KV GET failed: 400 Invalid cursor."),
    ];
    let mut client = server.connect();
    for (path, text) in cases {
        let answer = client.post(path, "x");
        assert_eq!((answer.status, answer.text().as_str()), (400, text), "{path}");
    }
    // Nothing of it was stored.
    assert_eq!(
        client.get("/list").text(),
        r#"{"keys":[],"list_complete":true,"cacheStatus":null}"#
    );

    assert_eq!(client.post("/put?key=broken", "{nope").text(), "stored");
    let answer = client.get("/get?key=broken&type=json");
    assert_eq!(
        answer.text(),
        "SyntaxError: Expected property name or '}' in JSON at position 1 (line 1 column 2)"
    );
    let answer = client.get("/get?key=broken&type=nope");
    assert_eq!(
        answer.text(),
        "TypeError: Unknown response type. Possible types are \"text\", \"arrayBuffer\", \
         \"json\", and \"stream\"."
    );
}

#[test]
fn a_body_that_says_it_is_too_large_is_refused_before_it_comes() {
    let server = worker(WORKER).start();
    let mut client = server.connect();
    client.send("POST /put?key=a HTTP/1.1\r\nhost: a\r\ncontent-length: 26214401\r\n\r\n");
    let answer = client.response();
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (400, "Error: KV PUT failed: 413 Value length of 26214401 exceeds limit of 26214400.")
    );
}

#[test]
fn a_configuration_that_is_wrong_is_shown_its_place() {
    let fails = |tables: &str| {
        crate::harness::Setup::empty()
            .file("worker.js", WORKER)
            .file("wrangler.toml", format!("main = \"worker.js\"\n{tables}"))
            .fails()
    };
    let error = fails("[[kv_namespaces]]\nid = \"abc\"\n");
    assert!(error.contains("kv_namespaces[0]") && error.contains("\"binding\""), "{error}");
    assert!(error.contains("wrangler.toml:2"), "{error}");
    let error = fails("[[kv_namespaces]]\nbinding = \"KV\"\n[[kv_namespaces]]\nbinding = \"KV\"\n");
    assert!(error.contains("KV assigned to multiple KV Namespace bindings."), "{error}");
}
