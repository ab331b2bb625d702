//! What a Worker can reach by name, compared with workerd: globals, what their
//! classes have, what modules export. `tests/surface/workerd.txt` lists what
//! workerd has, `differences.txt` beside it what is absent here on purpose, or
//! here and not there, each with its reason.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::cases::find_workerd;
use crate::harness::Setup;

const LIST: &str = include_str!("../surface/list.js");
const WORKERD: &str = include_str!("../surface/workerd.txt");
const DIFFERENCES: &str = include_str!("../surface/differences.txt");

/// As the case that workerd runs: it prints what it finds.
const PRINTER: &str = "import { surface } from \"list.js\";\n\
    export const list = {\n\
      async test() { for (const line of await surface()) console.log(`surface: ${line}`); },\n\
    };\n";

/// A line of `differences.txt`: `-` for what is not here or `+` for what is not
/// there, a path, `*` at its end for all that begin so.
struct Difference {
    sign: char,
    path: &'static str,
}

impl Difference {
    fn covers(&self, line: &str) -> bool {
        match self.path.strip_suffix('*') {
            Some(prefix) => line.starts_with(prefix),
            None => {
                let path = line.split(" extends ").next().filter(|path| path.len() < line.len());
                let extends = path.map(|path| format!("{path} extends"));
                let path = line.rsplit_once(' ').map(|(path, _)| path);
                path == Some(self.path) || extends.as_deref() == Some(self.path)
            }
        }
    }
}

fn differences() -> Vec<Difference> {
    let lines = DIFFERENCES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parse = |line: &'static str| {
        let (what, reason) = line.split_once(" -- ").unwrap_or_else(|| panic!("no reason: {line}"));
        assert!(!reason.trim().is_empty(), "{line}");
        let sign = what.chars().next().filter(|sign| "+-".contains(*sign));
        let sign = sign.unwrap_or_else(|| panic!("no sign: {line}"));
        Difference { sign, path: what[1..].trim() }
    };
    lines.map(parse).collect()
}

/// What a Worker of ours reaches.
fn ours() -> BTreeSet<String> {
    let main = "import { surface } from \"./list.js\";\n\
        export default { async fetch() { return Response.json(await surface()); } };\n";
    let server = Setup::empty().file("main.js", main).file("list.js", LIST).start();
    let lines = server.get("/").json();
    let lines = lines.as_array().expect("a list");
    lines.iter().filter_map(|line| line.as_str()).map(str::to_owned).collect()
}

#[test]
fn what_workerd_has_is_here_or_absent_on_purpose() {
    let theirs: BTreeSet<_> = WORKERD.lines().map(str::to_owned).collect();
    let ours = ours();
    let known = differences();
    let told = |sign: char, line: &str| known.iter().any(|it| it.sign == sign && it.covers(line));
    let absent: Vec<_> = theirs.difference(&ours).collect();
    let added: Vec<_> = ours.difference(&theirs).collect();

    let untold: Vec<_> = absent.iter().filter(|line| !told('-', line)).collect();
    assert!(untold.is_empty(), "{} are missing: {untold:#?}", untold.len());
    let untold: Vec<_> = added.iter().filter(|line| !told('+', line)).collect();
    assert!(untold.is_empty(), "{} are not workerd's: {untold:#?}", untold.len());

    let found = |it: &&Difference| {
        let lines = if it.sign == '-' { &absent } else { &added };
        lines.iter().any(|line| it.covers(line))
    };
    let idle: Vec<_> = known.iter().filter(|it| !found(it)).map(|it| it.path).collect();
    assert!(idle.is_empty(), "differences.txt names what is no difference: {idle:#?}");
}

#[test]
fn workerd_has_what_is_listed() {
    let Some(workerd) = find_workerd() else {
        println!("skipped: there is no workerd at SELVEDGE_WORKERD or on the PATH");
        return;
    };
    let listed: BTreeSet<_> = WORKERD.lines().map(str::to_owned).collect();
    let found = run(&workerd);
    assert!(found.len() > 1000, "workerd listed next to nothing: {found:?}");
    let gone: Vec<_> = listed.difference(&found).collect();
    let new: Vec<_> = found.difference(&listed).collect();
    assert!(gone.is_empty() && new.is_empty(), "gone: {gone:#?}\nnew: {new:#?}");
}

/// What a Worker reaches on workerd.
fn run(workerd: &Path) -> BTreeSet<String> {
    let config = "using Workerd = import \"/workerd/workerd.capnp\";\n\
        const config :Workerd.Config = (services = [(name = \"list\", worker = .list)]);\n\
        const list :Workerd.Worker = (\n\
          modules = [\n\
            (name = \"main.js\", esModule = embed \"main.js\"),\n\
            (name = \"list.js\", esModule = embed \"list.js\"),\n\
          ],\n\
          compatibilityDate = \"2026-11-01\",\n\
        );\n";
    let scratch = TempDir::new().expect("a temporary folder");
    for (name, text) in [("main.js", PRINTER), ("list.js", LIST), ("config.capnp", config)] {
        std::fs::write(scratch.path().join(name), text).expect("it can be written");
    }
    let path = scratch.path().join("config.capnp");
    let output = Command::new(workerd).arg("test").arg(&path).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let lines = text.lines().chain(errors.lines());
    lines.filter_map(|line| Some(line.split_once("surface: ")?.1.to_owned())).collect()
}
