//! A disk that gets full under a server: writes that do not fit fail, and what was
//! acknowledged stays. The disk is a small one in memory, in a mount namespace of
//! the server's own; where that is not allowed, the test is skipped.

use std::process::Command;

use tempfile::TempDir;

use super::CONFIG;
use crate::harness::{Client, Program, eventually, selvedge};

const WORKER: &str = r#"
import { DurableObject } from "cloudflare:workers";
export class Room extends DurableObject {
  async fetch(request) {
    const { storage } = this.ctx;
    const { pathname, searchParams } = new URL(request.url);
    const key = searchParams.get("key");
    if (pathname === "/put") {
      const value = new Uint8Array(65536).fill(Number(key));
      if (searchParams.get("how") === "sql") {
        storage.sql.exec("CREATE TABLE IF NOT EXISTS t (key PRIMARY KEY, value)");
        storage.sql.exec("INSERT INTO t VALUES (?, ?)", key, value);
      } else {
        await storage.put(key, value);
      }
      return new Response("put");
    }
    const value = await storage.get(key);
    return new Response(value === undefined ? "nothing" : `${value.length} ${value.every((it) => it === value[0])} ${value[0]}`);
  }
}
export default {
  async fetch(request, env) {
    try {
      return await env.ROOMS.getByName(new URL(request.url).searchParams.get("name")).fetch(request);
    } catch (error) {
      return new Response(`${error.name}: ${error.message}`, { status: 599 });
    }
  },
};
"#;

#[test]
fn a_full_disk_fails_writes_and_loses_nothing() {
    let script = "mount -t tmpfs -o size=6m none data && head -c 1000000 /dev/zero > data/ballast && exec \"$0\" run --port 0 --data-dir data";
    let mut probe = Command::new("unshare");
    let probe = probe.args(["-rm", "sh", "-c", "mount -t tmpfs none /mnt"]).output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        println!("skipped: a disk of one's own cannot be mounted here");
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("worker.js"), WORKER).expect("it can be written");
    std::fs::write(folder.path().join("wrangler.toml"), CONFIG).expect("it can be written");
    std::fs::create_dir(folder.path().join("data")).expect("made");
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", script]).arg(selvedge());
    let mut program = Program::start(command, folder.path());
    let address = program.address();
    let get = |path: &str| Client::connect(address).get(path);
    let mut acknowledged = Vec::new();
    let mut refused = 0;
    for key in 1..200 {
        let name = ["a", "b"][key % 2];
        let how = if key % 5 == 0 { "sql" } else { "kv" };
        let response = get(&format!("/put?name={name}&key={key}&how={how}"));
        match response.status {
            200 => acknowledged.extend((how == "kv").then_some((name, key))),
            599 => {
                let text = response.text();
                let known = [
                    "Error: Internal error in Durable Object storage caused object to be reset.",
                    "Error: database or disk is full: SQLITE_FULL",
                    "Error: Internal error in Durable Object storage write caused object to be reset.",
                ];
                assert!(known.contains(&text.as_str()), "{text}");
                refused += 1;
            }
            status => panic!("{status}: {}", response.text()),
        }
        if refused > 10 {
            break;
        }
    }
    assert!(refused > 10, "the disk never got full");
    assert!(acknowledged.len() > 5, "only {acknowledged:?}");
    // With room again, all that was acknowledged is there: SQLite needs some to open an
    // object. The last reset may still be under way.
    let ballast = format!("/proc/{}/cwd/data/ballast", program.id());
    std::fs::remove_file(ballast).expect("it is there");
    for (name, key) in acknowledged {
        let found = eventually(&format!("{name} can be read again"), || {
            let found = get(&format!("/get?name={name}&key={key}"));
            (found.status == 200).then_some(found)
        });
        assert_eq!(found.text(), format!("65536 true {}", key % 256), "{name} {key}");
    }
}
