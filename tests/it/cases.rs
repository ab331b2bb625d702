//! The cases in tests/workers: each exported `test` function is run in a
//! request of its own, and by workerd, where there is one. A folder with a
//! `wrangler.toml` says there which bindings its cases have; those run on
//! miniflare instead. A file may name the compatibility date and flags that its
//! cases are about.

mod miniflare;
mod page;
mod workerd;

use std::path::{Path, PathBuf};

pub(crate) use workerd::find_workerd;

use crate::harness::{Setup, checkout};

/// Runs one case of the module that stands for `CASE`; lists them at "/". What
/// the module exports is there for bindings, such as classes of Durable Objects.
const RUNNER: &str = r#"
import * as cases from "./workers/CASE";
// Entrypoints among them are this Worker's.
export * from "./workers/CASE";
export * from "./workers/CASE";
export default {
  async fetch(request, env, ctx) {
    const name = new URL(request.url).pathname.slice(1);
    if (name === "") {
      const names = Object.keys(cases).filter((it) => typeof cases[it]?.test === "function");
      return Response.json(names);
    }
    try {
      await cases[name].test({}, env, ctx);
    } catch (error) {
      return new Response(error?.stack ?? `${error}`, { status: 555 });
    }
    return new Response("passed");
  },
  // What a case sends to a queue of its own comes back here.
  async queue(batch, env, ctx) {
    await cases.queue?.(batch, env, ctx);
  },
};
"#;

/// Modules beside a case are uploaded with it.
const FOUND: &str = r#"
no_bundle = true
find_additional_modules = true
rules = [
  { type = "ESModule", globs = ["**/*.js"] },
  { type = "CommonJS", globs = ["**/*.cjs"] },
  { type = "Data", globs = ["**/*.bin"], fallthrough = true },
]
"#;

/// The folder of the cases.
fn folder() -> PathBuf {
    checkout("tests/workers")
}

/// The bindings that the cases of a file have: its folder's `wrangler.toml`.
fn bindings(file: &str) -> Option<String> {
    let feature = Path::new(file).parent().expect("a case lies in a folder");
    std::fs::read_to_string(folder().join(feature).join("wrangler.toml")).ok()
}

/// What the cases of a file run under, if its first lines say so:
/// `// compatibility-date: ..`, `// compatibility-flags: .. ..` and
/// `// compatibility-modules: ..`, a folder beside with modules that they import.
#[derive(Default)]
struct Dated {
    date: Option<String>,
    flags: Vec<String>,
    /// Their paths, as that of the file.
    modules: Vec<String>,
}

fn dated(file: &str) -> Dated {
    let text = String::from_utf8(read(file)).expect("text");
    let mut dated = Dated::default();
    for line in text.lines().map_while(|line| line.strip_prefix("// compatibility-")) {
        match line.split_once(": ") {
            Some(("date", date)) => dated.date = Some(date.to_owned()),
            Some(("flags", flags)) => {
                dated.flags = flags.split(' ').map(str::to_owned).collect();
            }
            Some(("modules", name)) => {
                let name = format!("{}/{name}", file.split('/').next().unwrap_or_default());
                let paths = read_dir(&folder().join(&name)).into_iter();
                let names = paths.map(|path| path.file_name().expect("a file").to_owned());
                dated.modules =
                    names.map(|file| format!("{name}/{}", file.to_string_lossy())).collect();
                dated.modules.sort();
            }
            _ => panic!("{file}: what is {line}?"),
        }
    }
    dated
}

/// All case files, as `<feature>/<case>.js`.
fn files() -> Vec<String> {
    let mut files = Vec::new();
    for feature in read_dir(&folder()).into_iter().filter(|path| path.is_dir()) {
        for file in read_dir(&feature) {
            let name = file.strip_prefix(folder()).expect("it is below").to_string_lossy();
            if name.ends_with(".js") {
                files.push(name.replace('\\', "/"));
            }
        }
    }
    files.sort();
    files
}

fn read_dir(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).expect("a folder");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).expect("it can be read")
}

/// Serves one case file and runs its exports; what failed.
fn run(file: &str) -> Vec<String> {
    let mut setup = Setup::empty()
        .file("main.js", RUNNER.replace("CASE", file))
        .file(&format!("workers/{file}"), read(file))
        .file("workers/assert.js", read("assert.js"));
    let Dated { date, flags, modules } = dated(file);
    let bindings = bindings(file);
    if bindings.is_some() || !modules.is_empty() {
        let bindings = bindings.unwrap_or_default();
        setup = setup.file("wrangler.toml", format!("main = \"main.js\"\n{FOUND}{bindings}"));
    }
    for module in modules {
        setup = setup.file(&format!("workers/{module}"), read(&module));
    }
    setup = setup.edit(move |worker| {
        if let Some(date) = date {
            worker.compatibility.date = date;
        }
        worker.compatibility.flags.extend(flags);
    });
    let server = match setup.try_start() {
        Ok(server) => server,
        Err(error) => return vec![format!("{file}: {error}")],
    };
    let names = server.get("/").json();
    let names = names.as_array().expect("a list");
    assert!(!names.is_empty(), "{file} exports no case");
    let mut failed = Vec::new();
    for name in names.iter().filter_map(|name| name.as_str()) {
        let answer = server.get(&format!("/{name}"));
        if answer.status != 200 {
            failed.push(format!("{file} {name}: {}", answer.text()));
        }
    }
    failed
}

#[test]
fn all_cases_pass() {
    let files = files();
    assert!(files.len() >= 20, "the cases were not found");
    let failed: Vec<_> = files.iter().flat_map(|file| run(file)).collect();
    assert!(failed.is_empty(), "{} cases failed:\n{}", failed.len(), failed.join("\n"));
}
