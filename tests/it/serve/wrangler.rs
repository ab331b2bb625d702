//! The real wrangler, unchanged, against the real server: what people do with
//! it, and what the server has then. Skipped with a notice without it:
//! `SELVEDGE_WRANGLER` names the program.

mod commands;
mod deploys;
mod dispatch;
mod email;
mod mistakes;
mod project;
mod s3;
mod secrets;
mod workflows;

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Client, Ended, Program, Response, eventually};
use project::Project;

/// The server's own domain.
const DOMAIN: &str = "edge.test";

/// The client, if it is there.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn program() -> Option<PathBuf> {
    let Some(path) = std::env::var_os("SELVEDGE_WRANGLER") else {
        println!("skipped: SELVEDGE_WRANGLER does not name a wrangler");
        return None;
    };
    Some(path.into())
}

/// A server, an account in it, and a client with a token for that.
struct Wrangler {
    program: PathBuf,
    home: TempDir,
    /// Where the API is: `127.0.0.1:8081`.
    admin: String,
    /// Where the Workers are.
    public: String,
    account: String,
    token: String,
    token_id: String,
    control: String,
    data: TempDir,
    server: Option<Program>,
}

impl Wrangler {
    /// `None` without wrangler.
    fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// The same with this `server.toml`.
    fn start_with(settings: &str) -> Option<Self> {
        program().map(|program| Self::with(program, settings))
    }

    /// With another client.
    fn with(program: PathBuf, settings: &str) -> Self {
        let data = TempDir::new().expect("a temporary folder");
        std::fs::write(data.path().join("server.toml"), settings).expect("written");
        let mut wrangler = Self {
            program,
            home: TempDir::new().expect("a temporary folder"),
            admin: String::new(),
            public: String::new(),
            account: String::new(),
            token: String::new(),
            token_id: String::new(),
            control: String::new(),
            data,
            server: None,
        };
        wrangler.start_server();
        let account = wrangler.api("POST", "/accounts", json!({ "name": "Tests" }));
        wrangler.account = account["id"].as_str().expect("an id").to_owned();
        let path = format!("/accounts/{}/tokens", wrangler.account);
        let body = json!({ "name": "tests", "scopes": ["deploy", "storage"] });
        let token = wrangler.api("POST", &path, body);
        wrangler.token = token["value"].as_str().expect("a secret").to_owned();
        wrangler.token_id = token["id"].as_str().expect("an id").to_owned();
        wrangler
    }

    fn start_server(&mut self) {
        let data = self.data.path().join("data");
        let control = data.join("control.json");
        // A server that was killed leaves it behind.
        let _ = std::fs::remove_file(&control);
        let data = data.to_string_lossy().into_owned();
        let mut server = Program::selvedge(
            self.data.path(),
            &[
                "serve",
                "--config",
                "server.toml",
                "--data-dir",
                &data,
                "--listen",
                "127.0.0.1:0",
                "--admin-listen",
                "127.0.0.1:0",
                "--domain",
                DOMAIN,
                "--log-format",
                "json",
            ],
        );
        let text = eventually("the server tells where its API is", || {
            let text = std::fs::read_to_string(&control).ok()?;
            serde_json::from_str::<Value>(&text).ok()
        });
        let url = text["url"].as_str().expect("a URL");
        let url = url.strip_prefix("http://").expect("http");
        self.admin = url.split('/').next().expect("an address").to_owned();
        self.control = text["token"].as_str().expect("a token").to_owned();
        self.public = server.address().to_string();
        self.server = Some(server);
    }

    /// As if the machine had lost its power, and was started again.
    fn kill_and_start(&mut self) {
        // Dropping it kills it.
        drop(self.server.take());
        self.start_server();
    }

    /// Runs the client in a project.
    fn run(&self, project: &Project, args: &[&str]) -> Ended {
        self.start_command(project, args).wait()
    }

    /// The same, and it must work.
    fn ok(&self, project: &Project, args: &[&str]) -> String {
        let ended = self.run(project, args);
        assert!(
            ended.status.success(),
            "wrangler {args:?}: {}\n{}\n{}\n{}",
            ended.status,
            ended.stdout,
            ended.stderr,
            self.server.as_ref().map(|server| server.stderr.text()).unwrap_or_default()
        );
        format!("{}{}", ended.stdout, ended.stderr)
    }

    /// The same, and it must not.
    fn fails(&self, project: &Project, args: &[&str]) -> String {
        let ended = self.run(project, args);
        assert!(!ended.status.success(), "wrangler {args:?}: {}", ended.stdout);
        format!("{}{}", ended.stdout, ended.stderr)
    }

    fn start_command(&self, project: &Project, args: &[&str]) -> Program {
        Program::start(self.command(args), project.path())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).env_clear();
        for name in ["SYSTEMROOT", "TMPDIR"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        // A Node beside it is the one that it is to run on.
        let beside = self.program.parent().map(PathBuf::from);
        let others = std::env::var_os("PATH").unwrap_or_default();
        let folders = beside.into_iter().chain(std::env::split_paths(&others));
        command
            .env("PATH", std::env::join_paths(folders).expect("folders"))
            .env("HOME", self.home.path())
            .env("XDG_CONFIG_HOME", self.home.path().join("config"))
            .env("CI", "1")
            .env("NO_COLOR", "1")
            .env("WRANGLER_SEND_METRICS", "false")
            .env("WRANGLER_LOG_PATH", self.home.path().join("logs"))
            .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
            .env("CLOUDFLARE_API_BASE_URL", format!("http://{}/client/v4", self.admin))
            .env("CLOUDFLARE_API_TOKEN", &self.token)
            .env("CLOUDFLARE_ACCOUNT_ID", &self.account);
        command
    }

    /// Runs a command that asks for a secret, which comes in on a pipe.
    fn try_secret(&self, project: &Project, args: &[&str], text: &str) -> Ended {
        let command = self.command(args);
        Program::start_with(command, project.path(), text.as_bytes()).wait()
    }

    fn put_secret(&self, project: &Project, args: &[&str], text: &str) {
        let ended = self.try_secret(project, args, text);
        assert!(ended.status.success(), "{args:?}: {}{}", ended.stdout, ended.stderr);
    }

    /// A call of the operator.
    fn api(&self, method: &str, path: &str, body: Value) -> Value {
        let json = self.try_api(method, path, body);
        assert_eq!(json["success"], true, "{method} {path}: {json}");
        json["result"].clone()
    }

    /// The same; gives the whole envelope.
    fn try_api(&self, method: &str, path: &str, body: Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!(
            "{method} /client/v4{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.admin,
            self.control,
            body.len()
        );
        let mut client = Client::connect(self.admin.parse().expect("an address"));
        client.send(head.as_bytes());
        let response = client.response();
        serde_json::from_slice(&response.body).expect("JSON")
    }

    /// What the account has.
    fn get(&self, path: &str) -> Value {
        self.api("GET", &format!("/accounts/{}{path}", self.account), Value::Null)
    }

    /// A request of a visitor.
    fn visit(&self, host: &str, path: &str) -> Response {
        let mut client = Client::connect(self.public.parse().expect("an address"));
        client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
        client.response()
    }

    /// What the body of the answer says.
    fn text(&self, host: &str, path: &str) -> String {
        let response = self.visit(host, path);
        String::from_utf8_lossy(&response.body).into_owned()
    }

    /// The id of the newest version.
    fn newest(&self, name: &str) -> String {
        let versions = self.get(&format!("/workers/scripts/{name}/versions"));
        versions["items"][0]["id"].as_str().expect("an id").to_owned()
    }
}
