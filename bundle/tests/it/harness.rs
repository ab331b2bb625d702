//! Projects in temporary folders, bundled, and run in Node.js where it is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use selvedge_bundle::{Bundle, Failure, ModuleKind, Options, bundle};
use tempfile::TempDir;

/// A project in a folder that goes away with it.
pub(crate) struct Project {
    folder: TempDir,
    pub(crate) options: Options,
}

impl Project {
    /// Writes files; the first one is the entry.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (entry, _) = files.first().expect("an entry");
        let root = folder.path().canonicalize().expect("the folder is there");
        let project = Self { folder, options: Options::new(entry, root) };
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().expect("the folder is there").join(name)
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, contents).expect("a file");
    }

    pub(crate) fn bundle(&self) -> Bundle {
        bundle(&self.options).unwrap_or_else(|failure| panic!("no bundle: {failure}"))
    }

    pub(crate) fn fail(&self) -> Failure {
        match bundle(&self.options) {
            Ok(bundle) => panic!("this should not bundle:\n{}", code(&bundle)),
            Err(failure) => failure,
        }
    }

    /// The only problem, as a user reads it.
    pub(crate) fn problem(&self) -> String {
        let failure = self.fail();
        assert_eq!(failure.problems.len(), 1, "{failure}");
        failure.problems[0].to_string()
    }

    /// What `export default` gives when Node.js runs the bundle, as JSON. `None`, with
    /// a notice, where there is no Node.js.
    pub(crate) fn run(&self) -> Option<String> {
        run(&self.bundle(), "JSON.stringify(await main.default)")
    }
}

/// The text of the main module.
pub(crate) fn code(bundle: &Bundle) -> String {
    String::from_utf8(bundle.main().bytes.clone()).expect("JavaScript is text")
}

/// Runs a bundle in Node.js, and gives what an expression about `main` prints.
pub(crate) fn run(bundle: &Bundle, expression: &str) -> Option<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for module in &bundle.modules {
        let path = folder.path().join(&module.name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, &module.bytes).expect("a module");
    }
    fs::write(folder.path().join("package.json"), r#"{"type":"module"}"#).expect("a manifest");
    let main = &bundle.main().name;
    let script = format!("const main = await import('./{main}'); console.log({expression});");
    fs::write(folder.path().join("run.mjs"), script).expect("a script");
    node(folder.path(), "run.mjs")
}

/// What a script prints. `None`, with a notice, where there is no Node.js.
pub(crate) fn node(folder: &Path, script: &str) -> Option<String> {
    let output = match Command::new("node").arg(script).current_dir(folder).output() {
        Ok(output) => output,
        Err(error) => {
            skipped(&format!("there is no Node.js to run the bundle with: {error}"));
            return None;
        }
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "Node.js failed on the bundle:\n{errors}");
    Some(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// The modules besides the main one: name and kind.
pub(crate) fn apart(bundle: &Bundle) -> Vec<(&str, ModuleKind)> {
    bundle.modules[1..].iter().map(|module| (module.name.as_str(), module.kind)).collect()
}

/// Says that a test is not run to its end.
#[expect(clippy::print_stderr, reason = "whoever runs the tests is to know")]
pub(crate) fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}
