//! The same folder and requests on miniflare: who answers, with what, and where
//! redirects lead.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::{assets_only, site};

/// Asks miniflare and prints what it answers.
const SCRIPT: &str = include_str!("miniflare.mjs");

const FILES: &[(&str, &str)] = &[
    ("index.html", "home"),
    ("404.html", "nothing"),
    ("file.html", "file"),
    ("folder/index.html", "folder"),
    ("folder/404.html", "nothing in the folder"),
    ("folder/data.json", "{}"),
    ("both.html", "both as a file"),
    ("both/index.html", "both as a folder"),
    ("bin", "no extension"),
    ("bin.html", "a page of its name"),
    ("a b.txt", "a space"),
    ("x@y.txt", "an at"),
    ("\u{fc}/[id].html", "brackets"),
    ("_headers", "/*\n  x-all: 1\n/folder/*\n  x-all: 2\n  x-splat: :splat\n/file\n  ! etag\n"),
    (
        "_redirects",
        "/old /file 301\n/away https://o.example/x?y 308\n/to/:name /folder/:name\n\
         /in/* /file 200\n/gone/* /nowhere 200\n/twice/* //o.example/:splat\n",
    ),
];

const PATHS: &[&str] = &[
    "/",
    "/?q=1",
    "/index",
    "/index.html",
    "/index/",
    "/file",
    "/file/",
    "/file.html?q=1",
    "/file/index",
    "/file/index.html",
    "/folder",
    "/folder/",
    "/folder.html",
    "/folder/index",
    "/folder/index.html",
    "/folder/data.json",
    "/folder/data.json/",
    "/folder/no",
    "/folder/a/b",
    "/both",
    "/both/",
    "/both.html",
    "/both/index",
    "/both/index.html",
    "/bin",
    "/bin/",
    "/bin.html",
    "/404",
    "/404.html",
    "/folder/404",
    "/a%20b.txt",
    "/x@y.txt",
    "/x%40y.txt",
    "/%C3%BC/%5Bid%5D",
    "/%c3%bc/[id]",
    "/%C3%BC/[id].html",
    "//file",
    "//folder//",
    "/./file",
    "/x/../file",
    "/%2e%2e/file",
    "/..%2ffile",
    "/folder%2fdata.json",
    "/%66ile",
    "/%ff",
    "/%zz",
    "/%",
    "/file%00",
    "/%5cfile",
    "/.%2e/file",
    "/old",
    "/old?q=1",
    "/away?z",
    "/to/data.json",
    "/in/x",
    "/gone/x",
    "/twice/a//b",
    "/api/x",
    "/api/file",
    "/nothing",
    "/_headers",
    "/_redirects",
    "/FILE",
    "/file;x",
];

/// What is compared of an answer.
fn facts(status: u64, header: impl Fn(&str) -> Option<String>, body: &str) -> Value {
    let is_tagged = header("etag").is_some();
    json!({
        "status": status,
        "location": header("location"),
        "content-type": header("content-type").map(|value| value.to_lowercase()),
        "cache-control": header("cache-control"),
        "x-all": header("x-all"),
        "x-splat": header("x-splat"),
        "etag": is_tagged,
        "body": body,
    })
}

/// Configurations, as miniflare has them and as `[assets]` has them.
fn configs() -> Vec<(Value, String, bool)> {
    let mut configs = Vec::new();
    for worker in [true, false] {
        for html in ["auto-trailing-slash", "force-trailing-slash", "drop-trailing-slash", "none"] {
            for not_found in ["none", "404-page", "single-page-application"] {
                let config = json!({
                    "worker": worker, "html_handling": html, "not_found_handling": not_found,
                });
                let text =
                    format!("html_handling = \"{html}\"\nnot_found_handling = \"{not_found}\"\n");
                configs.push((config, text, worker));
            }
        }
    }
    let routing = json!({ "user_worker": ["/api/*", "/f*"], "asset_worker": ["/api/x"] });
    let config = json!({
        "worker": true, "static_routing": routing, "not_found_handling": "404-page",
    });
    let text = "run_worker_first = [\"/api/*\", \"/f*\", \"!/api/x\"]\nnot_found_handling = \"404-page\"\n";
    configs.push((config, text.to_owned(), true));
    configs.push((
        json!({ "worker": true, "first": true }),
        "run_worker_first = true\n".into(),
        true,
    ));
    configs
}

/// Method, path and headers of a request.
type Asked = (&'static str, &'static str, Vec<(&'static str, &'static str)>);

/// The requests: each path, some with other methods, and as a browser navigates.
fn requests() -> Vec<Asked> {
    let navigates = || vec![("sec-fetch-mode", "navigate")];
    let mut requests: Vec<_> = PATHS.iter().map(|path| ("GET", *path, Vec::new())).collect();
    for path in ["/", "/file", "/nothing", "/old", "/folder/x"] {
        requests.push(("GET", path, navigates()));
        requests.push(("HEAD", path, Vec::new()));
        requests.push(("DELETE", path, Vec::new()));
        requests.push(("GET", path, vec![("authorization", "x")]));
    }
    requests
}

#[test]
fn miniflare_answers_the_same() {
    let Some(modules) = find() else {
        println!(
            "skipped: there is no miniflare at SELVEDGE_MINIFLARE, a folder in which \
             `npm install miniflare` was run, or no node"
        );
        return;
    };
    let (configs, requests) = (configs(), requests());
    let theirs = asked(&modules, &configs, &requests);
    let mut wrong = String::new();
    for ((config, text, worker), theirs) in configs.iter().zip(theirs) {
        let setup = if *worker { site(text, FILES) } else { assets_only(text, FILES) };
        let server = setup.start();
        for ((method, path, headers), theirs) in requests.iter().zip(theirs) {
            let ours = server.connect().request(method, path, headers, b"");
            // Node shows values of one name as one.
            let header = |name: &str| {
                Some(ours.all(name)).filter(|all| !all.is_empty()).map(|all| all.join(", "))
            };
            let ours = facts(ours.status.into(), header, &ours.text());
            if ours != theirs {
                wrong.push_str(&format!(
                    "{config} {method} {path} {headers:?}\n  ours   {ours}\n  theirs {theirs}\n"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The folder that miniflare is installed in.
fn find() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("SELVEDGE_MINIFLARE")?);
    let node = Command::new("node").arg("--version").output().ok()?;
    (node.status.success() && folder.join("node_modules/miniflare").is_dir()).then_some(folder)
}

/// What miniflare answers, for each configuration.
fn asked(
    modules: &PathBuf,
    configs: &[(Value, String, bool)],
    requests: &[Asked],
) -> Vec<Vec<Value>> {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    for (name, body) in FILES {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
        std::fs::write(path, body).expect("it can be written");
    }
    let requests: Vec<Value> = requests
        .iter()
        .map(|(method, path, headers)| {
            let headers: serde_json::Map<_, _> =
                headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            json!({ "method": method, "path": path, "headers": headers })
        })
        .collect();
    let cases: Vec<Value> = configs
        .iter()
        .map(|(config, ..)| json!({ "config": config, "requests": requests }))
        .collect();
    let output = Command::new("node")
        .current_dir(modules)
        .args(["--input-type=module", "--eval", SCRIPT])
        .arg(modules)
        .arg(folder.path())
        .arg(Value::from(cases).to_string())
        .output()
        .expect("node runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("answers "));
    let line = line.unwrap_or_else(|| {
        panic!("miniflare failed: {text}{}", String::from_utf8_lossy(&output.stderr))
    });
    let answers: Vec<Vec<Value>> = serde_json::from_str(line).expect("it is JSON");
    let of = |answer: &Value| {
        let header = |name: &str| answer["headers"][name].as_str().map(str::to_owned);
        let body = answer["body"].as_str().unwrap_or_default();
        facts(answer["status"].as_u64().unwrap_or_default(), header, body)
    };
    answers.iter().map(|answers| answers.iter().map(of).collect()).collect()
}
