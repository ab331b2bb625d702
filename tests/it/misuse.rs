//! What the platform says when it is used wrongly, and how its classes look,
//! compared with workerd: `tests/surface/misuse.js` asks, `misuse.txt` beside it
//! says where the two differ, and why.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::cases::find_workerd;
use crate::harness::{Setup, checkout};

const WALK: &str = include_str!("../surface/misuse.js");

/// As the case that workerd runs: it prints what it is told.
const PRINTER: &str = "import { misuse } from \"misuse.js\";\n\
    export default {\n\
      async test() { for (const line of await misuse()) console.log(`misuse: ${line}`); },\n\
    };\n";

/// What `misuse.txt` says.
pub(crate) struct Differences {
    pub(crate) compared: usize,
    pub(crate) different: usize,
    /// The same of calls alone: what is thrown, rejected or given.
    pub(crate) calls: usize,
    pub(crate) different_calls: usize,
    /// Patterns of paths, and why they differ.
    pub(crate) rules: Vec<(String, String)>,
}

pub(crate) fn differences() -> Differences {
    let text = std::fs::read_to_string(checkout("tests/surface/misuse.txt")).expect("it is there");
    let mut read =
        Differences { compared: 0, different: 0, calls: 0, different_calls: 0, rules: Vec::new() };
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some((what, count)) = line.split_once(": ").filter(|_| !line.contains(" -- ")) {
            let count = count.parse().expect("a number");
            match what {
                "compared" => read.compared = count,
                "different" => read.different = count,
                "calls" => read.calls = count,
                "different calls" => read.different_calls = count,
                _ => panic!("{line}"),
            }
        } else {
            let (pattern, reason) = line.split_once(" -- ").expect("a pattern and a reason");
            assert!(!reason.trim().is_empty(), "no reason: {line}");
            read.rules.push((pattern.to_owned(), reason.to_owned()));
        }
    }
    read
}

/// Whether a path is about a call and not about what a class looks like.
fn is_call(path: &str) -> bool {
    let looks = ["name", "length", "flags", "kind", "parent", "constructor"];
    !path.split_once(" of ").is_some_and(|(what, _)| looks.contains(&what))
}

/// Whether a path is one of a pattern.
fn matches(pattern: &str, path: &str) -> bool {
    let Some((head, mut rest)) = pattern.split_once('*') else { return pattern == path };
    let Some(mut path) = path.strip_prefix(head) else { return false };
    while let Some((part, others)) = rest.split_once('*') {
        let Some(at) = path.find(part) else { return false };
        path = &path[at + part.len()..];
        rest = others;
    }
    path.ends_with(rest)
}

/// Paths and what came of them.
fn answers<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<String, String> {
    let pair = |line: &str| {
        let (path, answer) = line.split_once(" -> ")?;
        Some((path.to_owned(), answer.to_owned()))
    };
    lines.filter_map(pair).collect()
}

fn ours() -> BTreeMap<String, String> {
    let main = "import { misuse } from \"./misuse.js\";\n\
        export default { async fetch() { return Response.json(await misuse()); } };\n";
    let server = Setup::empty().file("main.js", main).file("misuse.js", WALK).start();
    let lines = server.get("/").json();
    let lines = lines.as_array().expect("a list");
    answers(lines.iter().filter_map(|line| line.as_str()))
}

fn theirs(workerd: &Path) -> BTreeMap<String, String> {
    let config = "using Workerd = import \"/workerd/workerd.capnp\";\n\
        const config :Workerd.Config = (services = [(name = \"walk\", worker = .walk)]);\n\
        const walk :Workerd.Worker = (\n\
          modules = [\n\
            (name = \"main.js\", esModule = embed \"main.js\"),\n\
            (name = \"misuse.js\", esModule = embed \"misuse.js\"),\n\
          ],\n\
          compatibilityDate = \"2026-11-01\",\n\
        );\n";
    let scratch = TempDir::new().expect("a temporary folder");
    for (name, text) in [("main.js", PRINTER), ("misuse.js", WALK), ("config.capnp", config)] {
        std::fs::write(scratch.path().join(name), text).expect("it can be written");
    }
    let path = scratch.path().join("config.capnp");
    let output = Command::new(workerd).arg("test").arg(&path).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    answers(text.lines().filter_map(|line| line.strip_prefix("misuse: ")))
}

#[test]
fn what_workerd_says_of_wrong_use_is_said_here_or_differs_for_a_reason() {
    let Some(workerd) = find_workerd() else {
        println!("skipped: there is no workerd at SELVEDGE_WORKERD or on the PATH");
        return;
    };
    let (ours, theirs) = (ours(), theirs(&workerd));
    let both: Vec<_> = theirs.keys().filter(|path| ours.contains_key(*path)).collect();
    let different: Vec<_> =
        both.iter().map(|path| path.as_str()).filter(|path| ours[*path] != theirs[*path]).collect();
    let known = differences();

    let rules = || known.rules.iter().map(|(pattern, _)| pattern.as_str());
    let untold: Vec<_> = different
        .iter()
        .filter(|path| !rules().any(|pattern| matches(pattern, path)))
        .map(|path| format!("{path}: workerd {}, here {}", theirs[*path], ours[*path]))
        .collect();
    assert!(untold.is_empty(), "{} differ: {untold:#?}", untold.len());
    let idle: Vec<_> =
        rules().filter(|pattern| !different.iter().any(|path| matches(pattern, path))).collect();
    assert!(idle.is_empty(), "misuse.txt names what is no difference: {idle:#?}");
    let calls = both.iter().filter(|path| is_call(path)).count();
    let different_calls = different.iter().filter(|path| is_call(path)).count();
    assert_eq!(
        (both.len(), different.len(), calls, different_calls),
        (known.compared, known.different, known.calls, known.different_calls),
        "misuse.txt counts otherwise"
    );
}

#[test]
fn patterns_stand_for_paths() {
    assert!(matches("new File(*)", "new File(5)"));
    assert!(matches("*#entries(*)", "Headers#entries()"));
    assert!(matches("a*b*c", "a1b2c"));
    assert!(!matches("a*b*c", "a1c"));
    assert!(!matches("a", "ab"));
}
