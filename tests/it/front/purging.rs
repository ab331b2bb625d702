//! `ctx.cache.purge`.

use super::{get, got, is, post, server};

#[test]
fn tags_paths_and_everything() {
    let server = server();
    let tagged = |tag: &str| format!(r#"{{"headers":{{"cache-tag":"{tag}"}}}}"#);
    let fill = || {
        for (path, tag) in
            [("/blog/one", "Blog,one"), ("/blog/one-more", "blog"), ("/shop", "shop")]
        {
            get(&server, path, &tagged(tag));
        }
    };
    let kept = || {
        let of = |path: &str| {
            let head = server.connect().request(
                "GET",
                path,
                &[("x-do", r#"{"headers":{"cache-control":"no-store"}}"#)],
                b"",
            );
            head.header("cf-cache-status") == Some("HIT")
        };
        [of("/blog/one"), of("/blog/one-more"), of("/shop")]
    };
    let purge = |options: &str| {
        assert_eq!(post(&server, "/purge", options).text(), r#"{"success":true,"errors":[]}"#);
    };
    fill();
    assert_eq!(kept(), [true; 3]);
    purge(r#"{"tags":["ONE"]}"#);
    assert_eq!(kept(), [false, true, true]);
    fill();
    purge(r#"{"tags":["blog"]}"#);
    assert_eq!(kept(), [false, false, true]);
    fill();
    purge(r#"{"pathPrefixes":["/blog/one"]}"#);
    assert_eq!(kept(), [false, false, true], "that is how both begin");
    fill();
    purge(r#"{"pathPrefixes":["shop"],"tags":["one"]}"#);
    assert_eq!(kept(), [false, true, false]);
    fill();
    purge(r#"{"purgeEverything":true}"#);
    assert_eq!(kept(), [false; 3]);
}

#[test]
fn purges_that_say_nothing_or_too_much_are_refused() {
    let server = server();
    get(&server, "/blog", "{}");
    for options in [
        "{}",
        r#"{"tags":[]}"#,
        r#"{"purgeEverything":false}"#,
        r#"{"purgeEverything":true,"tags":["a"]}"#,
        r#"{"pathPrefixes":["https://example.com/blog"]}"#,
        r#"{"pathPrefixes":["//example.com/blog"]}"#,
        r#"{"pathPrefixes":["/blog?a"]}"#,
        r#"{"pathPrefixes":["/blog#a"]}"#,
    ] {
        let said = post(&server, "/purge", options).json();
        assert_eq!(said["success"], false, "{options}");
        assert!(said["errors"][0]["code"].is_number(), "{said}");
    }
    assert_eq!(post(&server, "/purge", r#"{"tags":"a"}"#).status, 500, "it throws");
    assert_eq!(got(&get(&server, "/blog", "{}")), is("HIT", "answer 1"));
}

#[test]
fn variants_go_together_and_weird_paths_as_the_worker_sees_them() {
    let server = server();
    let varies = r#"{"headers":{"vary":"accept"}}"#;
    let of = |path: &str, accept: &str| {
        let headers = [("x-do", varies), ("accept", accept)];
        got(&server.connect().request("GET", path, &headers, b"")).0
    };
    assert_eq!([of("/a", "x"), of("/a", "y"), of("/a", "x")], ["MISS", "MISS", "HIT"]);
    assert_eq!(of("/b/../a", "x"), "MISS");
    assert_eq!(of("/b/../a", "x"), "HIT");
    post(&server, "/purge", r#"{"pathPrefixes":["/a"]}"#);
    assert_eq!([of("/a", "x"), of("/a", "y"), of("/b/../a", "x")], ["MISS", "MISS", "MISS"]);
}

#[test]
fn caches_of_the_worker_are_others() {
    let code = r#"export default { async fetch(request, env, ctx) {
        const { pathname } = new URL(request.url);
        const url = "http://x/a";
        if (pathname === "/put") {
          await caches.default.put(url, new Response("mine", { headers: { "cache-control": "max-age=60" } }));
        }
        if (pathname === "/purge") await ctx.cache.purge({ purgeEverything: true });
        const found = await caches.default.match(url);
        return new Response(found ? await found.text() : "none", { headers: { "cache-control": "no-store" } });
    } };"#;
    let server = crate::harness::Setup::empty()
        .file("wrangler.toml", "name = \"w\"\nmain = \"worker.js\"\n[cache]\nenabled = true\n")
        .file("worker.js", code)
        .start();
    assert_eq!(got(&server.get("/put")), is("BYPASS", "mine"));
    assert_eq!(got(&server.get("/purge")), is("BYPASS", "mine"), "a purge leaves them alone");
    assert_eq!(got(&server.get("/a")), is("BYPASS", "mine"));
}
