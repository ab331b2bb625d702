//! Variables and secrets, from where they stand to what a Worker sees.

use std::process::Command;

use super::{folder, run};
use crate::harness::{Program, selvedge};

const SHOW: &str = "export default { fetch(request, env) { return Response.json(env); } };";

/// What `env` holds, as JSON.
#[track_caller]
fn env_of(
    folder: &std::path::Path,
    args: &[&str],
    environment: &[(&str, &str)],
) -> serde_json::Value {
    let mut command = Command::new(selvedge());
    command.args(["run", "--port", "0"]).args(args);
    command.env_remove("CLOUDFLARE_INCLUDE_PROCESS_ENV");
    command.envs(environment.iter().copied());
    let mut program = Program::start(command, folder);
    program.connect().get("/").json()
}

#[test]
fn a_worker_sees_vars_secrets_and_flags() {
    let folder = folder(&[
        ("wrangler.toml", "main = \"worker.js\"\n[vars]\nA = \"vars\"\nN = 3\nB = \"vars\"\n"),
        ("worker.js", SHOW),
        (".dev.vars", "A='two\nlines'\nSECRET=\"x\\ny\"\n"),
        ("other.env", "ONLY=other\n"),
    ]);
    let env = env_of(folder.path(), &["--var", "B:a:b", "--var", "C:"], &[]);
    let expected =
        serde_json::json!({"A": "two\nlines", "N": 3, "B": "a:b", "SECRET": "x\ny", "C": ""});
    assert_eq!(env, expected);
    let env = env_of(folder.path(), &["--env-file", "other.env"], &[]);
    assert_eq!(env, serde_json::json!({"A": "vars", "N": 3, "B": "vars", "ONLY": "other"}));
}

#[test]
fn the_environment_comes_in_when_it_is_let_in() {
    let folder = folder(&[("worker.js", SHOW), (".env", "GREETING=\"hi $WHO\"\n")]);
    let outside = [("WHO", "Ada")];
    let env = env_of(folder.path(), &["worker.js"], &outside);
    assert_eq!(env, serde_json::json!({"GREETING": "hi "}));
    let outside = [("WHO", "Ada"), ("CLOUDFLARE_INCLUDE_PROCESS_ENV", "true")];
    let env = env_of(folder.path(), &["worker.js"], &outside);
    assert_eq!((&env["GREETING"], &env["WHO"]), (&"hi Ada".into(), &"Ada".into()));
    let outside = [("CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV", "false")];
    assert_eq!(env_of(folder.path(), &["worker.js"], &outside), serde_json::json!({}));
}

#[test]
fn service_worker_syntax_has_blobs_as_globals() {
    let folder = folder(&[
        (
            "wrangler.toml",
            "main = \"worker.js\"\n[text_blobs]\nPAGE = \"page.html\"\n\
             [data_blobs]\nBYTES = \"page.html\"\n[wasm_modules]\nADD = \"add.wasm\"\n\
             [version_metadata]\nbinding = \"VERSION\"\n",
        ),
        (
            "worker.js",
            "addEventListener('fetch', (event) => event.respondWith(Response.json({ PAGE, \
             bytes: Array.from(new Uint8Array(BYTES)), \
             isWasm: ADD instanceof WebAssembly.Module, \
             exports: WebAssembly.Module.exports(ADD).length, \
             id: VERSION.id.length, tag: VERSION.tag, \
             time: Date.now() >= Date.parse(VERSION.timestamp) })));",
        ),
        ("page.html", "<p>\u{e9}"),
        ("add.wasm", "\0asm\u{1}\0\0\0"),
    ]);
    let env = env_of(folder.path(), &[], &[]);
    let expected = serde_json::json!({
        "PAGE": "<p>\u{e9}", "bytes": [60, 112, 62, 195, 169], "isWasm": true, "exports": 0,
        "id": 36, "tag": "", "time": true,
    });
    assert_eq!(env, expected);
}

#[test]
fn flags_that_hold_can_be_asked_for() {
    let folder = folder(&[
        (
            "wrangler.toml",
            "main = \"worker.js\"\ncompatibility_date = \"2021-01-01\"\n\
             compatibility_flags = [\"global_navigator\"]\n",
        ),
        (
            "worker.js",
            "const flags = Cloudflare.compatibilityFlags;\n\
             export default { fetch() { return Response.json({ \
             count: Object.keys(flags).length, isFrozen: Object.isFrozen(flags), \
             named: flags.global_navigator, old: flags.allow_eval_during_startup, \
             always: flags.workflows_step_rollback, never: flags.wasm_esm_integration_builtins, \
             same: flags === Cloudflare.compatibilityFlags }); } };",
        ),
    ]);
    let expected = serde_json::json!({
        "count": 205, "isFrozen": true, "named": true, "old": false, "always": true,
        "never": false, "same": true,
    });
    assert_eq!(env_of(folder.path(), &[], &[]), expected);
}

#[test]
fn webassembly_that_is_none_stops_the_start() {
    let folder = folder(&[
        ("wrangler.toml", "main = \"worker.js\"\nwasm_modules = { ADD = \"add.wasm\" }\n"),
        ("worker.js", "addEventListener('fetch', () => {});"),
        ("add.wasm", "nothing"),
    ]);
    let ended = run(folder.path(), &["run", "--port", "0"]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("SyntaxError: ADD: "), "{}", ended.stderr);
}
