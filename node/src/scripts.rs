//! The scripts: Node's own and those that stand in for them. For the build, which
//! embeds them; nothing of this is in the program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use deno_core::{Extension, ExtensionFileSource};

/// Where the files lie that are ours, and those that are Node's.
const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/lib");
const BINDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bindings");
const NODES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../third_party/node/lib");

/// What loads them.
const LOADER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/loader.js");

/// Where the build looks for changes.
pub fn script_folders() -> [&'static str; 4] {
    [OWN, BINDINGS, NODES, LOADER]
}

/// All files, by the names of their scripts. Ours stand before Node's.
///
/// # Panics
/// When a folder cannot be read.
fn script_files() -> BTreeMap<String, PathBuf> {
    let mut files = BTreeMap::new();
    for (folder, prefix) in [(NODES, ""), (OWN, ""), (BINDINGS, "binding/")] {
        let root = Path::new(folder);
        for file in below(root) {
            let name = file.strip_prefix(root).expect("it lies below").to_string_lossy();
            let before = files.insert(format!("ext:selvedge_node/{prefix}{name}"), file.clone());
            // Ours may be made of Node's.
            if let Some(before) = before {
                files.insert(format!("ext:selvedge_node/overridden/{name}"), before);
            }
        }
    }
    files.insert("ext:selvedge_node/loader.js".into(), LOADER.into());
    files
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() {
            files.extend(below(&path));
        } else if path.extension().is_some_and(|extension| extension == "js") {
            files.push(path);
        }
    }
    files
}

/// Puts the scripts into the extension that is this crate's.
///
/// # Panics
/// When a file cannot be read.
pub fn add_scripts(extension: &mut Extension) {
    let mut scripts = extension.lazy_loaded_js_files.to_vec();
    for (name, file) in script_files() {
        let source = std::fs::read_to_string(&file)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let source = if file == Path::new(LOADER) {
            source
        } else {
            wrapped(&crate::patches::patched(&file, NODES, source))
        };
        scripts.push(ExtensionFileSource::new_computed(leaked(name), source.into()));
    }
    extension.lazy_loaded_js_files = scripts.into();
}

/// A module of Node's kind as a function, on the lines that it has in its file.
fn wrapped(source: &str) -> String {
    format!(
        "(function (exports, require, module, process, internalBinding, primordials) {{{source}\n}})"
    )
}

/// A build makes few of them, and ends.
fn leaked(name: String) -> &'static str {
    Box::leak(name.into_boxed_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of these Node's library speaks where nobody comes by: the way from KeyObject to
    /// CryptoKey is one of ours.
    const UNREACHED: &[&str] = &[
        "internal/crypto/aes",
        "internal/crypto/cfrg",
        "internal/crypto/ec",
        "internal/crypto/mac",
        "internal/crypto/rsa",
        "internal/crypto/webidl",
    ];

    /// The same of bindings: the global console is the platform's.
    const UNREACHED_BINDINGS: &[&str] = &["inspector"];

    /// The names in quotes that stand behind `call`.
    fn named(source: &str, call: &str) -> Vec<String> {
        let pieces = source.split(call).skip(1);
        pieces.filter_map(|rest| rest.split('\'').next()).map(str::to_owned).collect()
    }

    #[test]
    fn all_that_scripts_ask_for_is_there() {
        let files = script_files();
        let has = |name: &str| files.contains_key(&format!("ext:selvedge_node/{name}.js"));
        for (script, file) in &files {
            let source = std::fs::read_to_string(file).unwrap();
            for name in named(&source, "require('") {
                let name = name.trim_start_matches("node:");
                let known = has(name)
                    || UNREACHED.contains(&name)
                    || name == "internal/selvedge/host"
                    || script.starts_with("ext:selvedge_node/overridden/");
                assert!(known, "{script} requires {name}");
            }
            for name in named(&source, "internalBinding('") {
                let known = has(&format!("binding/{name}")) || UNREACHED_BINDINGS.contains(&&*name);
                assert!(known, "{script} has no binding {name}");
            }
        }
    }

    #[test]
    fn each_module_has_a_script_and_all_lists_agree() {
        let files = script_files();
        let names = std::fs::read_to_string(&files["ext:selvedge_node/internal/selvedge/names.js"]);
        let names = names.unwrap();
        let known: Vec<_> = selvedge_runtime::compatibility::NODE_MODULES
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        for name in known {
            assert!(files.contains_key(&format!("ext:selvedge_node/{name}.js")), "{name}");
            assert!(names.contains(&format!("'{name}'")), "{name} is not in names.js");
        }
    }
}
