//! Hyperdrive: `pg` and `postgres` of npm in a Worker, a real PostgreSQL behind.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Served;
use crate::harness::{Client, PASSWORD, Postgres, Program, checkout, copy_tree, npm_install};

/// The project with its packages, which are kept for the next time.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn project() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("projects").join("hyperdrive");
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    copy_tree(&checkout("tests/projects/hyperdrive"), &folder);
    let is_whole = folder.join("node_modules/.package-lock.json").exists();
    if is_whole || npm_install(&folder) {
        return Some(folder);
    }
    println!("skipped: it needs npm and its registry");
    None
}

struct Running {
    program: Program,
    _state: tempfile::TempDir,
}

impl Running {
    fn start(folder: &Path, url: &str) -> Self {
        let state = tempfile::TempDir::new().expect("a temporary folder");
        let mut command = std::process::Command::new(crate::harness::selvedge());
        let data = state.path().to_str().expect("a path of text");
        command.args(["run", "--port", "0", "--data-dir", data]);
        command.env("CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_DB", url);
        Self { program: Program::start(command, folder), _state: state }
    }

    fn client(&mut self) -> Client {
        self.program.connect()
    }
}

#[track_caller]
fn answers(client: &mut Client, path: &str) -> Value {
    let response = client.get(path);
    assert_eq!(response.status, 200, "{path}: {}", response.text());
    response.json()
}

#[test]
fn clients_of_npm_work() {
    let Some(postgres) = Postgres::start("scram-sha-256") else { return };
    let Some(folder) = project() else { return };
    let mut running = Running::start(&folder, &postgres.url());
    let mut client = running.client();
    let shape = answers(&mut client, "/shape");
    assert_eq!(shape, json!([true, true, 5432, "postgres", "Hyperdrive"]));
    assert_eq!(answers(&mut client, "/raw"), json!("N"), "there is no TLS inside of the process");
    let expected = json!([
        [{ "n": 42, "t": "\u{fc}" }], [{ "n": 8 }], [{ "n": 10 }],
        "42P01: relation \"nowhere\" does not exist", [[{ "n": 1 }], [{ "n": 2 }]],
    ]);
    assert_eq!(answers(&mut client, "/pg"), expected);
    let many: Vec<u32> = (0..20).collect();
    let rows: Vec<Value> = (0..3).map(|n| json!({ "n": n, "t": "x" })).collect();
    assert_eq!(answers(&mut client, "/postgres"), json!([rows, many]));
    let kept = json!(["22012: division by zero", [1, 2]]);
    assert_eq!(answers(&mut client, "/transaction"), kept);
    assert_eq!(answers(&mut client, "/large"), json!([3_000_001, 3_000_001, 3_000_001]));
    let cancelled = "57014: canceling statement due to user request";
    assert_eq!(answers(&mut client, "/cancel"), cancelled);
}

#[test]
fn connections_are_kept_and_forget_who_had_them() {
    let Some(postgres) = Postgres::start("scram-sha-256") else { return };
    let Some(folder) = project() else { return };
    let mut running = Running::start(&folder, &postgres.url());
    let mut client = running.client();
    let left = answers(&mut client, "/reset");
    assert_eq!(left[1], "\"$user\", public", "{left}");
    assert_eq!(left[2], "42P01: relation \"mine\" does not exist");
    assert_eq!(left[3], "26000: prepared statement \"p\" does not exist");
    assert_eq!(left[4], 0, "{left}");
    let connections = answers(&mut client, "/connections").as_u64().expect("a number");
    assert!(connections <= 10, "{connections} for twenty clients, one after the other");
    let refused = answers(&mut client, "/refused");
    let listen = "0A000: LISTEN is not supported over Hyperdrive: connections are shared";
    assert_eq!((&refused[0], &refused[1]), (&json!(listen), &json!(listen)));
    let said = refused[2].as_str().expect("a text");
    assert!(said.starts_with("28P01: password authentication failed"), "{said}");
}

#[test]
fn other_ways_to_ask_for_a_password_and_origins_that_refuse() {
    let Some(folder) = project() else { return };
    for auth in ["password", "trust"] {
        let Some(postgres) = Postgres::start(auth) else { return };
        let mut running = Running::start(&folder, &postgres.url());
        let count = answers(&mut running.client(), "/connections");
        assert!(count.as_u64().is_some_and(|count| count <= 10), "{auth}: {count}");
    }
    let Some(postgres) = Postgres::start("scram-sha-256") else { return };
    let wrong = postgres.url().replace("%2F1", "%2F2");
    let mut running = Running::start(&folder, &wrong);
    let said = running.client().get("/connections").text();
    assert!(said.contains("28P01: password authentication failed for user"), "{said}");
    let mut running = Running::start(&folder, &format!("{}?sslmode=require", postgres.url()));
    let said = running.client().get("/connections").text();
    assert!(said.contains("08001: the origin of Hyperdrive has no TLS"), "{said}");
    drop(postgres);
    let said = running.client().get("/connections").text();
    assert!(said.contains("the origin of Hyperdrive is not reached"), "{said}");
}

#[test]
fn what_cannot_be_is_refused_before_it_runs() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
    write("worker.js", "export default { fetch: () => new Response() }").expect("written");
    let says = |config: &str, text: &str| {
        let config = format!("main = \"worker.js\"\n[[hyperdrive]]\nbinding = \"DB\"\n{config}");
        write("wrangler.toml", &config).expect("written");
        let ended = Program::selvedge(folder.path(), &["run", "--port", "0"]).wait();
        assert!(!ended.status.success() && ended.stderr.contains(text), "{ended:?}");
        assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
    };
    says("id = \"0\"", "CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_DB");
    says("localConnectionString = \"mysql://u:hunter2@h/d\"", "MySQL is not spoken here");
    says("localConnectionString = \"postgres://:hunter2@h/d\"", "it has no user");
}

#[test]
fn a_server_has_configurations_and_keeps_their_passwords() {
    let Some(postgres) = Postgres::start("scram-sha-256") else { return };
    let Some(folder) = project() else { return };
    let served = Served::start_with("[network]\nallowed = [\"127.0.0.0/8\"]\n");
    let run = |args: &[&str]| {
        let args: Vec<&str> = ["hyperdrive"].iter().chain(args).copied().collect();
        let said = served.selvedge(&folder, &args);
        assert!(said.ok, "{args:?}: {}{}", said.stdout, said.stderr);
        assert!(!format!("{}{}", said.stdout, said.stderr).contains(PASSWORD), "{}", said.stdout);
        said.stdout.trim().to_owned()
    };
    let url = postgres.url();
    let id = run(&["create", "db", "--connection-string", &url.replace("%2F1", "%2F2")]);
    let config = std::fs::read_to_string(folder.join("wrangler.toml")).expect("read");
    let config = config.replace("id = \"0\"", &format!("id = \"{id}\""));
    let deployed = folder.join("deployed.toml");
    std::fs::write(&deployed, config).expect("written");
    let said = served.selvedge(&folder, &["deploy", "--config", "deployed.toml"]);
    assert!(said.ok, "{}{}", said.stdout, said.stderr);
    let host = served.host("hyperdrive");
    let said = served.get(&host, "/connections").text();
    assert!(said.contains("28P01: password authentication failed"), "{said}");
    // Clients that come from now on go where it leads now.
    run(&["update", &id, "--connection-string", &url]);
    let count = served.get(&host, "/connections").json();
    assert!(count.as_u64().is_some_and(|count| count <= 10), "{count} for twenty clients");
    assert!(run(&["list"]).contains("127.0.0.1"));
    assert!(run(&["get", &id]).contains("\"postgres\""));
    run(&["delete", &id, "--yes"]);
    assert_eq!(run(&["list", "--json"]), "[]");
}

#[test]
fn private_databases_are_not_reached_from_a_server() {
    let Some(postgres) = Postgres::start("trust") else { return };
    let Some(folder) = project() else { return };
    let served = Served::start();
    let made = ["hyperdrive", "create", "db", "--connection-string", &postgres.url()];
    let made = served.selvedge(&folder, &made);
    assert!(made.ok, "{}", made.stderr);
    let config = std::fs::read_to_string(folder.join("wrangler.toml")).expect("read");
    let config = config.replace("id = \"0\"", &format!("id = \"{}\"", made.stdout.trim()));
    std::fs::write(folder.join("private.toml"), config).expect("written");
    let said = served.selvedge(&folder, &["deploy", "--config", "private.toml"]);
    assert!(said.ok, "{}{}", said.stdout, said.stderr);
    let said = served.get(&served.host("hyperdrive"), "/connections").text();
    assert!(said.contains("08001: the origin of Hyperdrive is not reached"), "{said}");
}
