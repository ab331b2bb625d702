//! `selvedge check`: what it finds, and how it ends.

use std::path::Path;

use serde_json::Value;

use super::{folder, run};

const FINE: &str = "export default { fetch() { return new Response('x'); } };";

/// The report as JSON, and the exit code.
#[track_caller]
fn json(folder: &Path, args: &[&str]) -> (Value, Option<i32>) {
    let mut all = vec!["check", "--format", "json"];
    all.extend(args);
    let ended = run(folder, &all);
    let report = serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", ended.stdout, ended.stderr));
    (report, ended.status.code())
}

#[test]
fn classes_of_durable_objects_must_be_exported_and_follow_from_their_migrations() {
    let config = |migration: &str| {
        format!(
            "name = \"w\"\nmain = \"worker.js\"\n[[durable_objects.bindings]]\nname = \"ROOM\"\n\
             class_name = \"Room\"\n[[migrations]]\ntag = \"v1\"\n{migration}\n"
        )
    };
    let fine = config("new_sqlite_classes = [\"Room\"]");
    let worker = format!("export class Room {{}}\n{FINE}");
    let there = folder(&[("wrangler.toml", &fine), ("worker.js", &worker)]);
    let (report, code) = json(there.path(), &[]);
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(report["warnings"], serde_json::json!([]));
    assert_eq!(report["worker"]["env"][0]["value"], "Room");

    for worker in [FINE.to_owned(), format!("export const Room = {{}};\n{FINE}")] {
        let folder = folder(&[("wrangler.toml", &fine), ("worker.js", &worker)]);
        let (report, code) = json(folder.path(), &[]);
        assert_eq!(code, Some(1), "{report}");
        let message = report["error"]["message"].as_str().expect("a message");
        assert_eq!(
            message,
            "Cannot create binding for class Room that is not exported by the script"
        );
    }

    let wrong = config("renamed_classes = [{ from = \"Hall\", to = \"Room\" }]");
    let folder = folder(&[("wrangler.toml", &wrong), ("worker.js", &worker)]);
    let (report, code) = json(folder.path(), &[]);
    assert_eq!(code, Some(1), "{report}");
    assert_eq!(
        (report["error"]["line"].as_u64(), report["error"]["column"].as_u64()),
        (Some(8), Some(20))
    );
    let message = report["error"]["message"].as_str().expect("a message");
    assert_eq!(message, "Cannot apply renamed_classes migration to non-existent class Hall");
}

#[test]
fn a_worker_that_starts_is_fine() {
    let folder = folder(&[
        (
            "wrangler.toml",
            "name = \"shop\"\nmain = \"worker.js\"\ncompatibility_date = \"2026-08-01\"\n\
             routes = [\"example.com/*\"]\ntriggers = { crons = [\"0 * * * *\"] }\n\
             [vars]\nGREETING = \"hi\"\n[[services]]\nbinding = \"AUTH\"\nservice = \"auth\"\n",
        ),
        ("worker.js", "console.log('at start');\nexport default { fetch() {} };\n"),
        (".dev.vars", "TOKEN=geheim\n"),
    ]);
    let ended = run(folder.path(), &["check"]);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    for text in [
        "shop: worker.js, 1 module, ",
        "env.GREETING  Environment Variable  \"hi\"      vars",
        "env.TOKEN     Secret                (hidden)  .dev.vars",
        "env.AUTH      Worker                auth      services",
        "route example.com/*",
        "cron 0 * * * *",
        "at start",
        "ok, the global scope took ",
    ] {
        assert!(ended.stdout.contains(text), "{text:?} is not in\n{}", ended.stdout);
    }
    assert!(!format!("{ended:?}").contains("geheim"), "{ended:?}");

    let (report, code) = json(folder.path(), &[]);
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(report["ok"], true);
    assert_eq!(report["worker"]["name"], "shop");
    assert_eq!(report["worker"]["modules"][0]["kind"], "ESModule");
    assert_eq!(report["worker"]["env"][1]["value"], "(hidden)");
    assert!(report["startup"]["cpu_ms"].as_f64().is_some_and(|cpu| cpu >= 0.0), "{report}");
    assert_eq!(report["error"], Value::Null);
}

#[test]
fn mistakes_in_the_configuration_have_a_place() {
    let folder = folder(&[
        ("wrangler.toml", "main = \"worker.js\"\n[dev]\nport = \"x\"\n"),
        ("worker.js", FINE),
    ]);
    let ended = run(folder.path(), &["check"]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        ended.stderr.starts_with(
            "error: \"dev.port\" must be a number, not a string\n  --> wrangler.toml:3:8\n"
        ),
        "{}",
        ended.stderr
    );
    let (report, code) = json(folder.path(), &[]);
    assert_eq!((code, &report["ok"]), (Some(1), &Value::Bool(false)));
    let error = &report["error"];
    assert_eq!(error["kind"], "configuration");
    assert_eq!((&error["line"], &error["column"]), (&3.into(), &8.into()));
    assert!(error["file"].as_str().is_some_and(|file| file.ends_with("wrangler.toml")), "{error}");
    assert!(error["frame"].as_str().is_some_and(|frame| frame.contains("> 3 |")), "{error}");
}

#[test]
fn warnings_do_not_fail() {
    let folder = folder(&[
        (
            "wrangler.toml",
            "main = \"worker.js\"\nmian = 1\ncompatibility_flags = [\"allow_insecure_inefficient_logged_eval\"]\n\
             [[vectorize]]\nbinding = \"V\"\nindex_name = \"v\"\n",
        ),
        ("worker.js", FINE),
    ]);
    let (report, code) = json(folder.path(), &[]);
    assert_eq!(code, Some(0), "{report}");
    let warnings: Vec<_> = report["warnings"].as_array().expect("a list").iter().collect();
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    let ended = run(folder.path(), &["check", "--no-start"]);
    assert_eq!(ended.stderr.lines().filter(|line| line.starts_with("warn: ")).count(), 3);
    assert!(ended.stdout.ends_with("\nok\n"), "{}", ended.stdout);
}

#[test]
fn modules_that_are_missing_are_found_without_a_start() {
    let folder = folder(&[("worker.js", "import './gone.js';\nexport default { fetch() {} };")]);
    let (report, code) = json(folder.path(), &["worker.js", "--no-start"]);
    assert_eq!(code, Some(1));
    assert_eq!(report["error"]["line"], 1);
    assert!(report["error"]["message"].as_str().is_some_and(|text| text.contains("gone.js")));
}

#[test]
fn a_global_scope_that_throws_or_never_ends_fails() {
    let folder = folder(&[
        ("throws.js", "const x = 1;\nthrow new TypeError('at start');\n"),
        ("spins.js", "for (;;) {}\n"),
        ("nothing.js", "export const x = 1;\n"),
    ]);
    let (report, code) = json(folder.path(), &["throws.js"]);
    assert_eq!((code, &report["error"]["kind"]), (Some(1), &"exception".into()));
    assert_eq!(
        (&report["error"]["line"], &report["error"]["file"]),
        (&2.into(), &"throws.js".into())
    );
    assert!(report["startup"].is_null());

    let (report, code) = json(folder.path(), &["spins.js"]);
    assert_eq!((code, &report["error"]["kind"]), (Some(1), &"exceededCpu".into()), "{report}");
    assert_eq!(report["error"]["message"], "Script startup exceeded CPU time limit.");

    let ended = run(folder.path(), &["check", "nothing.js"]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("error: the Worker did not start: "), "{}", ended.stderr);
    // Without a start nobody knows.
    assert_eq!(run(folder.path(), &["check", "nothing.js", "--no-start"]).status.code(), Some(0));
}

#[test]
fn environments_are_checked_by_name() {
    let folder = folder(&[
        ("wrangler.toml", "main = \"worker.js\"\n[env.live]\nmain = \"live.js\"\n"),
        ("worker.js", FINE),
    ]);
    assert_eq!(json(folder.path(), &[]).1, Some(0));
    let (report, code) = json(folder.path(), &["--env", "live"]);
    assert_eq!(code, Some(1));
    assert!(report["error"]["message"].as_str().is_some_and(|text| text.contains("live.js")));
}

#[test]
fn the_build_command_runs_before_the_worker_is_read() {
    let config = "main = \"out/worker.js\"\n[build]\n\
                  command = \"echo building && mkdir -p out && cp source.js out/worker.js\"\n";
    let folder = folder(&[("wrangler.toml", config), ("source.js", FINE)]);
    let (report, code) = json(folder.path(), &[]);
    assert_eq!((code, &report["ok"]), (Some(0), &Value::Bool(true)), "{report}");
    assert!(folder.path().join("out/worker.js").is_file());
    let ended = run(folder.path(), &["check"]);
    assert!(ended.stdout.contains("building\n"), "{ended:?}");

    let fails = config.replace("echo building", "exit 3");
    std::fs::write(folder.path().join("wrangler.toml"), fails).expect("written");
    let (report, code) = json(folder.path(), &["--no-start"]);
    assert_eq!(code, Some(1));
    let message = report["error"]["message"].as_str().expect("a message");
    assert!(message.starts_with("the build command failed with exit code 3: "), "{message}");
}
