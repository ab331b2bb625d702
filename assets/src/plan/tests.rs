use selvedge_runtime::headers::HeaderBlobBuf;

use super::*;
use crate::config::{AssetsConfig, HtmlHandling, RunWorkerFirst};
use crate::settings::WorkerFacts;
use crate::source::Walked;

const WORKER: WorkerFacts = WorkerFacts { exists: true, navigation_prefers_assets: true };

/// A site of these files, in a folder that may go away.
fn site(files: &[&str], config: &AssetsConfig, worker: WorkerFacts) -> Assets {
    let folder = tempfile::tempdir().expect("a folder");
    for path in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
        std::fs::write(&path, path.display().to_string()).expect("it can be written");
    }
    let Walked { source, .. } =
        crate::source::FolderSource::walk(folder.path()).expect("it can be walked");
    let (settings, warnings) = Settings::new(config, worker).expect("it is valid");
    assert_eq!(warnings, [""; 0]);
    Assets::new(Arc::new(source), settings, Arc::default())
}

/// What becomes of a request, in a word.
fn plan(site: &Assets, method: &str, path: &str, headers: &[(&str, &str)], asks: Asks) -> String {
    let mut blob = HeaderBlobBuf::default();
    for (name, value) in headers {
        blob.push(name.as_bytes(), value.as_bytes());
    }
    let url = format!("http://h.example:8080{path}");
    let request = Request { method, url: &url, headers: blob.as_blob() };
    let target = Target::of(&url).expect("it is a URL");
    match site.plan(&request, &target, asks) {
        Plan::Worker => "worker".into(),
        Plan::Asset { path, status: 200 } => path.into_owned(),
        Plan::Asset { path, status } => format!("{status} {path}"),
        Plan::Redirect { status, location } => format!("{status} > {location}"),
        Plan::MethodNotAllowed => "405".into(),
        Plan::NotFound => "404".into(),
    }
}

fn get(site: &Assets, path: &str) -> String {
    plan(site, "GET", path, &[], Asks::Client)
}

#[test]
fn assets_go_before_the_worker() {
    let site = site(&["index.html", "a.txt", "sub/b.html"], &AssetsConfig::default(), WORKER);
    assert_eq!(get(&site, "/"), "/index.html");
    assert_eq!(get(&site, "/a.txt?x=1"), "/a.txt");
    assert_eq!(get(&site, "/sub/b"), "/sub/b.html");
    assert_eq!(get(&site, "/sub/b.html?x=1"), "307 > /sub/b?x=1");
    assert_eq!(get(&site, "/api"), "worker");
    assert_eq!(plan(&site, "HEAD", "/a.txt", &[], Asks::Client), "/a.txt");
    assert_eq!(plan(&site, "POST", "/a.txt", &[], Asks::Client), "405");
    assert_eq!(plan(&site, "POST", "/api", &[], Asks::Client), "worker");
    assert_eq!(plan(&site, "GET", "/api", &[], Asks::Binding), "404");
}

#[test]
fn without_a_worker_what_is_not_there_is_not_found() {
    let site = site(&["index.html"], &AssetsConfig::default(), WorkerFacts::default());
    assert_eq!(get(&site, "/nothing"), "404");
    assert_eq!(plan(&site, "DELETE", "/nothing", &[], Asks::Client), "404");
}

#[test]
fn each_path_is_written_in_one_way() {
    let site = site(&["a b.txt", "\u{fc}/x@y.txt", "c.txt"], &AssetsConfig::default(), WORKER);
    assert_eq!(get(&site, "/a%20b.txt"), "/a b.txt");
    assert_eq!(get(&site, "/%C3%BC/x%40y.txt"), "/\u{fc}/x@y.txt");
    assert_eq!(get(&site, "/%c3%bc/x@y.txt?q"), "307 > /%C3%BC/x%40y.txt?q");
    assert_eq!(get(&site, "//c.txt"), "307 > /c.txt");
    assert_eq!(get(&site, "/%63.txt"), "307 > /c.txt");
    assert_eq!(get(&site, "/x/../c.txt"), "/c.txt");
}

#[test]
fn hostile_paths_find_nothing() {
    let site = site(&["index.html", "a.txt"], &AssetsConfig::default(), WORKER);
    for path in [
        "/..%2fa.txt",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/%5c..%5ca.txt",
        "/a.txt%00",
        "/a.txt%00.html",
        "/%c0%ae%c0%ae/a.txt",
        "/%2e%2e%2fa.txt",
        "/.%2e%2f%2e./a.txt",
        "/a.txt/",
        "/a.txt%2f",
        "/%",
        "/%ff",
        "/A.TXT",
        "/a.txt;x",
        "/....//a.txt",
    ] {
        assert_eq!(get(&site, path), "worker", "{path}");
    }
    // Not above the root, and never to another host.
    assert_eq!(get(&site, "/../../a.txt"), "/a.txt");
    assert_eq!(get(&site, "//evil.example/%2e%2e"), "307 > /");
    assert_eq!(get(&site, "/%2f%2fa.txt"), "307 > /a.txt");
    assert_eq!(get(&site, "/\\a.txt"), "307 > /a.txt");
}

#[test]
fn the_worker_runs_first_where_it_shall() {
    let config = |run_worker_first| AssetsConfig { run_worker_first, ..AssetsConfig::default() };
    let files = ["index.html", "api/docs.html", "api/x.txt"];
    let always = site(&files, &config(RunWorkerFirst::Always(true)), WORKER);
    assert_eq!(get(&always, "/"), "worker");
    assert_eq!(plan(&always, "GET", "/", &[], Asks::Binding), "/index.html");
    let paths = ["/api/*".to_owned(), "!/api/docs*".to_owned()];
    let some = site(&files, &config(RunWorkerFirst::Paths(paths.into())), WORKER);
    assert_eq!(get(&some, "/"), "/index.html");
    assert_eq!(get(&some, "/api/x.txt"), "worker");
    assert_eq!(get(&some, "/api/docs"), "/api/docs.html");
    // What is for assets alone is never the Worker's.
    assert_eq!(get(&some, "/api/docs/nothing"), "404");
    assert_eq!(get(&some, "/nothing"), "worker");
}

#[test]
fn a_page_in_place_of_nothing_waits_for_the_worker() {
    let config = AssetsConfig {
        not_found_handling: NotFoundHandling::SinglePageApplication,
        ..AssetsConfig::default()
    };
    let files = ["index.html", "a.js"];
    let navigates = [("sec-fetch-mode", "navigate")];
    let with = site(&files, &config, WORKER);
    assert_eq!(get(&with, "/x"), "worker");
    assert_eq!(plan(&with, "GET", "/x", &navigates, Asks::Client), "/index.html");
    assert_eq!(plan(&with, "POST", "/x", &navigates, Asks::Client), "405");
    assert_eq!(plan(&with, "GET", "/x", &[("sec-fetch-mode", "cors")], Asks::Client), "worker");
    assert_eq!(plan(&with, "GET", "/x", &[], Asks::Binding), "/index.html");
    let old = WorkerFacts { navigation_prefers_assets: false, ..WORKER };
    let old = site(&files, &config, old);
    assert_eq!(plan(&old, "GET", "/x", &navigates, Asks::Client), "worker");
    let paths = RunWorkerFirst::Paths(vec!["/api/*".to_owned()]);
    let routed = site(&files, &AssetsConfig { run_worker_first: paths, ..config.clone() }, WORKER);
    assert_eq!(get(&routed, "/x"), "/index.html");
    assert_eq!(get(&routed, "/api/x"), "worker");
    let alone = site(&files, &config, WorkerFacts::default());
    assert_eq!(get(&alone, "/x"), "/index.html");
}

#[test]
fn redirects_go_before_assets() {
    let config = AssetsConfig {
        redirects: Some(
            "/a.txt /b.txt 301\n/old/* /new/:splat\n/in/* /c 200\n/no/* /nothing 200".into(),
        ),
        ..AssetsConfig::default()
    };
    let site = site(&["a.txt", "c.html"], &config, WORKER);
    assert_eq!(get(&site, "/a.txt?x"), "301 > /b.txt?x");
    assert_eq!(plan(&site, "POST", "/old/x", &[], Asks::Client), "302 > /new/x");
    assert_eq!(get(&site, "/in/x"), "/c.html");
    assert_eq!(get(&site, "/no/x"), "404");
    assert_eq!(plan(&site, "GET", "/a.txt", &[], Asks::Binding), "301 > /b.txt");
    let config =
        AssetsConfig { not_found_handling: NotFoundHandling::NotFoundPage, ..config.clone() };
    let site = self::site(&["404.html"], &config, WORKER);
    assert_eq!(get(&site, "/no/x"), "404 /404.html");
    assert_eq!(get(&site, "/other"), "worker");
}

#[test]
fn the_page_for_what_is_not_found_has_its_status() {
    let config = AssetsConfig {
        not_found_handling: NotFoundHandling::NotFoundPage,
        ..AssetsConfig::default()
    };
    let site = site(&["404.html", "a/404.html"], &config, WorkerFacts::default());
    assert_eq!(get(&site, "/x"), "404 /404.html");
    assert_eq!(get(&site, "/a/x/y"), "404 /a/404.html");
    assert_eq!(get(&site, "/404.html"), "307 > /404");
    assert_eq!(HtmlHandling::default(), HtmlHandling::AutoTrailingSlash);
}
