//! A disk that gets full: the put fails, and what was there stays. The disk is a
//! small one in memory, in a mount namespace of the server's own; where that is
//! not allowed, the test is skipped.

use std::process::Command;

use crate::harness::{Client, Program, selvedge};

const WORKER: &str = r#"
export default {
  async fetch(request, { BUCKET }) {
    const { pathname, searchParams } = new URL(request.url);
    const key = searchParams.get("key");
    try {
      if (pathname === "/put") {
        await BUCKET.put(key, new Uint8Array(700_000).fill(Number(key)));
        return new Response("put");
      }
      if (pathname === "/delete") {
        await BUCKET.delete(key);
        return new Response("deleted");
      }
      const got = await BUCKET.get(key);
      if (got === null) return new Response("nothing");
      const bytes = await got.bytes();
      return new Response(`${bytes.length} ${bytes.every((it) => it === bytes[0])} ${bytes[0]}`);
    } catch (error) {
      return new Response(`${error.name}: ${error.message}`, { status: 599 });
    }
  },
};
"#;

#[test]
fn a_full_disk_fails_the_put_and_loses_nothing() {
    let script = "mount -t tmpfs -o size=8m none data && exec \"$0\" run --port 0 --data-dir data";
    let mut probe = Command::new("unshare");
    let probe = probe.args(["-rm", "sh", "-c", "mount -t tmpfs none /mnt"]).output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        println!("skipped: a disk of one's own cannot be mounted here");
        return;
    }
    let folder = super::folder(WORKER);
    std::fs::create_dir(folder.path().join("data")).expect("made");
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", script]).arg(selvedge());
    let mut program = Program::start(command, folder.path());
    let address = program.address();
    let get = |path: &str| Client::connect(address).get(path);
    let mut there = Vec::new();
    for key in 1..30 {
        let response = get(&format!("/put?key={key}"));
        match response.status {
            200 => there.push(key),
            599 => {
                let text = response.text();
                let full = "Error: put: There is no space left on the server's disk. (10001)";
                assert_eq!(text, full, "{key}");
            }
            status => panic!("{status}: {}", response.text()),
        }
    }
    assert!((3..12).contains(&there.len()), "{there:?}");
    for key in &there {
        let text = get(&format!("/get?key={key}")).text();
        assert_eq!(text, format!("700000 true {key}"));
    }
    // An overwrite that fails leaves what was there.
    let again = get(&format!("/put?key={}", there[0]));
    assert_eq!(again.status, 599, "{}", again.text());
    assert_eq!(get(&format!("/get?key={}", there[0])).text(), format!("700000 true {}", there[0]));
}
