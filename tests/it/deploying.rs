//! `selvedge serve`, deployed to and looked after by our own commands.

mod analytics;
mod backup;
mod bindings;
mod cli;
mod dashboard;
mod email;
mod front;
#[cfg(unix)]
mod hyperdrive;
mod mistakes;
mod observability;
mod proxies;
mod stores;
mod workflows;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Client, Program, Response, checkout, copy_tree, eventually, selvedge};

/// The server's domain in these tests.
const DOMAIN: &str = "edge.localhost";

/// What a command said and how it ended.
#[derive(Debug)]
struct Said {
    ok: bool,
    stdout: String,
    stderr: String,
}

impl Said {
    /// What it printed; it must have worked.
    #[track_caller]
    fn text(self) -> String {
        assert!(self.ok, "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// The JSON that it printed; it must have worked.
    #[track_caller]
    fn json(self) -> Value {
        let text = self.text();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Why it failed; it must have.
    #[track_caller]
    fn error(self) -> String {
        assert!(!self.ok, "it worked: {}{}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self.stderr
    }
}

/// Runs a command to its end, with this environment and input.
fn run(folder: &Path, args: &[&str], environment: &[(&str, &str)], input: &str) -> Said {
    let mut command = Command::new(selvedge());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("SELVEDGE_")
            || text.starts_with("CLOUDFLARE_")
            || text.starts_with("CF_")
        {
            command.env_remove(name);
        }
    }
    // Nothing of the user who runs the tests.
    command.env("XDG_CONFIG_HOME", folder.join(".config")).env("NO_COLOR", "1");
    command.envs(environment.iter().copied()).args(args).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("it is piped");
    // A command that reads nothing may have closed it.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    Said {
        ok: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A running server with one account and a token for it.
struct Served {
    program: Program,
    folder: TempDir,
    /// Where Workers answer.
    address: SocketAddr,
    /// The API's origin.
    admin: String,
    account: String,
    token: String,
}

impl Served {
    fn start() -> Self {
        Self::start_with("")
    }

    /// With these settings.
    fn start_with(settings: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let data = folder.path().join("data");
        let (program, address, admin) = serve(folder.path(), &data, settings);
        let local = |args: &[&str]| {
            let data = data.to_str().expect("UTF-8");
            let args: Vec<_> = args.iter().chain(&["--data-dir", data]).copied().collect();
            run(folder.path(), &args, &[], "").text().trim().to_owned()
        };
        let account = local(&["accounts", "create", "Ada Ltd"]);
        let token = local(&[
            "tokens",
            "create",
            "ada",
            "--scope",
            "deploy,storage",
            "--account-id",
            &account,
        ]);
        Self { program, folder, address, admin, account, token }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A command about this server, as this account.
    fn selvedge(&self, folder: &Path, args: &[&str]) -> Said {
        self.selvedge_with(folder, args, "")
    }

    /// The same with something on its standard input.
    fn selvedge_with(&self, folder: &Path, args: &[&str], input: &str) -> Said {
        let environment = [
            ("SELVEDGE_API_URL", self.admin.as_str()),
            ("SELVEDGE_API_TOKEN", self.token.as_str()),
            ("SELVEDGE_ACCOUNT_ID", self.account.as_str()),
        ];
        run(folder, args, &environment, input)
    }

    /// A project of these files, deployed.
    #[track_caller]
    fn deploy(&self, files: &[(&str, &str)]) -> (TempDir, Value) {
        let folder = project(files);
        let said = self.selvedge(folder.path(), &["deploy", "--json"]).json();
        (folder, said)
    }

    /// Asks a Worker.
    fn ask(
        &self,
        method: &str,
        host: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let mut all = vec![("host", host)];
        all.extend(headers);
        Client::connect(self.address).request(method, path, &all, body.as_bytes())
    }

    fn get(&self, host: &str, path: &str) -> Response {
        self.ask("GET", host, path, &[], "")
    }

    /// Asks the API as this account.
    fn api(&self, path: &str) -> Response {
        let host = self.admin.trim_start_matches("http://");
        let authorization = format!("Bearer {}", self.token);
        let headers = [("host", host), ("authorization", authorization.as_str())];
        let address: SocketAddr = host.parse().expect("an address");
        Client::connect(address).request("GET", path, &headers, b"")
    }

    /// A Worker's host.
    fn host(&self, name: &str) -> String {
        format!("{name}.{DOMAIN}")
    }
}

/// Starts a server on free ports.
fn serve(folder: &Path, data: &Path, settings: &str) -> (Program, SocketAddr, String) {
    let file = folder.join("server.toml");
    std::fs::write(&file, settings).expect("it can be written");
    let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let args = [
        "serve".to_owned(),
        format!("--data-dir={}", text(data)),
        format!("--config={}", text(&file)),
        "--listen=127.0.0.1:0".to_owned(),
        "--admin-listen=127.0.0.1:0".to_owned(),
        format!("--domain={DOMAIN}"),
    ];
    let mut program = Program::selvedge(folder, &args);
    let address = program.address();
    let admin = eventually("the server says where its API is", || {
        let control = std::fs::read(data.join("control.json")).ok()?;
        let control: Value = serde_json::from_slice(&control).ok()?;
        let url = control["url"].as_str()?;
        Some(url.trim_end_matches("/client/v4").to_owned())
    });
    (program, address, admin)
}

/// A folder with these files.
fn project(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file has a folder"))
            .expect("it can be made");
        std::fs::write(path, text).expect("it can be written");
    }
    folder
}

/// A copy of examples/full.
fn full() -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    let example = checkout("examples/full");
    copy_tree(&example, folder.path());
    folder
}

/// A Worker that says something, and its configuration.
fn hello(name: &str, text: &str) -> Vec<(&'static str, String)> {
    let code = format!("export default {{ fetch() {{ return new Response({text:?}); }} }};\n");
    let config = format!(
        "name = \"{name}\"\nmain = \"worker.js\"\ncompatibility_date = \"2026-11-01\"\n\
         [observability]\nenabled = true\n"
    );
    vec![("worker.js", code), ("wrangler.toml", config)]
}

fn borrowed<'a>(files: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    files.iter().map(|(name, text)| (*name, text.as_str())).collect()
}
