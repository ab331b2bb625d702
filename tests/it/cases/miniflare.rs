//! The cases with bindings on miniflare, which simulates them on workerd: where
//! it fails, the case is wrong, or `differences.txt` says why not.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use super::workerd::allowed;
use super::{Dated, RUNNER, bindings, dated, files, folder};

/// Runs the cases of one file and prints those that fail.
const SCRIPT: &str = include_str!("miniflare.mjs");

#[test]
fn miniflare_agrees() {
    let Some(modules) = find() else {
        println!(
            "skipped: there is no miniflare at SELVEDGE_MINIFLARE, a folder in which \
             `npm install miniflare` was run, or no node"
        );
        return;
    };
    let allowed = allowed();
    let mut wrong = Vec::new();
    let mut idle = Vec::new();
    for file in files().into_iter().filter(|file| bindings(file).is_some()) {
        let is_expected = |name: &str| allowed.contains(&format!("{file} {name}"));
        let mut failed = run(&modules, &file);
        let is_right =
            failed.as_ref().is_ok_and(|failed| failed.iter().all(|(name, _)| is_expected(name)));
        if !is_right {
            // What it simulates gives up waiting on a busy machine.
            let again = run(&modules, &file);
            failed = match (failed, again) {
                (Ok(mut failed), Ok(again)) => {
                    failed.retain(|(name, _)| {
                        is_expected(name) || again.iter().any(|(other, _)| other == name)
                    });
                    Ok(failed)
                }
                (Ok(one), Err(_)) | (Err(_), Ok(one)) => Ok(one),
                (Err(error), Err(_)) => Err(error),
            };
        }
        let failed = failed.unwrap_or_else(|error| panic!("{error}"));
        let names: BTreeSet<_> = failed.iter().map(|(name, _)| format!("{file} {name}")).collect();
        for (name, reason) in &failed {
            if !is_expected(name) {
                wrong.push(format!("{file} {name}: {reason}"));
            }
        }
        let of_file = allowed.iter().filter(|case| case.starts_with(&format!("{file} ")));
        idle.extend(of_file.filter(|case| !names.contains(*case)).cloned());
    }
    assert!(wrong.is_empty(), "miniflare does not pass:\n{}", wrong.join("\n"));
    assert!(
        idle.is_empty(),
        "miniflare passes these by now, so that differences.txt is wrong: {idle:#?}"
    );
}

/// The folder that miniflare is installed in.
fn find() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("SELVEDGE_MINIFLARE")?);
    let node = Command::new("node").arg("--version").output().ok()?;
    (node.status.success() && folder.join("node_modules/miniflare").is_dir()).then_some(folder)
}

/// The cases of a file that miniflare fails, and why; an error is that it did not run.
fn run(modules: &PathBuf, file: &str) -> Result<Vec<(String, String)>, String> {
    let bindings = bindings(file).expect("the file has bindings");
    let Dated { date, flags, .. } = dated(file);
    let date = date.as_deref().unwrap_or("2026-07-01");
    // The script stands beside node_modules in the eyes of node.
    let output = Command::new("node")
        .current_dir(modules)
        .args(["--input-type=module", "--eval", SCRIPT])
        .args([&folder().display().to_string(), file, &bindings, &RUNNER.replace("CASE", file)])
        .args([date, &flags.join(" ")])
        .output()
        .expect("node runs");
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{file}: miniflare did not run: {error}"));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let result = text.lines().rev().find_map(|line| line.strip_prefix("failed: "));
    let result = result.ok_or_else(|| format!("{file}: miniflare said nothing: {text}"))?;
    Ok(serde_json::from_str(result).expect("a list of names and reasons"))
}
