//! D1 over HTTP: what outlives a process that is killed. The API itself is in the
//! cases of `tests/workers/d1`.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{Client, Program, eventually};

const WORKER: &str = r#"
export default {
  async fetch(request, { DB }) {
    const { pathname, searchParams } = new URL(request.url);
    const id = searchParams.get("id");
    if (pathname === "/make") {
      await DB.exec("CREATE TABLE IF NOT EXISTS a (id TEXT PRIMARY KEY)\nCREATE TABLE IF NOT EXISTS b (id TEXT PRIMARY KEY)");
    } else if (pathname === "/add") {
      const insert = (table) => DB.prepare(`INSERT INTO ${table} VALUES (?)`).bind(id);
      await DB.batch([insert("a"), insert("b")]);
    } else {
      const ids = async (table) => (await DB.prepare(`SELECT id FROM ${table}`).raw()).flat();
      return Response.json({ a: await ids("a"), b: await ids("b") });
    }
    return new Response("ok");
  },
};
"#;

fn folder() -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("it can be written");
    };
    write("worker.js", WORKER);
    write("wrangler.toml", "main = \"worker.js\"\n[[d1_databases]]\nbinding = \"DB\"\n");
    folder
}

fn run(folder: &TempDir) -> Program {
    Program::selvedge(folder.path(), &["run", "--port", "0"])
}

fn ids(list: &serde_json::Value) -> BTreeSet<String> {
    let list = list.as_array().expect("a list").iter();
    list.map(|id| id.as_str().expect("a string").to_owned()).collect()
}

/// Adds rows until the server is gone. Those that were acknowledged are noted.
fn add(address: SocketAddr, last: &AtomicUsize, acknowledged: &Mutex<BTreeSet<String>>) {
    loop {
        let id = last.fetch_add(1, Ordering::Relaxed).to_string();
        let Ok(answer) = ask(address, &format!("/add?id={id}")) else { return };
        if !answer.starts_with("HTTP/1.1 200") {
            return;
        }
        acknowledged.lock().expect("nobody panics here").insert(id);
    }
}

/// What a server answers that may be killed meanwhile.
fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").as_bytes(),
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[test]
fn nothing_that_was_acknowledged_is_lost_when_the_server_is_killed() {
    let folder = folder();
    let last = AtomicUsize::new(0);
    let acknowledged = Mutex::new(BTreeSet::new());
    for round in 0..20_u64 {
        let mut program = run(&folder);
        let address = program.address();
        assert_eq!(Client::connect(address).get("/make").text(), "ok");
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| add(address, &last, &acknowledged));
            }
            let before = acknowledged.lock().expect("nobody panics here").len();
            eventually("some rows are written", || {
                let now = acknowledged.lock().expect("nobody panics here").len();
                (now > before + 5).then_some(())
            });
            // Another moment of a commit each time.
            std::thread::sleep(Duration::from_micros(round * 337));
            program.signal(libc::SIGKILL);
        });
        assert!(!program.wait().status.success());
    }
    let found = run(&folder).connect().get("/").json();
    let (a, b) = (ids(&found["a"]), ids(&found["b"]));
    assert_eq!(a, b, "no batch is there by half");
    let acknowledged = acknowledged.into_inner().expect("nobody panics here");
    let lost: Vec<_> = acknowledged.difference(&a).collect();
    assert!(lost.is_empty(), "{} of {} are lost: {lost:?}", lost.len(), acknowledged.len());
    assert!(acknowledged.len() > 100);
}

#[test]
fn a_database_of_something_else_is_named_kept_and_refused() {
    let folder = folder();
    assert_eq!(run(&folder).connect().get("/make").text(), "ok");
    let made = std::fs::read_dir(folder.path().join(".selvedge/d1")).expect("a folder");
    let file = made
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.extension().is_some_and(|it| it == "sqlite"))
        .expect("a database");
    let foreign = "not a database, and far from one";
    std::fs::write(&file, foreign).expect("it can be written");
    let ended = run(&folder).wait();
    assert!(!ended.status.success());
    assert!(ended.stderr.contains("is not a D1 database"), "{}", ended.stderr);
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), foreign);
}
