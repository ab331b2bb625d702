//! A data folder with many deployed Workers, and processes that serve it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::peer::Peer;
use crate::pin::{Core, Pins};
use crate::server::{Server, ask, free_port};
use crate::workload::HELLO;

const DOMAIN: &str = "edge.test";

/// Where Workers are deployed. Their names are `w0`, `w1`, ..
pub(crate) struct Data<'a> {
    peer: &'a Peer,
    folder: PathBuf,
}

/// A process that serves the folder.
pub(crate) struct Running {
    pub(crate) server: Server,
    admin: std::net::SocketAddr,
    token: String,
    account: String,
}

impl<'a> Data<'a> {
    /// Deploys so many Workers over the API.
    pub(crate) fn deploy(peer: &'a Peer, folder: &Path, workers: usize) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let data = Self { peer, folder: folder.to_owned() };
        let running = data.start(None)?;
        let begin = Instant::now();
        for index in 0..workers {
            running.deploy(&format!("w{index}"), HELLO.source)?;
        }
        eprintln!("{workers} Workers deployed in {:.1} s", begin.elapsed().as_secs_f64());
        drop(running);
        Ok(data)
    }

    pub(crate) fn peer(&self) -> &'a Peer {
        self.peer
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts a process; it is ready when this returns.
    pub(crate) fn start(&self, pins: Option<Pins>) -> Result<Running> {
        let (port, admin_port) = (free_port()?, free_port()?);
        let mut command = match pins {
            Some(pins) => pins.command(Core::Server, &self.peer.program),
            None => Command::new(&self.peer.program),
        };
        command
            .args(["serve", "--log-level", "warn", "--domain", DOMAIN])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--admin-listen", &format!("127.0.0.1:{admin_port}")])
            .arg("--data-dir")
            .arg(&self.folder);
        let control = self.folder.join("control.json");
        // What a killed process left behind names another port.
        let _ = fs::remove_file(&control);
        let mut server = Server::spawn(command, port, &self.folder)?;
        let ready = b"GET /readyz HTTP/1.1\r\nHost: lb\r\n\r\n";
        ensure!(server.wait_for(ready)? == 200, "not ready: {}", server.log_tail());
        let deadline = Instant::now() + Duration::from_secs(10);
        while !control.exists() {
            ensure!(Instant::now() < deadline, "no control.json: {}", server.log_tail());
            std::thread::sleep(Duration::from_millis(1));
        }
        let control: Value = serde_json::from_slice(&fs::read(&control)?)?;
        let token = control["token"].as_str().context("no token")?.to_owned();
        let admin = ([127, 0, 0, 1], admin_port).into();
        let mut running = Running { server, admin, token, account: String::new() };
        running.account = running.first_account()?;
        Ok(running)
    }
}

impl Running {
    /// The host of a Worker.
    pub(crate) fn host(&self, index: usize) -> String {
        self.host_of(&format!("w{index}"))
    }

    pub(crate) fn host_of(&self, name: &str) -> String {
        format!("{name}.{DOMAIN}")
    }

    /// One request to a Worker on a connection of its own, and how long it took.
    pub(crate) fn ask(&self, index: usize) -> Result<Duration> {
        let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", self.host(index));
        let begin = Instant::now();
        let answer = ask(self.server.addr, request.as_bytes())?.context("no answer")?;
        let time = begin.elapsed();
        ensure!(answer.status() == 200, "status {}", answer.status());
        Ok(time)
    }

    fn first_account(&self) -> Result<String> {
        let list = self.call("GET", "/accounts", "", "")?;
        if let Some(id) = list["result"][0]["id"].as_str() {
            return Ok(id.to_owned());
        }
        let made = self.call("POST", "/accounts", "application/json", "{\"name\":\"bench\"}")?;
        Ok(made["result"]["id"].as_str().context("no account")?.to_owned())
    }

    /// Deploys one module and gives it its name below the domain.
    pub(crate) fn deploy(&self, name: &str, source: &str) -> Result<()> {
        let metadata = r#"{"main_module":"index.js","compatibility_date":"2026-01-01"}"#;
        let body = format!(
            "--cut\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\
             Content-Type: application/json\r\n\r\n{metadata}\r\n\
             --cut\r\nContent-Disposition: form-data; name=\"index.js\"; filename=\"index.js\"\r\n\
             Content-Type: application/javascript+module\r\n\r\n{source}\r\n--cut--\r\n"
        );
        let path = format!("/accounts/{}/workers/scripts/{name}", self.account);
        self.call("PUT", &path, "multipart/form-data; boundary=cut", &body)?;
        let body = r#"{"enabled":true,"previews_enabled":false}"#;
        self.call("POST", &format!("{path}/subdomain"), "application/json", body)?;
        Ok(())
    }

    fn call(&self, method: &str, path: &str, kind: &str, body: &str) -> Result<Value> {
        let request = format!(
            "{method} /client/v4{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            self.admin,
            self.token,
            body.len()
        );
        let answer = ask(self.admin, request.as_bytes())?.context("no answer of the API")?;
        let text = String::from_utf8_lossy(answer.body());
        let value: Value =
            serde_json::from_str(&text).with_context(|| text.clone().into_owned())?;
        ensure!(value["success"] == true, "{method} {path}: {text}");
        Ok(value)
    }
}
