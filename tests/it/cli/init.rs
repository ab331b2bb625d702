//! `selvedge init`: projects that run and have a test.

use std::path::Path;
use std::process::Command;

use super::{folder, run};
use crate::harness::Program;

const TEMPLATES: &[&str] = &["hello", "api", "chat", "static", "ts"];

/// Makes a project in a folder of its own.
#[track_caller]
fn project(template: &str) -> tempfile::TempDir {
    let parent = folder(&[]);
    let ended = run(parent.path(), &["init", "My App", "--template", template]);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("my-app is ready in My App. Next:\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("  cd 'My App'\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("  selvedge dev\n"), "{}", ended.stdout);
    parent
}

#[test]
fn every_template_is_named_and_has_what_a_project_needs() {
    for template in TEMPLATES {
        let parent = project(template);
        let root = parent.path().join("My App");
        let read = |name: &str| {
            std::fs::read_to_string(root.join(name))
                .unwrap_or_else(|error| panic!("{template}: {name}: {error}"))
        };
        let package: serde_json::Value =
            serde_json::from_str(&read("package.json")).expect("package.json is JSON");
        assert_eq!(package["name"], "my-app");
        assert_eq!(package["scripts"]["dev"], "selvedge dev");
        assert!(package["scripts"]["test"].is_string());
        assert!(read("wrangler.jsonc").contains("\"name\": \"my-app\""));
        assert!(read(".gitignore").contains(".dev.vars*"));
        assert!(read("README.md").starts_with("# my-app\n"));
        let tests = std::fs::read_dir(root.join("test")).expect("a folder of tests").count();
        assert!(tests > 0, "{template}");
    }
}

#[test]
fn templates_of_javascript_pass_check() {
    for template in TEMPLATES.iter().filter(|template| **template != "ts") {
        let parent = project(template);
        let ended = run(&parent.path().join("My App"), &["check"]);
        assert_eq!(ended.status.code(), Some(0), "{template}: {ended:?}");
        assert_eq!(ended.stderr, "", "{template}: no warnings");
    }
}

#[test]
fn templates_of_javascript_run() {
    let cases = [
        ("hello", "/?name=Ada", "Hello, Ada!\n"),
        ("api", "/hello/Ada", "{\"message\":\"Hello, Ada!\"}"),
        ("chat", "/", "<title>my-app</title>"),
        ("chat", "/ws", "expected a WebSocket\n"),
        ("static", "/", "This page is a module of the Worker."),
        ("static", "/style.css", "font: 18px/1.6"),
        ("static", "/robots.txt", "User-agent: *"),
        ("static", "/nothing", "<title>Not found</title>"),
    ];
    for (template, path, expected) in cases {
        let parent = project(template);
        let mut program = Program::selvedge(&parent.path().join("My App"), &["run", "--port", "0"]);
        let answer = program.connect().get(path);
        assert!(answer.text().contains(expected), "{template}{path}: {}", answer.text());
    }
}

#[test]
fn tests_of_templates_of_javascript_pass_with_nothing_installed() {
    let version = Command::new("node").arg("--version").output();
    let major = version.ok().and_then(|output| {
        let text = String::from_utf8(output.stdout).ok()?;
        text.trim().strip_prefix('v')?.split('.').next()?.parse::<u32>().ok()
    });
    if major.is_none_or(|major| major < 20) {
        println!("skipped: these tests need Node.js 20 or newer");
        return;
    }
    for template in TEMPLATES.iter().filter(|template| **template != "ts") {
        let parent = project(template);
        let output = Command::new("node")
            .arg("--test")
            .current_dir(parent.path().join("My App"))
            .env_remove("NODE_OPTIONS")
            .output()
            .expect("node runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{template}: {said}");
        assert!(said.contains("fail 0") && !said.contains("tests 0"), "{template}: {said}");
    }
}

#[test]
fn the_types_of_the_typescript_template_are_up_to_date() {
    let parent = project("ts");
    let root = parent.path().join("My App");
    let types = std::fs::read_to_string(root.join("worker-configuration.d.ts")).expect("types");
    assert!(types.contains("\t\tGREETING: \"Hello\";\n"), "{types}");
    let ended = run(&root, &["types", "--check"]);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
}

#[test]
fn a_folder_that_is_not_empty_is_left_alone() {
    let folder = folder(&[("notes.txt", "mine"), ("src/index.js", "mine"), (".git/HEAD", "x")]);
    let ended = run(folder.path(), &["init"]);
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(
        ended.stderr,
        "error: this folder is not empty: it has notes.txt and 1 other file\nhint: give another \
         name, or --force to write over files of the same names\n"
    );
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).ok();
    assert_eq!(read("src/index.js").as_deref(), Some("mine"));
    assert_eq!(read("package.json"), None, "nothing was written");

    let ended = run(folder.path(), &["init", "--force"]);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(read("src/index.js").is_some_and(|text| text.contains("GREETING")));
    assert_eq!(read("notes.txt").as_deref(), Some("mine"));
}

#[test]
fn a_folder_with_nothing_but_git_counts_as_empty() {
    let parent = folder(&[("app/.git/HEAD", "x")]);
    assert_eq!(run(parent.path(), &["init", "app"]).status.code(), Some(0));
}

#[test]
fn bad_names_and_templates_are_refused() {
    let parent = folder(&[("file", "x")]);
    let fails = |args: &[&str], says: &str| {
        let ended = run(parent.path(), args);
        assert_eq!(ended.status.code(), Some(1), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(says), "{args:?}: {}", ended.stderr);
    };
    fails(&["init", "\u{e9}\u{e9}"], "gives no name for a Worker");
    fails(&["init", "x", "--template", "helo"], "'hello'");
    fails(&["init", "file"], "cannot read file");
    assert!(!Path::new(&parent.path().join("x")).exists());
}
