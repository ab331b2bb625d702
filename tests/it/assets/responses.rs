//! What clients get, without JavaScript being asked.

use super::{assets_only, site};
use crate::harness::{Client, Response};

const PAGE: &str = "<h1>a page</h1>";

/// Text that is worth compressing.
fn long() -> String {
    "one line of a script that comes again\n".repeat(300)
}

fn get(client: &mut Client, path: &str, headers: &[(&str, &str)]) -> Response {
    client.request("GET", path, headers, b"")
}

#[test]
fn assets_have_their_headers() {
    let server = site("", &[("index.html", PAGE), ("a.js", "1;"), ("data.bin", "\u{1}")]).start();
    let mut client = server.connect();
    let page = client.get("/");
    assert_eq!((page.status, page.text().as_str()), (200, PAGE));
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), Some("public, max-age=0, must-revalidate"));
    assert_eq!(page.header("content-length"), Some("15"));
    let tag = page.header("etag").expect("it has one");
    assert!(tag.len() == 34 && tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    assert_eq!(client.get("/a.js").header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(client.get("/api/x").text(), "worker /api/x");
    // The second time it comes from memory, and is the same.
    let again = client.get("/");
    assert_eq!(again.text(), PAGE);
    assert_eq!(again.header("etag"), Some(tag));
    assert_eq!(again.header("cf-cache-status"), Some("HIT"));
}

#[test]
fn conditions_and_heads_have_no_body() {
    let server = site("", &[("index.html", PAGE), ("large.bin", &"x".repeat(2_000_000))]).start();
    let mut client = server.connect();
    for (path, size) in [("/", "15"), ("/large.bin", "2000000")] {
        let head = client.request("HEAD", path, &[], b"");
        assert_eq!((head.status, head.header("content-length")), (200, Some(size)), "{path}");
        let tag = head.header("etag").expect("it has one").to_owned();
        for tags in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            let unchanged = get(&mut client, path, &[("if-none-match", &tags)]);
            assert_eq!((unchanged.status, unchanged.header("etag")), (304, Some(&*tag)), "{tags}");
        }
        assert_eq!(get(&mut client, path, &[("if-none-match", "\"x\"")]).status, 200);
    }
    // The connection is still in step.
    assert_eq!(client.get("/").text(), PAGE);
}

#[test]
fn parts_are_served() {
    let content: String = (0..200_000).map(|n| format!("{n:010}")).collect();
    let server = site("", &[("large.bin", &content), ("small.bin", "0123456789")]).start();
    let mut client = server.connect();
    let part = get(&mut client, "/small.bin", &[("range", "bytes=2-4")]);
    assert_eq!((part.status, part.text().as_str()), (206, "234"));
    assert_eq!(part.header("content-range"), Some("bytes 2-4/10"));
    assert_eq!(part.header("cache-control"), None);
    let part = get(&mut client, "/large.bin", &[("range", "bytes=1000000-1999999")]);
    assert_eq!((part.status, part.header("content-length")), (206, Some("1000000")));
    assert_eq!(part.text(), content[1_000_000..]);
    let part = get(&mut client, "/large.bin", &[("range", "bytes=-5")]);
    assert_eq!((part.status, part.text().as_str()), (206, &content[content.len() - 5..]));
    let outside = get(&mut client, "/small.bin", &[("range", "bytes=10-")]);
    assert_eq!((outside.status, outside.text().as_str()), (416, ""));
    assert_eq!(outside.header("content-range"), Some("bytes */10"));
    let several = get(&mut client, "/small.bin", &[("range", "bytes=0-1,3-4")]);
    assert_eq!((several.status, several.text().as_str()), (200, "0123456789"));
    let tag = client.get("/small.bin").header("etag").expect("it has one").to_owned();
    let same = get(&mut client, "/small.bin", &[("range", "bytes=0-0"), ("if-range", &tag)]);
    assert_eq!(same.status, 206);
    let other = get(&mut client, "/small.bin", &[("range", "bytes=0-0"), ("if-range", "\"x\"")]);
    assert_eq!((other.status, other.text().as_str()), (200, "0123456789"));
    assert_eq!(client.get("/large.bin").text(), content);
}

#[test]
fn text_is_compressed_for_those_who_can_read_it() {
    let long = long();
    let files = [("a.js", &*long), ("b.png", &*long), ("short.js", "1;")];
    let server = site("", &files).start();
    let mut client = server.connect();
    let accepts = [("accept-encoding", "gzip, deflate, br")];
    for _ in 0..2 {
        let response = get(&mut client, "/a.js", &accepts);
        assert_eq!(response.header("content-encoding"), Some("br"));
        assert_eq!(response.header("vary"), Some("accept-encoding"));
        assert!(response.body.len() < long.len() / 10);
        let tag = response.header("etag").expect("it has one").to_owned();
        assert!(tag.starts_with("W/\""), "{tag}");
        let unchanged = get(&mut client, "/a.js", &[accepts[0], ("if-none-match", &tag)]);
        assert_eq!(unchanged.status, 304);
    }
    let gzip = get(&mut client, "/a.js", &[("accept-encoding", "gzip")]);
    assert_eq!(gzip.header("content-encoding"), Some("gzip"));
    assert_eq!(gzip.body[..2], [0x1f, 0x8b]);
    let plain = client.get("/a.js");
    assert_eq!((plain.header("content-encoding"), plain.text()), (None, long.clone()));
    assert_eq!(plain.header("vary"), Some("accept-encoding"));
    for path in ["/b.png", "/short.js"] {
        let response = get(&mut client, path, &accepts);
        assert_eq!((response.header("content-encoding"), response.header("vary")), (None, None));
    }
    let part = get(&mut client, "/a.js", &[accepts[0], ("range", "bytes=0-2")]);
    assert_eq!((part.status, part.header("content-encoding")), (206, None));
    assert_eq!(part.text(), "one");
}

#[test]
fn paths_have_one_form() {
    let server = site("", &[("index.html", PAGE), ("a.html", "a"), ("b/index.html", "b")]).start();
    let mut client = server.connect();
    for (path, location) in [
        ("/index.html?x=1", "/?x=1"),
        ("/a.html", "/a"),
        ("/a/", "/a"),
        ("/b", "/b/"),
        ("/b/index", "/b/"),
        ("//a", "/a"),
        ("/%61", "/a"),
    ] {
        let response = client.get(path);
        assert_eq!((response.status, response.header("location")), (307, Some(location)), "{path}");
    }
    assert_eq!(client.get("/x/../a").text(), "a");
}

#[test]
fn other_methods_are_not_for_assets() {
    let server = site("", &[("a.txt", "a")]).start();
    let mut client = server.connect();
    let response = client.post("/a.txt", "a body that nobody reads");
    assert_eq!((response.status, response.header("allow")), (405, Some("GET, HEAD")));
    assert_eq!(client.post("/api", "x").text(), "worker /api");
    assert_eq!(client.get("/a.txt").text(), "a");
}

#[test]
fn hostile_paths_reach_the_worker_and_no_file() {
    let setup = site("", &[("a.txt", "a"), (".env", "SECRET"), (".git/config", "SECRET")]);
    let server = setup.start();
    for path in [
        "/..%2fworker.js",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e%2fworker.js",
        "/..%5cworker.js",
        "/%c0%ae%c0%ae/worker.js",
        "/a.txt%00",
        "/a.txt%00.html",
        "/.env",
        "/%2eenv",
        "/.git/config",
        "/_headers",
        "/.assetsignore",
        "/%",
        "/....//worker.js",
        "/a.txt/..%2f.env",
    ] {
        let response = server.connect().get(path);
        let text = response.text();
        assert!(response.status == 200 && text.starts_with("worker /"), "{path}: {response:?}");
    }
    // Dot segments end at the root.
    assert!(server.text("/../../worker.js").starts_with("worker /"));
    assert_eq!(server.text("/../a.txt"), "a");
}

#[test]
fn the_worker_runs_first_where_it_shall() {
    let config = "run_worker_first = [\"/api/*\", \"!/api/docs*\"]\n";
    let files = [("index.html", PAGE), ("api/x.txt", "x"), ("api/docs.html", "docs")];
    let server = site(config, &files).start();
    assert_eq!(server.text("/api/x.txt"), "worker /api/x.txt");
    assert_eq!(server.text("/api/docs"), "docs");
    assert_eq!(server.text("/"), PAGE);
    let always = site("run_worker_first = true\n", &files).start();
    assert_eq!(always.text("/"), "worker /");
    let wrong = site("run_worker_first = [\"api\"]\n", &files).fails();
    assert!(wrong.contains("'api': rules must start with '/' or '!/'"), "{wrong}");
}

#[test]
fn a_site_may_have_no_worker() {
    let config = "not_found_handling = \"404-page\"\n";
    let files = [("index.html", PAGE), ("404.html", "nothing here"), ("b/404.html", "nor here")];
    let server = assets_only(config, &files).start();
    assert_eq!(server.text("/"), PAGE);
    for (path, text) in [("/x", "nothing here"), ("/b/c/d", "nor here")] {
        let response = server.get(path);
        assert_eq!((response.status, response.text().as_str()), (404, text), "{path}");
    }
    let bare = assets_only("", &files).start();
    let response = bare.get("/x");
    assert_eq!((response.status, response.text().as_str()), (404, ""));
    let error = assets_only("run_worker_first = true\n", &files).fails();
    assert!(error.contains("Cannot set run_worker_first without a Worker script."), "{error}");
    let error = assets_only("binding = \"ASSETS\"\n", &files).fails();
    assert!(
        error.contains("Cannot use assets with a binding in an assets-only Worker."),
        "{error}"
    );
}

#[test]
fn browsers_that_navigate_get_the_single_page() {
    let config = "not_found_handling = \"single-page-application\"\n";
    let server = site(config, &[("index.html", PAGE)]).start();
    let mut client = server.connect();
    let page = get(&mut client, "/some/page", &[("sec-fetch-mode", "navigate")]);
    assert_eq!((page.status, page.text().as_str()), (200, PAGE));
    assert_eq!(
        get(&mut client, "/some/page", &[("sec-fetch-mode", "cors")]).text(),
        "worker /some/page"
    );
}

#[test]
fn rules_of_the_folder_are_followed() {
    let headers =
        "/*\n  x-all: 1\n/a.txt\n  Cache-Control: no-store\n  ! ETag\n/m/:name\n  x-name: :name\n";
    let redirects = "/old /new 301\n/docs/* https://docs.example/:splat 302\n/proxy/* /a.txt 200\n";
    let files =
        [("_headers", headers), ("_redirects", redirects), ("a.txt", "a"), ("m/b.txt", "b")];
    let server = site("", &files).start();
    let mut client = server.connect();
    let a = client.get("/a.txt");
    assert_eq!((a.header("x-all"), a.header("cache-control")), (Some("1"), Some("no-store")));
    assert_eq!(a.header("etag"), None);
    assert_eq!(client.get("/m/b.txt").header("x-name"), Some("b.txt"));
    let moved = client.get("/old?q");
    assert_eq!((moved.status, moved.header("location")), (301, Some("/new?q")));
    assert_eq!(moved.header("x-all"), Some("1"));
    let away = client.get("/docs/a/b");
    assert_eq!((away.status, away.header("location")), (302, Some("https://docs.example/a/b")));
    assert_eq!(client.get("/proxy/x").text(), "a");
    // What the Worker says is not changed.
    assert_eq!(client.get("/api").header("x-all"), None);
}

#[test]
fn many_clients_get_whole_files_at_once() {
    let large: String = (0..300_000).map(|n| format!("{n:08}\n")).collect();
    let server = site("", &[("large.bin", &large), ("a.js", &long())]).isolates(2).start();
    let address = server.address;
    let clients: Vec<_> = (0..8)
        .map(|n| {
            let large = large.clone();
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                for _ in 0..4 {
                    if n % 2 == 0 {
                        assert!(client.get("/large.bin").text() == large);
                    } else {
                        let headers = [("accept-encoding", "br")];
                        let response = client.request("GET", "/a.js", &headers, b"");
                        assert_eq!(response.header("content-encoding"), Some("br"));
                    }
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().expect("it saw no error"));
}
