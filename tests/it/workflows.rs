//! Workflows: what outlives a process that is killed, a deploy, and leaving memory.
//! The API itself is in the cases of `tests/workers/workflows`.

mod commands;
mod kills;
mod lives;
mod rollbacks;
mod stores;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::{PATIENCE, Program};

/// How often a server is killed; `SELVEDGE_TEST_KILLS` says another number.
const KILLS: u64 = 6;

fn kills() -> u64 {
    let kills = std::env::var("SELVEDGE_TEST_KILLS");
    kills.map_or(KILLS, |kills| kills.parse().expect("a number"))
}

/// A Workflow, and an object that notes what its steps do.
const LOGGED: &str = "\
main = \"worker.js\"
compatibility_date = \"2026-06-01\"
[[workflows]]
binding = \"WORK\"
name = \"work\"
class_name = \"Work\"
[[durable_objects.bindings]]
name = \"LOG\"
class_name = \"Log\"
[[migrations]]
tag = \"v1\"
new_sqlite_classes = [\"Log\"]
";

/// The same as [`eventually`], for what comes with the minute.
pub(crate) fn minutes(what: &str, mut done: impl FnMut() -> Option<()>) {
    let end = Instant::now() + 3 * PATIENCE;
    while done().is_none() {
        assert!(Instant::now() < end, "it never happened: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn folder(config: &str, worker: &str) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("worker.js"), worker).expect("it can be written");
    std::fs::write(folder.path().join("wrangler.toml"), config).expect("it can be written");
    folder
}

fn run(folder: &TempDir) -> Program {
    Program::selvedge(folder.path(), &["run", "--port", "0"])
}

/// The body of a 200 of a server that may be killed meanwhile.
fn ask(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
    });
    // One that was cut off is none.
    (head.starts_with("HTTP/1.1 200") && length == Some(body.len())).then(|| body.to_owned())
}
