//! From nothing to a deployed project with all there is, and back: what
//! docs/deploying.md tells.

use serde_json::Value;

use super::{Served, borrowed, full, hello, project};
use crate::harness::{Program, eventually, selvedge};

#[test]
fn the_whole_example_is_deployed_asked_changed_and_rolled_back() {
    let served = Served::start();
    let example = full();
    let said = served.selvedge(example.path(), &["deploy", "--message", "first"]);
    let (text, notes) = (said.stdout.clone(), said.stderr.clone());
    assert!(said.ok, "{text}{notes}");
    for expected in [
        "Total Upload: ",
        "Worker Startup Time: ",
        "env.NOTES (",
        "env.COUNTER (Counter)",
        "Uploaded full (",
        "schedule: */5 * * * *",
        "notes.example.com/*",
        "Current Version ID: ",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    assert!(notes.contains("Created the KV namespace \"full-notes\""), "{notes}");
    assert!(notes.contains("Uploaded 2 asset files"), "{notes}");

    let host = served.host("full");
    let first = text.split("Current Version ID: ").nth(1).expect("an id").trim().to_owned();
    let greeting = served.get(&host, "/api/hello").text();
    assert_eq!(greeting, format!("Hello from version {}\n", &first[..8]));
    let put = served.ask("PUT", &host, "/api/notes/today", &[], "buy milk");
    assert_eq!((put.status, put.text().as_str()), (201, "kept\n"));
    assert_eq!(served.get("notes.example.com", "/api/notes/today").text(), "buy milk");
    for count in ["1\n", "2\n"] {
        assert_eq!(served.ask("POST", &host, "/api/count/visits", &[], "").text(), count);
    }
    let page = served.get(&host, "/");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.text().contains("<h1>Notes</h1>"));

    // Secrets are set by themselves, and stay with later deployments.
    assert_eq!(served.get(&host, "/api/secret").status, 401);
    let put =
        served.selvedge_with(example.path(), &["secret", "put", "API_KEY"], "a long password\n");
    put.text();
    let with_key = [("authorization", "Bearer a long password")];
    assert_eq!(served.ask("GET", &host, "/api/secret", &with_key, "").text(), "come in\n");
    let listed = served.selvedge(example.path(), &["secret", "list"]).json();
    assert_eq!(listed[0]["name"], "API_KEY");
    assert!(!listed.to_string().contains("password"));

    // Again: another version, the same namespace, nothing to upload but code.
    let again = served.selvedge(example.path(), &["deploy", "--var", "GREETING:Hi"]);
    assert!(again.stderr.contains("No updated asset files to upload (2 unchanged)"), "{again:?}");
    again.text();
    assert!(served.get(&host, "/api/hello").text().starts_with("Hi from version "));
    assert_eq!(served.get(&host, "/api/notes/today").text(), "buy milk");
    assert_eq!(served.ask("POST", &host, "/api/count/visits", &[], "").text(), "3\n");
    assert_eq!(served.ask("GET", &host, "/api/secret", &with_key, "").text(), "come in\n");

    let keys = served.selvedge(example.path(), &["kv", "namespace", "list", "--remote"]).json();
    let id = keys[0]["id"].as_str().expect("an id").to_owned();
    let keys = served
        .selvedge(example.path(), &["kv", "key", "list", "--remote", "--namespace-id", &id])
        .json();
    assert_eq!(keys[0]["name"], "today");

    let back = served.selvedge(example.path(), &["rollback", &first[..8], "--yes"]).text();
    assert_eq!(back.trim(), format!("Current Version ID: {first}"));
    assert!(served.get(&host, "/api/hello").text().starts_with("Hello from version "));

    served.selvedge(example.path(), &["delete", "--force"]).text();
    assert_eq!(served.get(&host, "/api/hello").status, 404);
    let gone = served.selvedge(example.path(), &["deployments", "status"]).error();
    assert!(gone.contains("there is no Worker \"full\""), "{gone}");
}

#[test]
fn versions_share_requests_as_they_are_told() {
    let served = Served::start();
    let files = hello("shares", "old");
    let (folder, first) = served.deploy(&borrowed(&files));
    let code = hello("shares", "new");
    std::fs::write(folder.path().join("worker.js"), &code[0].1).expect("it can be written");
    let args = ["versions", "upload", "--json", "--tag", "v2", "--message", "newer"];
    let second = served.selvedge(folder.path(), &args).json();
    let host = served.host("shares");
    assert_eq!(served.get(&host, "/").text(), "old", "an upload deploys nothing");

    let list = served.selvedge(folder.path(), &["versions", "list", "--json"]).json();
    assert_eq!(list.as_array().map(Vec::len), Some(2));
    let id = |value: &Value| value["version_id"].as_str().expect("an id").to_owned();
    let (first, second) = (id(&first), id(&second));
    let view = served.selvedge(folder.path(), &["versions", "view", &second]).text();
    assert!(view.contains("v2") && view.contains("newer"), "{view}");

    let half = format!("{}@50%", &second[..8]);
    let args = ["versions", "deploy", &half, &first[..8], "--yes"];
    served.selvedge(folder.path(), &args).text();
    let status = served.selvedge(folder.path(), &["deployments", "status", "--json"]).json();
    let shares = status["versions"].as_array().expect("versions");
    assert!(shares.iter().all(|share| share["percentage"] == 50.0), "{status}");
    let mut seen = (false, false);
    eventually("both versions answer", || {
        match served.get(&host, "/").text().as_str() {
            "old" => seen.0 = true,
            "new" => seen.1 = true,
            other => panic!("{other}"),
        }
        (seen == (true, true)).then_some(())
    });

    served.selvedge(folder.path(), &["versions", "deploy", &second, "--yes"]).text();
    assert_eq!(served.get(&host, "/").text(), "new");
    served.selvedge(folder.path(), &["rollback", "--yes", "--message", "it was better"]).text();
    assert_eq!(served.get(&host, "/").text(), "old");
    let listed = served.selvedge(folder.path(), &["deployments", "list"]).text();
    assert!(listed.contains("it was better") && listed.contains(&first), "{listed}");
}

#[test]
fn a_tail_shows_what_was_asked_for() {
    let served = Served::start();
    let code = "export default { fetch(request) { \
        const { pathname } = new URL(request.url); \
        console.log('asked for', pathname); \
        if (pathname === '/broken') throw new TypeError('as asked'); \
        return new Response('ok'); } };";
    let config = "name = \"tailed\"\nmain = \"worker.js\"\ncompatibility_date = \"2026-11-01\"\n";
    served.deploy(&[("worker.js", code), ("wrangler.toml", config)]);
    let mut command = std::process::Command::new(selvedge());
    command.args(["tail", "tailed", "--format", "json", "--status", "error"]);
    command.env("SELVEDGE_API_URL", &served.admin).env("SELVEDGE_API_TOKEN", &served.token);
    command.env("XDG_CONFIG_HOME", served.folder.path());
    let program = Program::start(command, served.folder.path());
    eventually("it is connected", || program.stderr.text().contains("waiting").then_some(()));
    let host = served.host("tailed");
    let event = eventually("the event comes", || {
        assert_eq!(served.get(&host, "/fine").status, 200);
        assert_eq!(served.get(&host, "/broken").status, 500);
        let text = program.stdout.text();
        let line = text.lines().next()?;
        serde_json::from_str::<Value>(line).ok()
    });
    assert_eq!(event["outcome"], "exception");
    assert_eq!(event["scriptName"], "tailed");
    assert!(event["event"]["request"]["url"].as_str().is_some_and(|url| url.ends_with("/broken")));
    assert_eq!(event["exceptions"][0]["name"], "TypeError");
    assert_eq!(event["exceptions"][0]["message"], "as asked");
    assert!(!program.stdout.text().contains("/fine"));
    program.signal(libc::SIGINT);
    assert!(program.wait().status.success());
}

#[test]
fn a_login_is_remembered_for_its_own_server() {
    let served = Served::start();
    let folder = project(&[]);
    let login = |token: &str| super::run(folder.path(), &["login", &served.admin], &[], token);
    let wrong = login("slv_nothing").error();
    assert!(wrong.contains("hint:"), "{wrong}");
    login(&format!("{}\n", served.token)).text();
    let who = super::run(folder.path(), &["whoami", "--json"], &[], "").json();
    assert_eq!(who["accounts"][0]["id"], served.account.as_str());
    assert!(!who.to_string().contains(&served.token));
    let files = hello("remembered", "hi");
    let worker = project(&borrowed(&files));
    let config = folder.path().join(".config");
    let environment = [("XDG_CONFIG_HOME", config.to_str().expect("UTF-8"))];
    super::run(worker.path(), &["deploy"], &environment, "").text();
    assert_eq!(served.get(&served.host("remembered"), "/").text(), "hi");
    super::run(folder.path(), &["logout"], &[], "").text();
    let error = super::run(folder.path(), &["whoami"], &[], "").error();
    assert!(error.contains("selvedge login"), "{error}");
}

#[test]
fn the_target_may_stand_in_the_projects_dot_env_as_wrangler_has_it() {
    let served = Served::start();
    let files = hello("dotted", "hi");
    let folder = project(&borrowed(&files));
    let text = format!(
        "CLOUDFLARE_API_BASE_URL={}/client/v4\nCLOUDFLARE_API_TOKEN={}\nCLOUDFLARE_ACCOUNT_ID={}\n",
        served.admin, served.token, served.account
    );
    std::fs::write(folder.path().join(".env"), text).expect("it can be written");
    super::run(folder.path(), &["publish"], &[], "").text();
    assert_eq!(served.get(&served.host("dotted"), "/").text(), "hi");
    // What is in .env is for this machine: it is no variable of the Worker.
    let view = super::run(folder.path(), &["versions", "list", "--json"], &[], "").json();
    assert!(!view.to_string().contains("CLOUDFLARE_API_TOKEN"), "{view}");
}

#[test]
fn tokens_end_when_they_are_revoked() {
    let served = Served::start();
    let data = served.data();
    let data = data.to_str().expect("UTF-8");
    let local = |args: &[&str]| {
        let args: Vec<_> = args.iter().chain(&["--data-dir", data]).copied().collect();
        super::run(served.folder.path(), &args, &[], "")
    };
    let made =
        local(&["tokens", "create", "short", "--account-id", &served.account, "--json"]).json();
    let id = made["id"].as_str().expect("an id");
    let list = local(&["tokens", "list", "--account-id", &served.account]).text();
    assert!(
        list.contains(id) && !list.contains(made["value"].as_str().expect("its text")),
        "{list}"
    );
    let environment = [
        ("SELVEDGE_API_URL", served.admin.as_str()),
        ("SELVEDGE_API_TOKEN", made["value"].as_str().expect("its text")),
    ];
    let who = || super::run(served.folder.path(), &["whoami"], &environment, "");
    who().text();
    local(&["tokens", "revoke", id, "--account-id", &served.account]).text();
    who().error();
}

#[test]
fn static_files_are_served_over_http2() {
    let served = Served::start();
    let example = full();
    served.selvedge(example.path(), &["deploy"]).text();
    let (address, host) = (served.address, served.host("full"));
    crate::harness::block_on(async move {
        let stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
        let io = hyper_util::rt::TokioIo::new(stream);
        let executor = hyper_util::rt::TokioExecutor::new();
        let (sender, connection) =
            hyper::client::conn::http2::handshake(executor, io).await.expect("it speaks HTTP/2");
        tokio::spawn(connection);
        let ask = |method: &'static str, path: &'static str, tag: Option<String>| {
            let (mut sender, uri) = (sender.clone(), format!("http://{host}{path}"));
            async move {
                let mut request = http::Request::builder().method(method).uri(uri);
                if let Some(tag) = tag {
                    request = request.header("if-none-match", tag);
                }
                let body = http_body_util::Empty::<bytes::Bytes>::new();
                let request = request.body(body).expect("a request");
                let response = sender.send_request(request).await.expect("an answer");
                let (parts, body) = response.into_parts();
                let body = http_body_util::BodyExt::collect(body).await.expect("a body");
                (parts, String::from_utf8_lossy(&body.to_bytes()).into_owned())
            }
        };
        // Several at once, on one connection.
        let pages = futures::future::join_all((0..10).map(|_| ask("GET", "/", None))).await;
        for (parts, body) in &pages {
            assert_eq!((parts.status.as_u16(), parts.version), (200, http::Version::HTTP_2));
            assert_eq!(parts.headers["content-type"], "text/html; charset=utf-8");
            assert!(body.contains("<h1>Notes</h1>"), "{body}");
        }
        let tag = pages[0].0.headers["etag"].to_str().expect("text").to_owned();
        let (parts, body) = ask("GET", "/", Some(tag)).await;
        assert_eq!((parts.status.as_u16(), body.as_str()), (304, ""));
        let (parts, body) = ask("HEAD", "/", None).await;
        assert_eq!((parts.status.as_u16(), body.as_str()), (200, ""));
        let (parts, body) = ask("GET", "/api/hello", None).await;
        assert_eq!(parts.status, 200);
        assert!(body.starts_with("Hello from version "), "{body}");
    });
}
