//! Modules of Node.js show nothing of the host, and do nothing to it.

use crate::harness::Setup;

/// Looks at all that each module exports, and calls it in many ways; gives all text
/// that it comes by.
const WALK: &str = r#"
import { builtinModules } from "node:module";

const LEAVES = new Set(["abort", "exit", "reallyExit", "_kill"]);
const ARGUMENTS = [
  [], ["/etc/passwd"], ["/etc/passwd", "utf8"], ["/proc/self/environ", "utf8"], ["../../../../etc/passwd", "utf8"], ["/"],
  ["."], [0], [1], [process.pid], ["id"], ["PATH"], [{}], ["/bin/sh", ["-c", "id"]], ["/etc/hosts", { encoding: "utf8" }],
  [{ path: "/var/run/docker.sock" }], ["file:///etc/passwd", "utf8"], [new URL("file:///etc/passwd"), "utf8"],
];

export default {
  async fetch(request, env, ctx) {
    const found = [];
    const seen = new Set();
    const calls = [];
    const note = (path, value) => {
      if (typeof value === "string") found.push(`${path}: ${value}`);
      else if (value instanceof Uint8Array) found.push(`${path}: ${new TextDecoder().decode(value)}`);
      else if (typeof value === "object" && value !== null) {
        try { found.push(`${path}: ${JSON.stringify(value)}`); } catch {}
      }
    };
    const walk = (path, value, depth) => {
      if ((typeof value !== "object" && typeof value !== "function") || value === null) return note(path, value);
      if (seen.has(value) || depth > 3) return;
      seen.add(value);
      if (typeof value === "function") calls.push([path, value]);
      for (const key of Reflect.ownKeys(value)) {
        let inner;
        try { inner = value[key]; } catch (error) { found.push(`${path}: ${error}`); continue; }
        walk(`${path}.${String(key)}`, inner, depth + 1);
      }
    };
    for (const name of builtinModules) walk(name, await import(`node:${name}`), 0);
    for (const [path, call] of calls) {
      const name = path.split(".").at(-1);
      if (LEAVES.has(name) || /prototype|subtle|Interval|webcrypto|^timers|setImmediate|generateKeyPair|generatePrime|DiffieHellman|Console|^readline|^console|_rawDebug/.test(path)) continue;
      for (const args of ARGUMENTS) {
        for (const way of [() => call(...args), () => new call(...args), () => call(...args, (_, value) => note(path, value))]) {
          try {
            const value = way();
            note(path, value);
            Promise.resolve(value).then((value) => note(path, value), () => {});
            if (typeof value?.on === "function") {
              value.on("error", () => {});
              value.destroy?.();
            }
          } catch {}
        }
      }
    }
    await scheduler.wait(50);
    return new Response(found.join("\n"));
  },
};
"#;

#[test]
fn nothing_of_the_host_comes_out_of_any_export() {
    // (What it calls may take much: scrypt alone has 64 MiB.)
    let setup = Setup::new(WALK).limits(|limits| limits.memory_bytes = 1 << 30);
    let server = setup.start();
    let text = server.text("/");
    assert!(text.lines().count() > 1000, "the walk found too little: {text}");
    let host = |name: &str| std::fs::read_to_string(name).unwrap_or_default().trim().to_owned();
    let environment = std::env::vars().map(|(_, value)| value).filter(|value| value.len() > 12);
    let mut secrets: Vec<String> = environment.collect();
    secrets.extend([
        host("/etc/passwd"),
        "root:x:0".into(),
        "/bin/bash".into(),
        "uid=".into(),
        host("/etc/machine-id"),
        host("/proc/sys/kernel/random/boot_id"),
        host("/proc/sys/kernel/osrelease"),
        std::env::current_dir().expect("a folder").to_string_lossy().into_owned(),
        env!("CARGO_MANIFEST_DIR").into(),
    ]);
    // (A short or common name would be found in words.)
    secrets.push(format!("\"{}\"", host("/etc/hostname")));
    for secret in secrets.iter().filter(|secret| secret.len() > 4) {
        let line = text.lines().find(|line| line.contains(secret.as_str()));
        assert!(line.is_none(), "{secret:?} is in {line:?}");
    }
    let pid = format!("process.pid: {}", std::process::id());
    assert!(!text.contains(&pid));
}

#[test]
fn what_would_act_on_the_host_throws() {
    let server = Setup::new(
        r#"
        import child_process from "node:child_process";
        import cluster from "node:cluster";
        import dgram from "node:dgram";
        import fs from "node:fs";
        import inspector from "node:inspector";
        import net from "node:net";
        import vm from "node:vm";
        import { DatabaseSync } from "node:sqlite";
        import { Worker } from "node:worker_threads";
        const tries = {
          exec: () => child_process.execSync("id"),
          spawn: () => child_process.spawn("id"),
          fork: () => cluster.fork(),
          udp: () => dgram.createSocket("udp4"),
          debug: () => inspector.open(),
          listen: () => net.createServer().listen(0),
          code: () => vm.runInThisContext("1"),
          worker: () => new Worker("data:text/javascript,1", { eval: true }),
          database: () => new DatabaseSync("/etc/passwd"),
          kill: () => process.kill(1, 0),
          load: () => process.dlopen({}, "/lib/x.so"),
          binding: () => process.binding("fs"),
          watch: () => fs.watch("/etc"),
        };
        export default { fetch() {
          const got = {};
          for (const name of Object.keys(tries)) {
            try { tries[name](); got[name] = "ran"; } catch (error) { got[name] = error.code; }
          }
          return Response.json(got);
        } };
        "#,
    )
    .start();
    let got = server.get("/").json();
    for (name, code) in got.as_object().expect("an object") {
        assert_eq!(code, "ERR_METHOD_NOT_IMPLEMENTED", "{name}");
    }
}

#[test]
fn files_of_one_request_are_not_there_for_the_next() {
    let server = Setup::new(
        r#"
        import fs from "node:fs";
        export default { fetch(request) {
          const path = "/tmp/kept.txt";
          const before = fs.existsSync(path);
          fs.writeFileSync(path, "mine");
          return Response.json([before, fs.readFileSync(path, "utf8"), fs.readdirSync("/").join(), fs.existsSync("/bundle/worker.js")]);
        } };
        "#,
    )
    .start();
    for _ in 0..3 {
        let answer = server.get("/").json();
        assert_eq!(answer, serde_json::json!([false, "mine", "bundle,dev,tmp", true]));
    }
}
