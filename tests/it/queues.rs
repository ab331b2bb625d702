//! Queues: what outlives a process that is killed. The API itself is in the cases of
//! `tests/workers/queues`.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{Client, Program, eventually};

/// Sends, and notes what it was given in a namespace of KV.
const WORKER: &str = r#"
export default {
  async fetch(request, { Q, KV }) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/send") {
      await Q.sendBatch([{ body: `${searchParams.get("id")}a` }, { body: `${searchParams.get("id")}b` }]);
      return new Response("ok");
    }
    if (pathname === "/waits") return Response.json(await Q.metrics());
    const found = [];
    let cursor;
    do {
      const page = await KV.list({ cursor });
      found.push(...page.keys.map(({ name }) => name));
      cursor = page.cursor;
    } while (cursor !== undefined);
    return Response.json(found);
  },
  async queue(batch, { KV }) {
    await Promise.all(batch.messages.map(({ body }) => KV.put(body, "")));
  },
};
"#;

const CONFIG: &str = "\
main = \"worker.js\"
compatibility_date = \"2026-01-01\"
[limits]
subrequests = 10000
[[kv_namespaces]]
binding = \"KV\"
[[queues.producers]]
binding = \"Q\"
queue = \"jobs\"
[[queues.consumers]]
queue = \"jobs\"
max_batch_size = 20
max_batch_timeout = 0
max_retries = 100
";

fn folder(config: &str, worker: &str) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("worker.js"), worker).expect("it can be written");
    std::fs::write(folder.path().join("wrangler.toml"), config).expect("it can be written");
    folder
}

fn run(folder: &TempDir) -> Program {
    Program::selvedge(folder.path(), &["run", "--port", "0"])
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

/// Sends until the server is gone; notes what was acknowledged.
fn send(address: SocketAddr, last: &AtomicUsize, acknowledged: &Mutex<BTreeSet<String>>) {
    loop {
        let id = last.fetch_add(1, Ordering::Relaxed);
        let Ok(answer) = ask(address, &format!("/send?id={id}")) else { return };
        if !answer.starts_with("HTTP/1.1 200") {
            return;
        }
        let mut acknowledged = acknowledged.lock().expect("nobody panics here");
        acknowledged.extend([format!("{id}a"), format!("{id}b")]);
    }
}

#[test]
fn no_message_is_lost_or_stuck_when_the_server_is_killed() {
    let folder = folder(CONFIG, WORKER);
    let last = AtomicUsize::new(0);
    let acknowledged = Mutex::new(BTreeSet::new());
    let sent = || acknowledged.lock().expect("nobody panics here").len();
    for round in 0..10_u64 {
        let mut program = run(&folder);
        let address = program.address();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| send(address, &last, &acknowledged));
            }
            let before = sent();
            eventually("some messages are sent", || (sent() > before + 10).then_some(()));
            // Another moment of a delivery each time.
            std::thread::sleep(Duration::from_micros(round * 733));
            program.signal(libc::SIGKILL);
        });
        assert!(!program.wait().status.success());
    }
    let mut program = run(&folder);
    let address = program.address();
    let waits = || Client::connect(address).get("/waits").json()["backlogCount"].as_u64();
    eventually("all are delivered", || (waits() == Some(0)).then_some(()));
    let found = Client::connect(address).get("/").json();
    let found: BTreeSet<String> = found
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| it.as_str().expect("text").into())
        .collect();
    let acknowledged = acknowledged.into_inner().expect("nobody panics here");
    let lost: Vec<_> = acknowledged.difference(&found).collect();
    assert!(lost.is_empty(), "{} of {} are lost: {lost:?}", lost.len(), acknowledged.len());
    assert!(acknowledged.len() > 100);
}

/// One that takes one message at a time.
const IN_ORDER: &str = r#"
const seen = [];
export default {
  async fetch(request, { Q }) {
    const { pathname } = new URL(request.url);
    if (pathname === "/send") await Q.sendBatch(Array.from({ length: 30 }, (_, n) => ({ body: n })));
    return Response.json(seen);
  },
  async queue(batch) {
    for (const { body } of batch.messages) seen.push(body);
    await scheduler.wait(1);
  },
};
"#;

#[test]
fn one_batch_at_a_time_keeps_the_order() {
    let config = CONFIG.replace("max_batch_size = 20", "max_batch_size = 4\nmax_concurrency = 1");
    let folder = folder(&config, IN_ORDER);
    let mut program = run(&folder);
    let address = program.address();
    Client::connect(address).get("/send");
    let seen = eventually("all are delivered", || {
        let seen = Client::connect(address).get("/").json();
        (seen.as_array().map(Vec::len) == Some(30)).then_some(seen)
    });
    assert_eq!(seen, serde_json::json!((0..30).collect::<Vec<_>>()));
}

#[test]
fn what_is_not_valid_is_named_at_its_place() {
    let fails = |from: &str, to: &str| {
        let ended = run(&folder(&CONFIG.replace(from, to), WORKER)).wait();
        assert!(!ended.status.success());
        ended.stderr
    };
    let said = fails("max_batch_size = 20", "max_batch_size = 101");
    assert!(said.contains("wrangler.toml:12"), "{said}");
    assert!(said.contains("\"max_batch_size\" must be between 1 and 100"), "{said}");
    let said = fails("max_retries = 100\n", "[[queues.consumers]]\nqueue = \"jobs\"\n");
    assert!(said.contains("the queue \"jobs\" has two consumers"), "{said}");
}

#[test]
fn a_consumer_may_be_another_worker_of_dev() {
    let folder = TempDir::new().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
        std::fs::write(path, text).expect("it can be written");
    };
    write(
        "a/wrangler.toml",
        "name = \"a\"\nmain = \"a.js\"\ncompatibility_date = \"2026-01-01\"\n\
        [[queues.producers]]\nbinding = \"Q\"\nqueue = \"jobs\"\n\
        [[services]]\nbinding = \"B\"\nservice = \"b\"\n",
    );
    write(
        "a/a.js",
        "export default { async fetch(request, { Q, B }) {
        if (request.url.endsWith('/send')) await Q.send('hello');
        return B.fetch(request); } };",
    );
    write(
        "b/wrangler.toml",
        "name = \"b\"\nmain = \"b.js\"\n\
        [[queues.consumers]]\nqueue = \"jobs\"\nmax_batch_timeout = 0\n",
    );
    write(
        "b/b.js",
        "const seen = []; export default {
        fetch: () => Response.json(seen),
        queue: (batch) => { for (const { body } of batch.messages) seen.push(body); } };",
    );
    let args = ["dev", "--port", "0", "-c", "a/wrangler.toml", "-c", "b/wrangler.toml"];
    let mut program = Program::selvedge(folder.path(), &args);
    let address = program.address();
    Client::connect(address).get("/send");
    eventually("the other Worker has it", || {
        let seen = Client::connect(address).get("/").json();
        (seen == serde_json::json!(["hello"])).then_some(())
    });
}
