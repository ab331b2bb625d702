//! The cache before Workers that were deployed.

use serde_json::{Value, json};

use super::{Served, borrowed};
use crate::front::WORKER;
use crate::harness::{Response, eventually};

/// A Worker with a cache before it that answers `answer`.
fn files(name: &str, answer: &str, config: &str) -> Vec<(&'static str, String)> {
    let toml = format!(
        "name = \"{name}\"\nmain = \"worker.js\"\ncompatibility_date = \"2026-08-01\"\n{config}"
    );
    let code = WORKER.replace("\"answer\"", &format!("\"{answer}\""));
    vec![("worker.js", code), ("wrangler.toml", toml)]
}

const ON: &str = "[cache]\nenabled = true\n";
const SHARED: &str = "[cache]\nenabled = true\ncross_version_cache = true\n";

fn got(response: &Response) -> (String, String) {
    (response.header("cf-cache-status").unwrap_or("none").to_owned(), response.text())
}

fn is(status: &str, body: &str) -> (String, String) {
    (status.to_owned(), body.to_owned())
}

#[test]
fn versions_have_caches_of_their_own() {
    let served = Served::start();
    let host = served.host("w");
    let ask = || got(&served.get(&host, "/a"));
    let (_folder, first) = served.deploy(&borrowed(&files("w", "one", ON)));
    assert_eq!(ask(), is("MISS", "one 1"));
    assert_eq!(ask(), is("HIT", "one 1"));
    served.deploy(&borrowed(&files("w", "two", ON)));
    assert_eq!(ask(), is("MISS", "two 1"));
    assert_eq!(ask(), is("HIT", "two 1"));
    served.deploy(&borrowed(&files("w", "three", "")));
    assert_eq!(ask(), is("none", "three 1"));
    // What the first version brought is still there when it is back.
    let folder = super::project(&borrowed(&files("w", "one", ON)));
    let version = first["version_id"].as_str().expect("an id");
    served.selvedge(folder.path(), &["rollback", version, "--yes"]).text();
    assert_eq!(ask(), is("HIT", "one 1"));
}

#[test]
fn versions_share_what_is_kept_if_they_say_so() {
    let served = Served::start();
    let host = served.host("w");
    let ask = || got(&served.get(&host, "/a"));
    served.deploy(&borrowed(&files("w", "one", SHARED)));
    assert_eq!(ask(), is("MISS", "one 1"));
    served.deploy(&borrowed(&files("w", "two", SHARED)));
    assert_eq!(ask(), is("HIT", "one 1"));
    let purged = served.ask("POST", &host, "/purge", &[], r#"{"purgeEverything":true}"#);
    assert_eq!(purged.json(), json!({ "success": true, "errors": [] }));
    assert_eq!(ask(), is("MISS", "two 1"));
}

#[test]
fn workers_do_not_share_what_is_kept() {
    let served = Served::start();
    served.deploy(&borrowed(&files("one", "one", SHARED)));
    served.deploy(&borrowed(&files("two", "two", SHARED)));
    let ask = |name: &str| got(&served.get(&served.host(name), "/a"));
    assert_eq!(ask("one"), is("MISS", "one 1"));
    assert_eq!(ask("two"), is("MISS", "two 1"));
    served.ask("POST", &served.host("two"), "/purge", &[], r#"{"purgeEverything":true}"#);
    assert_eq!(ask("one"), is("HIT", "one 1"));
    assert_eq!(ask("two"), is("MISS", "two 2"));
    let selvedge = |args: &[&str]| served.selvedge(served.folder.path(), args).text();
    selvedge(&["cache", "purge", "--everything", "--yes"]);
    assert_eq!(ask("one"), is("HIT", "one 1"), "that is another cache");
    selvedge(&["cache", "purge", "--worker", "one"]);
    assert_eq!(ask("one"), is("MISS", "one 2"));
    assert_eq!(ask("two"), is("HIT", "two 2"));
    // A Worker that gets the name of one that is gone gets nothing else of it.
    selvedge(&["delete", "one", "--yes"]);
    served.deploy(&borrowed(&files("one", "again", SHARED)));
    assert_eq!(ask("one"), is("MISS", "again 1"));
}

#[test]
fn a_service_binding_asks_through_the_callees_cache() {
    let served = Served::start();
    served.deploy(&borrowed(&files("backend", "backend", ON)));
    let caller = r#"export default { async fetch(request, env) {
        const { pathname, search } = new URL(request.url);
        const cf = search ? { cacheKey: search } : undefined;
        const answer = await env.BACKEND.fetch("https://any.host" + pathname, { cf });
        return new Response(`${answer.headers.get("cf-cache-status")} ${await answer.text()}`);
    } };"#;
    let toml = "name = \"caller\"\nmain = \"worker.js\"\ncompatibility_date = \"2026-08-01\"\n\
        [[services]]\nbinding = \"BACKEND\"\nservice = \"backend\"\n";
    served.deploy(&[("worker.js", caller), ("wrangler.toml", toml)]);
    let ask = |path: &str| served.get(&served.host("caller"), path).text();
    assert_eq!(ask("/a"), "MISS backend 1");
    assert_eq!(ask("/a"), "HIT backend 1");
    let direct = got(&served.get(&served.host("backend"), "/a"));
    assert_eq!(direct, is("HIT", "backend 1"), "it is the same one for clients");
    assert_eq!(ask("/b?one"), "MISS backend 2");
    assert_eq!(ask("/c?one"), "HIT backend 2");
}

#[test]
fn what_became_of_requests_is_counted_and_shown() {
    let served = Served::start();
    served.deploy(&borrowed(&files("w", "one", SHARED)));
    let host = served.host("w");
    for _ in 0..3 {
        served.get(&host, "/a");
    }
    served.ask("POST", &host, "/runs", &[], "");
    let metrics = served.api("/metrics").text();
    let count = |result: &str| {
        let name = format!("selvedge_front_cache_requests_total{{result=\"{result}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&name)).expect("it is there");
        line.parse::<u64>().expect("a number")
    };
    assert_eq!((count("miss"), count("hit"), count("bypass")), (1, 2, 1), "{metrics}");
    // Each of them is a request of the Worker.
    eventually("all are counted", || {
        let text = served.api("/metrics").text();
        let lines = text.lines().filter(|line| line.starts_with("selvedge_responses_total"));
        let counts = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        (counts.sum::<u64>() == 4).then_some(())
    });
    let path = format!("/client/v4/accounts/{}/workers/scripts/w/settings", served.account);
    let settings: Value = served.api(&path).json();
    let shown = &settings["result"]["cache_options"];
    assert_eq!(*shown, json!({ "enabled": true, "cross_version_cache": true }));
}

#[test]
fn a_caller_has_no_say_in_what_other_peoples_workers_keep() {
    let served = Served::start();
    let dispatcher = r#"export default { async fetch(request, env) {
        const user = env.USERS.get("user");
        const cf = { cacheKey: "mine", cacheControl: "max-age=60" };
        const answer = await user.fetch(request.url, { cf });
        return new Response(`${answer.headers.get("cf-cache-status")} ${await answer.text()}`);
    } };"#;
    let make = served.selvedge(served.folder.path(), &["dispatch-namespace", "create", "users"]);
    make.text();
    let user = super::project(&borrowed(&files("user", "user", ON)));
    served.selvedge(user.path(), &["deploy", "--dispatch-namespace", "users"]).text();
    let toml = "name = \"front\"\nmain = \"worker.js\"\ncompatibility_date = \"2026-08-01\"\n\
        [[dispatch_namespaces]]\nbinding = \"USERS\"\nnamespace = \"users\"\n";
    served.deploy(&[("worker.js", dispatcher), ("wrangler.toml", toml)]);
    let ask = |path: &str| served.get(&served.host("front"), path).text();
    assert_eq!(ask("/a"), "MISS user 1");
    assert_eq!(ask("/a"), "HIT user 1", "each has a cache of its own");
    assert_eq!(ask("/b"), "MISS user 2", "names are not the dispatcher's");
}

#[test]
fn previews_stay_apart_and_exports_differ_by_version() {
    let served = Served::start();
    let host = served.host("w");
    let config = format!("preview_urls = true\nworkers_dev = true\n{SHARED}");
    served.deploy(&borrowed(&files("w", "one", &config)));
    assert_eq!(got(&served.get(&host, "/a")), is("MISS", "one 1"));
    let newer = super::project(&borrowed(&files("w", "two", &config)));
    let said = served.selvedge(newer.path(), &["versions", "upload", "--json"]).json();
    let version = said["version_id"].as_str().expect("an id");
    let preview = format!("{}-{host}", &version[..8]);
    assert_eq!(got(&served.get(&preview, "/a")), is("MISS", "two 1"), "not what is served");
    assert_eq!(got(&served.get(&preview, "/a")), is("HIT", "two 1"));
    assert_eq!(got(&served.get(&host, "/a")), is("HIT", "one 1"));
    served.selvedge(newer.path(), &["versions", "deploy", version, "--yes"]).text();
    assert_eq!(got(&served.get(&host, "/a")), is("HIT", "one 1"), "now it shares");
    // One version may have a cache where another one has none, also in one deployment.
    let off = "[exports.default]\ntype = \"worker\"\ncache = { enabled = false }\n";
    let other = super::project(&borrowed(&files("w", "three", &format!("{config}{off}"))));
    let said = served.selvedge(other.path(), &["versions", "upload", "--json"]).json();
    let third = said["version_id"].as_str().expect("an id");
    let half = format!("{third}@50%");
    served.selvedge(other.path(), &["versions", "deploy", &half, version, "--yes"]).text();
    let mut seen = (false, false);
    eventually("both answer", || {
        match got(&served.get(&host, "/a")).0.as_str() {
            "HIT" => seen.0 = true,
            "none" => seen.1 = true,
            other => panic!("{other}"),
        }
        (seen == (true, true)).then_some(())
    });
}
