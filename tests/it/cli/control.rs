//! `selvedge do` and `selvedge kv` while a server has the data folder.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{folder, run};
use crate::harness::{Client, Program, eventually};

const CONFIG: &str = r#"
name = "app"
main = "worker.js"
compatibility_date = "2026-11-01"
[[durable_objects.bindings]]
name = "COUNTER"
class_name = "Counter"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Counter"]
[[kv_namespaces]]
binding = "KV"
id = "0123456789abcdef0123456789abcdef"
"#;

const WORKER: &str = r#"
import { DurableObject } from "cloudflare:workers";
export class Counter extends DurableObject {
  memory = 0;
  async fetch(request) {
    const { storage } = this.ctx;
    const { pathname } = new URL(request.url);
    this.memory++;
    if (pathname === "/increment") {
      storage.kv.put("count", (storage.kv.get("count") ?? 0) + 1);
    } else if (pathname === "/hold") {
      await storage.transaction(async (txn) => {
        await txn.put("count", 1000);
        await scheduler.wait(400);
        await txn.put("count", 2000);
      });
    } else if (pathname === "/slow") {
      this.slow = true;
      await scheduler.wait(60_000);
    } else if (pathname === "/ws") {
      const [client, server] = Object.values(new WebSocketPair());
      this.ctx.acceptWebSocket(server);
      return new Response(null, { status: 101, webSocket: client });
    }
    return Response.json({ count: storage.kv.get("count") ?? null, memory: this.memory, fired: storage.kv.get("fired") ?? null, slow: this.slow });
  }
  alarm() { this.ctx.storage.kv.put("fired", true); }
  webSocketMessage(socket, message) { socket.send(`${message} ${++this.memory}`); }
}
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname === "/kv") {
      const key = url.searchParams.get("key");
      if (request.method === "PUT") await env.KV.put(key, await request.text());
      return new Response(await env.KV.get(key) ?? "nothing");
    }
    try {
      return await env.COUNTER.getByName(url.searchParams.get("name") ?? "tokyo").fetch(request);
    } catch (error) {
      return Response.json({ message: error.message, reset: error.durableObjectReset, retryable: error.retryable }, { status: 599 });
    }
  },
};
"#;

/// A server with its folder.
struct Live {
    program: Program,
    folder: TempDir,
}

impl Live {
    fn start(command: &str) -> Self {
        let folder = folder(&[("wrangler.toml", CONFIG), ("worker.js", WORKER)]);
        let mut program = Program::selvedge(folder.path(), &[command, "--port", "0"]);
        program.address();
        Self { program, folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn get(&mut self, path: &str) -> Value {
        let response = self.program.connect().get(path);
        serde_json::from_str(&response.text()).unwrap_or_else(|_| panic!("{}", response.text()))
    }

    #[track_caller]
    fn works(&self, line: &str) -> String {
        works(self.path(), &line.split(' ').collect::<Vec<_>>())
    }

    #[track_caller]
    fn fails(&self, line: &str, says: &str) {
        fails(self.path(), &line.split(' ').collect::<Vec<_>>(), says);
    }

    #[track_caller]
    fn json(&self, line: &str) -> Value {
        let text = self.works(line);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{line}: {error}: {text}"))
    }
}

#[track_caller]
fn works(folder: &Path, args: &[&str]) -> String {
    let ended = run(folder, args);
    assert!(ended.status.success(), "{args:?}: {ended:?}");
    ended.stdout
}

#[track_caller]
fn fails(folder: &Path, args: &[&str], says: &str) {
    let ended = run(folder, args);
    assert_eq!(ended.status.code(), Some(1), "{args:?}: {ended:?}");
    assert!(ended.stderr.contains(says), "{args:?} does not say {says:?}: {}", ended.stderr);
    assert!(ended.stderr.starts_with("error: ") && !ended.stderr.contains("panicked"), "{ended:?}");
}

#[test]
fn a_live_object_is_read_and_written_where_it_lives() {
    let mut live = Live::start("run");
    assert_eq!(live.json("do list COUNTER --json"), json!([]));
    live.fails("do get COUNTER tokyo", "there is no object \"tokyo\" with data");
    assert_eq!(live.get("/increment"), json!({ "count": 1, "memory": 1, "fired": null }));
    let listed = live.json("do list COUNTER --json");
    assert_eq!((&listed[0]["name"], &listed[0]["lives"]), (&json!("tokyo"), &json!(true)));
    assert!(live.works("do list COUNTER").contains("tokyo  lives"));
    assert_eq!(live.works("do get COUNTER tokyo count"), "1\n");
    live.get("/increment");
    assert_eq!(live.json("do get COUNTER tokyo"), json!({ "count": 2 }));
    // A write goes through the object's own storage: it lives on and sees it.
    live.fails("do put COUNTER tokyo count 40", "--write says that you mean it");
    live.works("do put COUNTER tokyo count 40 --write");
    assert_eq!(live.get("/increment"), json!({ "count": 41, "memory": 3, "fired": null }));
    live.works("do delete COUNTER tokyo count --write");
    live.fails("do get COUNTER tokyo count", "there is no key \"count\"");
    assert_eq!(live.get("/"), json!({ "count": null, "memory": 4, "fired": null }));
    // So do alarms, and so does SQL.
    live.works("do alarm COUNTER tokyo --set 2026-01-01T00:00:00Z --write");
    eventually("the alarm goes off", || (live.get("/")["fired"] == true).then_some(()));
    assert_eq!(live.works("do alarm COUNTER tokyo"), "none\n");
    // One that never lived here, too.
    live.works("do put COUNTER oslo count 7 --write");
    assert_eq!(live.get("/increment?name=oslo"), json!({ "count": 8, "memory": 1, "fired": null }));
    assert_eq!(live.json("do info COUNTER oslo")["keys"], 1);
}

#[test]
fn sql_on_a_live_object_writes_only_when_asked() {
    let mut live = Live::start("run");
    live.get("/increment");
    let path = live.folder.path().to_owned();
    let sql = |query: &str, more: &[&str]| {
        let args = ["do", "sql", "COUNTER", "tokyo", query];
        args.iter().chain(more).copied().map(str::to_owned).collect::<Vec<_>>()
    };
    let ok = |query: &str, more: &[&str]| {
        let args = sql(query, more);
        works(&path, &args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let no = |query: &str, says: &str| {
        let args = sql(query, &[]);
        fails(&path, &args.iter().map(String::as_str).collect::<Vec<_>>(), says);
    };
    no("CREATE TABLE t (a)", "this query writes");
    no("SELECT * FROM t", "no such table: t");
    ok("CREATE TABLE t (a, b)", &["--write"]);
    let insert = "INSERT INTO t VALUES (1, 9e999), ('x', x'00ff') RETURNING a";
    no(insert, "this query writes");
    assert_eq!(ok("SELECT count(*) AS n FROM t", &["--json"]), "[\n  {\"n\":0}\n]\n");
    assert!(ok(insert, &["--write"]).contains('x'));
    assert_eq!(ok("SELECT a, b FROM t", &[]), "a  b\n-  -------\n1  inf\nx  x'00ff'\n");
    no("SELECT * FROM _cf_KV", "SQLITE_AUTH");
    no("ATTACH 'x' AS y", "not authorized");
    // A query without end is interrupted, and the object goes on.
    let endless =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n";
    no(endless, "interrupted");
    assert_eq!(live.get("/increment"), json!({ "count": 2, "memory": 2, "fired": null }));
}

#[test]
fn a_transaction_is_waited_for() {
    let mut live = Live::start("run");
    live.get("/increment");
    let address = live.program.address();
    let holder = std::thread::spawn(move || Client::connect(address).get("/hold").status);
    // Neither what it has half done, nor a write in the middle of it.
    let seen: Vec<String> = (0..6)
        .map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(60));
            live.works("do get COUNTER tokyo count")
        })
        .collect();
    assert_eq!(holder.join().expect("it is answered"), 200);
    assert!(seen.iter().all(|count| count == "1\n" || count == "2000\n"), "{seen:?}");
    assert_eq!(live.works("do get COUNTER tokyo count"), "2000\n");
}

#[test]
fn objects_are_evicted_and_deleted() {
    let mut live = Live::start("run");
    live.get("/increment");
    live.get("/increment?name=oslo");
    assert_eq!(live.get("/")["memory"], 2);
    live.works("do evict COUNTER tokyo");
    assert_eq!(live.get("/"), json!({ "count": 1, "memory": 1, "fired": null }));
    assert_eq!(live.get("/?name=oslo")["memory"], 2);
    live.works("do evict COUNTER");
    assert_eq!(live.get("/?name=oslo")["memory"], 1);
    live.works("do delete COUNTER tokyo --write");
    assert_eq!(live.get("/"), json!({ "count": null, "memory": 1, "fired": null }));
    // One in which something goes on stays, unless it is forced.
    let address = live.program.address();
    let slow = std::thread::spawn(move || Client::connect(address).get("/slow"));
    eventually("the slow call is under way", || (live.get("/")["slow"] == true).then_some(()));
    live.fails("do evict COUNTER tokyo", "0 objects left memory; 1 object did not");
    live.works("do evict COUNTER tokyo --force");
    let answer = slow.join().expect("it is answered");
    assert_eq!(answer.status, 599);
    assert_eq!(
        answer.json(),
        json!({ "message": "Durable Object was evicted by its operator.", "reset": true, "retryable": true })
    );
    assert_eq!(live.get("/")["memory"], 1);
}

#[test]
fn kv_goes_through_the_server() {
    let mut live = Live::start("run");
    let put = live.program.connect().request("PUT", "/kv?key=a", &[], b"from the Worker");
    assert_eq!(put.status, 200);
    assert_eq!(live.works("kv key get --binding KV a"), "from the Worker");
    live.works("kv key put --binding KV b from-the-command --metadata {\"x\":1}");
    assert_eq!(live.program.connect().get("/kv?key=b").text(), "from-the-command");
    assert_eq!(
        live.json("kv key list --binding KV"),
        json!([{ "name": "a" }, { "name": "b", "metadata": { "x": 1 } }])
    );
    live.works("kv key delete --binding KV a");
    live.fails("kv key get --binding KV a", "there is no key \"a\"");
    // The largest value, and many keys, of which one comes twice.
    let large = live.path().join("large");
    std::fs::write(&large, vec![b'x'; 25 << 20]).expect("written");
    live.works("kv key put --binding KV large --path large");
    assert_eq!(live.program.connect().get("/kv?key=large").text().len(), 25 << 20);
    live.works("kv key delete --binding KV large");
    let entries: Vec<Value> = (0..500)
        .map(|at| json!({ "key": format!("k{}", at % 400), "value": at.to_string() }))
        .collect();
    std::fs::write(live.path().join("put.json"), json!(entries).to_string()).expect("written");
    live.works("kv bulk put put.json --binding KV");
    for (key, value) in [("k0", "400"), ("k99", "499"), ("k100", "100"), ("k399", "399")] {
        assert_eq!(live.works(&format!("kv key get --binding KV {key}")), value);
    }
    let keys: Vec<String> = (0..400).map(|at| format!("k{at}")).collect();
    std::fs::write(live.path().join("keys.json"), json!(keys).to_string()).expect("written");
    let values = live.json("kv bulk get keys.json --binding KV");
    assert_eq!(
        (&values["k7"]["value"], values.as_object().map(serde_json::Map::len)),
        (&json!("407"), Some(400))
    );
    live.works("kv bulk delete keys.json --binding KV -f");
    assert_eq!(live.json("kv key list --binding KV").as_array().map(Vec::len), Some(1));
    // Namespaces.
    live.works("kv namespace create more");
    live.fails("kv namespace create more", "already exists");
    live.works("kv namespace rename more --new-name others");
    live.works("kv namespace delete others -y");
    live.fails("kv namespace delete others -y", "no namespace with the title");
    assert_eq!(live.json("kv namespace list").as_array().map(Vec::len), Some(1));
}

#[test]
fn dev_listens_too() {
    let mut live = Live::start("dev");
    live.get("/increment");
    assert_eq!(live.works("do get COUNTER tokyo count"), "1\n");
    live.works("do put COUNTER tokyo count 5 --write");
    assert_eq!(live.get("/increment")["count"], 6);
    live.works("do evict COUNTER");
    assert_eq!(live.get("/")["memory"], 1);
}

#[test]
fn the_socket_is_the_owners_alone_and_goes_with_the_server() {
    let mut live = Live::start("run");
    live.get("/increment");
    let socket = live.path().join(".selvedge/control.sock");
    eventually("it listens", || socket.exists().then_some(()));
    let metadata = socket.symlink_metadata().expect("it is there");
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    let Live { program, folder } = live;
    program.signal(libc::SIGTERM);
    assert!(program.wait().status.success());
    assert!(!socket.exists());
    // One that was killed leaves it, which is in nobody's way.
    let mut program = Program::selvedge(folder.path(), &["run", "--port", "0"]);
    program.address();
    eventually("it listens", || socket.exists().then_some(()));
    program.signal(libc::SIGKILL);
    program.wait();
    assert!(socket.exists());
    assert_eq!(works(folder.path(), &["do", "get", "COUNTER", "tokyo", "count"]), "1\n");
    let mut program = Program::selvedge(folder.path(), &["run", "--port", "0"]);
    program.address();
    assert_eq!(works(folder.path(), &["do", "get", "COUNTER", "tokyo", "count"]), "1\n");
    let mut live = Live { program, folder };
    assert_eq!(live.get("/increment")["count"], 2);
    assert_eq!(live.works("do get COUNTER tokyo count"), "2\n");
}

#[test]
fn a_long_path_has_a_socket_too() {
    let outer = TempDir::new().expect("a temporary folder");
    let path = outer.path().join("a-folder-with-a-long-name/".repeat(6));
    std::fs::create_dir_all(&path).expect("made");
    std::fs::write(path.join("wrangler.toml"), CONFIG).expect("written");
    std::fs::write(path.join("worker.js"), WORKER).expect("written");
    let mut program = Program::selvedge(&path, &["run", "--port", "0"]);
    program.connect().get("/increment");
    assert_eq!(works(&path, &["do", "get", "COUNTER", "tokyo", "count"]), "1\n");
}
