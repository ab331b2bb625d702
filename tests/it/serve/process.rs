//! The real program: signals, kills, its API.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::server::{get, says};
use crate::harness::{Client, Program, eventually};

/// `selvedge serve` and how its API is reached.
struct Process {
    program: Program,
    public: SocketAddr,
    admin: SocketAddr,
    token: String,
}

impl Process {
    fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// With further arguments.
    fn start_with(data: &Path, more: &[&str]) -> Self {
        let control = data.join("control.json");
        let _ = std::fs::remove_file(&control);
        let words = ["serve", "--domain", "edge.test", "--listen", "127.0.0.1:0"];
        let mut args: Vec<String> = words.iter().map(ToString::to_string).collect();
        args.extend(["--admin-listen", "127.0.0.1:0", "--data-dir"].map(str::to_owned));
        args.push(data.display().to_string());
        args.extend(more.iter().map(ToString::to_string));
        let mut program = Program::selvedge(data.parent().expect("it has one"), &args);
        let public = program.address();
        let text = eventually("it writes control.json", || std::fs::read_to_string(&control).ok());
        let control: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(control["pid"], program.id());
        let url = control["url"].as_str().expect("a URL");
        let admin = url.trim_start_matches("http://").trim_end_matches("/client/v4");
        let admin = admin.parse().expect("an address");
        let token = control["token"].as_str().expect("a token").to_owned();
        Self { program, public, admin, token }
    }

    fn call(&self, method: &str, path: &str, kind: &str, body: &str) -> Value {
        self.try_call(method, path, kind, body).expect("the API answers")
    }

    fn try_call(&self, method: &str, path: &str, kind: &str, body: &str) -> Option<Value> {
        let mut client = Client::connect(self.admin);
        let head = format!(
            "{method} /client/v4{path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
             content-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.token,
            body.len()
        );
        if !client.try_send(head) {
            return None;
        }
        let bytes = client.rest();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = &text[text.find("\r\n\r\n")? + 4..];
        let from = body.find('{')?;
        serde_json::from_str(&body[from..=body.rfind('}')?]).ok()
    }

    fn account(&self) -> String {
        let list = self.call("GET", "/accounts", "", "");
        if let Some(id) = list["result"][0]["id"].as_str() {
            return id.to_owned();
        }
        let made = self.call("POST", "/accounts", "application/json", r#"{"name":"First"}"#);
        made["result"]["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    fn upload(&self, account: &str, name: &str, source: &str) -> Option<Value> {
        let metadata = r#"{"main_module":"index.js","compatibility_date":"2026-01-01"}"#;
        let body = format!(
            "--cut\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\
             Content-Type: application/json\r\n\r\n{metadata}\r\n\
             --cut\r\nContent-Disposition: form-data; name=\"index.js\"; filename=\"index.js\"\r\n\
             Content-Type: application/javascript+module\r\n\r\n{source}\r\n--cut--\r\n"
        );
        let path = format!("/accounts/{account}/workers/scripts/{name}");
        self.try_call("PUT", &path, "multipart/form-data; boundary=cut", &body)
    }

    fn deploy(&self, account: &str, name: &str, source: &str) {
        let done = self.upload(account, name, source).expect("the API answers");
        assert_eq!(done["success"], true, "{done}");
        let path = format!("/accounts/{account}/workers/scripts/{name}/subdomain");
        let body = r#"{"enabled":true,"previews_enabled":true}"#;
        let done = self.call("POST", &path, "application/json", body);
        assert_eq!(done["success"], true, "{done}");
    }

    fn ask(&self, name: &str) -> (u16, String) {
        let mut client = Client::connect(self.public);
        let response = get(&mut client, &format!("{name}.edge.test"), "/", &[]);
        (response.status, response.text())
    }
}

fn data() -> (TempDir, std::path::PathBuf) {
    let folder = TempDir::new().expect("a temporary folder");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("it can be made");
    (folder, data)
}

#[test]
fn what_is_deployed_over_the_api_is_served() {
    let (_folder, data) = data();
    let process = Process::start(&data);
    let account = process.account();
    process.deploy(&account, "app", &says("deployed"));
    assert_eq!(process.ask("app"), (200, "deployed".to_owned()));
    process.deploy(&account, "app", &says("again"));
    assert_eq!(process.ask("app"), (200, "again".to_owned()));
    let refused = process.upload(&account, "app", "throw new Error('no start');");
    let refused = refused.expect("the API answers");
    assert_eq!(refused["errors"][0]["code"], 10021, "{refused}");
    assert!(refused.to_string().contains("no start"), "{refused}");
    assert_eq!(process.ask("app"), (200, "again".to_owned()));
}

#[cfg(unix)]
#[test]
fn a_kill_in_the_middle_of_a_deployment_leaves_a_whole_one() {
    let (_folder, data) = data();
    let process = Process::start(&data);
    let account = process.account();
    process.deploy(&account, "app", &says("v0"));
    assert_eq!(process.ask("app").1, "v0");
    let mut process = process;
    let mut serves = 0;
    for round in 1..=6 {
        let killed = process.program.id();
        std::thread::scope(|scope| {
            let uploading =
                scope.spawn(|| process.upload(&account, "app", &says(&format!("v{round}"))));
            std::thread::sleep(Duration::from_millis(3 * round));
            process.program.signal(9);
            let _ = uploading.join();
        });
        process.program.wait();
        process = Process::start(&data);
        assert_ne!(process.program.id(), killed);
        let (status, text) = process.ask("app");
        assert_eq!(status, 200);
        let number: u64 = text.trim_start_matches('v').parse().expect("a version that was whole");
        assert!(number == round || number == serves, "{text} in round {round} after v{serves}");
        serves = number;
    }
    process.deploy(&account, "app", &says("last"));
    assert_eq!(process.ask("app").1, "last");
}

#[cfg(unix)]
#[test]
fn sigterm_ends_it_in_order_and_its_control_file_goes() {
    let (_folder, data) = data();
    let process = Process::start(&data);
    let account = process.account();
    process.deploy(&account, "app", &says("fine"));
    assert_eq!(process.ask("app").1, "fine");
    process.program.signal(15);
    let ended = process.program.wait();
    assert!(ended.status.success(), "{}", ended.stderr);
    assert!(!data.join("control.json").exists());
}

#[test]
fn a_second_server_does_not_get_the_folder() {
    let (folder, data) = data();
    let _process = Process::start(&data);
    let args = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir"];
    let mut args: Vec<String> = args.iter().map(ToString::to_string).collect();
    args.push(data.display().to_string());
    let ended = Program::selvedge(folder.path(), &args).wait();
    assert!(!ended.status.success());
    assert!(ended.stderr.contains("selvedge serve"), "{}", ended.stderr);
}

#[test]
fn settings_that_are_wrong_are_told_with_their_place() {
    let (folder, data) = data();
    std::fs::write(folder.path().join("server.toml"), "[limits]\ncpu_mss = 5\n").expect("written");
    let args = ["serve", "--config", "server.toml", "--data-dir"];
    let mut args: Vec<String> = args.iter().map(ToString::to_string).collect();
    args.push(data.display().to_string());
    let ended = Program::selvedge(folder.path(), &args).wait();
    assert!(!ended.status.success());
    for part in ["server.toml", "line 2, column 1", "cpu_mss"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
}

#[cfg(unix)]
#[test]
fn the_access_log_has_each_request_and_sighup_opens_it_anew() {
    let (folder, data) = data();
    let file = folder.path().join("access.log");
    let process = Process::start_with(&data, &["--access-log", file.to_str().expect("UTF-8")]);
    let account = process.account();
    process.deploy(&account, "app", "export default { fetch(request) {
        if (request.url.endsWith('/throw')) throw new Error('no'); return new Response('fine'); } };");
    let mut client = Client::connect(process.public);
    let agent = [("user-agent", "test/1")];
    assert_eq!(get(&mut client, "app.edge.test", "/one?x=1", &agent).status, 200);
    assert_eq!(get(&mut client, "app.edge.test", "/throw", &[]).status, 500);
    assert_eq!(get(&mut client, "nobody.edge.test", "/two", &agent).status, 404);
    let lines = |file: &Path, count: usize| -> Vec<Value> {
        eventually("the lines are there", || {
            let text = std::fs::read_to_string(file).ok()?;
            let parse = |line| serde_json::from_str(line).expect("JSON");
            (text.lines().count() >= count && text.ends_with('\n'))
                .then(|| text.lines().map(parse).collect())
        })
    };
    let all = lines(&file, 3);
    let find = |path: &str| all.iter().find(|line| line["path"] == path).expect("its line");
    let one = find("/one?x=1");
    assert_eq!((&one["host"], &one["method"]), (&"app.edge.test".into(), &"GET".into()));
    assert_eq!((&one["status"], &one["outcome"]), (&200.into(), &"ok".into()));
    assert_eq!((&one["worker"], &one["account"]), (&"app".into(), &account.as_str().into()));
    assert_eq!((&one["client"], &one["userAgent"]), (&"127.0.0.1".into(), &"test/1".into()));
    let thrown = find("/throw");
    assert_eq!((&thrown["status"], &thrown["outcome"]), (&500.into(), &"exception".into()));
    let two = find("/two");
    assert_eq!((&two["status"], &two["host"]), (&404.into(), &"nobody.edge.test".into()));
    assert!(two.get("worker").is_none());

    let moved = folder.path().join("access.log.1");
    std::fs::rename(&file, &moved).expect("it can be moved");
    process.program.signal(libc::SIGHUP);
    eventually("the file is there again", || file.exists().then_some(()));
    assert_eq!(process.ask("app").0, 200);
    assert_eq!(lines(&file, 1)[0]["host"], "app.edge.test");
}

#[cfg(unix)]
#[test]
fn the_drain_delay_leaves_time_to_look_elsewhere() {
    let (_folder, data) = data();
    let mut process = Process::start_with(&data, &["--drain-delay", "3"]);
    let account = process.account();
    process.deploy(&account, "app", &says("fine"));
    let ready = |process: &Process| {
        get(&mut Client::connect(process.public), "lb.example", "/readyz", &[]).status
    };
    assert_eq!(ready(&process), 200);
    process.program.signal(libc::SIGTERM);
    eventually("it is not ready", || (ready(&process) == 503).then_some(()));
    assert_eq!(process.ask("app"), (200, "fine".to_owned()), "it takes requests all the same");
    eventually("it ends", || process.program.ended());
}

#[cfg(unix)]
#[test]
fn sighup_shows_the_certificate_that_is_there_by_then() {
    let (folder, data) = data();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let renew = || {
        let made = rcgen::generate_simple_self_signed(["edge.test".to_owned()]).expect("made");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
        std::fs::write(&cert, made.cert.pem()).expect("written");
        made.cert.der().to_vec()
    };
    let first = renew();
    let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let (cert_text, key_text) = (text(&cert), text(&key));
    let args = ["--tls-cert", cert_text.as_str(), "--tls-key", &key_text];
    let process = Process::start_with(&data, &args);
    let shown = || super::tls::shown_certificate(process.public, "edge.test");
    assert_eq!(shown(), first);
    let second = renew();
    process.program.signal(libc::SIGHUP);
    eventually("the new one is shown", || (shown() == second).then_some(()));
    // One that cannot be used leaves what is there.
    std::fs::write(&cert, "no certificate").expect("written");
    process.program.signal(libc::SIGHUP);
    eventually("it says so", || {
        process.program.stderr.text().contains("stay as they were").then_some(())
    });
    assert_eq!(shown(), second);
}
