//! The same cases on workerd: where it fails, the case is wrong, or
//! `differences.txt` says why not.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::{Dated, bindings, dated, files, folder, read};

#[test]
fn workerd_agrees() {
    let Some(workerd) = find_workerd() else {
        println!("skipped: there is no workerd at SELVEDGE_WORKERD or on the PATH");
        return;
    };
    let scratch = TempDir::new().expect("a temporary folder");
    let mut failed = BTreeSet::new();
    let mut details = String::new();
    // Bindings need more than workerd alone has.
    for file in files().into_iter().filter(|file| bindings(file).is_none()) {
        for name in run(&workerd, &scratch, &file, &mut details) {
            failed.insert(format!("{file} {name}"));
        }
    }
    let with_bindings = |case: &String| bindings(case.split(' ').next().unwrap_or(case)).is_some();
    let allowed: BTreeSet<_> = allowed().into_iter().filter(|case| !with_bindings(case)).collect();
    let wrong: Vec<_> = failed.difference(&allowed).collect();
    assert!(wrong.is_empty(), "workerd does not pass:\n{wrong:#?}\n{details}");
    let idle: Vec<_> = allowed.difference(&failed).collect();
    assert!(
        idle.is_empty(),
        "workerd passes these by now, so that differences.txt is wrong: {idle:#?}"
    );
}

/// The program, if there is one that runs.
pub(crate) fn find_workerd() -> Option<PathBuf> {
    let named = std::env::var_os("SELVEDGE_WORKERD").map(PathBuf::from);
    [named, Some("workerd".into())].into_iter().flatten().find(|path| {
        Command::new(path).arg("--version").output().is_ok_and(|output| output.status.success())
    })
}

/// Cases that workerd need not pass.
pub(super) fn allowed() -> BTreeSet<String> {
    let text = String::from_utf8(read("differences.txt")).expect("text");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (case, reason) = line.split_once(": ").expect("a case and a reason");
            assert!(!reason.trim().is_empty(), "{line}");
            case.to_owned()
        })
        .collect()
}

/// The exports of a case file that workerd fails.
fn run(workerd: &PathBuf, scratch: &TempDir, file: &str, details: &mut String) -> Vec<String> {
    let source = folder();
    let Dated { date, flags, modules } = dated(file);
    let date = date.as_deref().unwrap_or("2026-11-01");
    let beside: String = modules
        .iter()
        .map(|name| {
            let kind = match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
                "cjs" => "commonJsModule",
                "txt" => "text",
                "bin" => "data",
                "json" => "json",
                "wasm" => "wasm",
                _ => "esModule",
            };
            format!("    (name = \"{name}\", {kind} = embed \"{name}\"),\n")
        })
        .collect();
    let config = format!(
        "using Workerd = import \"/workerd/workerd.capnp\";\n\
         const config :Workerd.Config = (services = [(name = \"case\", worker = .case)]);\n\
         const case :Workerd.Worker = (\n\
           modules = [\n\
             (name = \"{file}\", esModule = embed \"{file}\"),\n\
             (name = \"assert.js\", esModule = embed \"assert.js\"),\n\
             {beside}\
           ],\n\
           compatibilityDate = \"{date}\",\n\
           compatibilityFlags = {flags:?},\n\
         );\n"
    );
    for name in [file, "assert.js"].into_iter().chain(modules.iter().map(String::as_str)) {
        let target = scratch.path().join(name);
        std::fs::create_dir_all(target.parent().expect("a folder")).expect("it can be made");
        std::fs::copy(source.join(name), target).expect("it can be copied");
    }
    let path = scratch.path().join("config.capnp");
    std::fs::write(&path, config).expect("it can be written");
    let output = Command::new(workerd)
        .args(["test", "--experimental"])
        .arg(&path)
        .output()
        .expect("it runs");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let failed: Vec<String> = text
        .lines()
        .filter_map(|line| line.split_once("[ FAIL ]"))
        .filter_map(|(_, rest)| {
            rest.trim().rsplit(':').next()?.split(' ').next().map(str::to_owned)
        })
        .collect();
    let passed = text.matches("[ PASS ]").count();
    assert!(passed + failed.len() > 0, "workerd ran no case of {file}: {text}");
    if !failed.is_empty() {
        details.push_str(&text);
    }
    failed
}
