//! From what an import says to a file, or to why there is none.

use std::path::{Path, PathBuf};

use url::Url;

use crate::config::{folder_of, nearest};

/// What an import asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A module that the runtime supplies.
    BuiltIn,
    /// A file, which may not be there.
    File(PathBuf),
    /// A module of Node.js.
    Node,
    /// A package of npm.
    Package,
    /// A path from the root.
    Absolute,
    /// Something of the network, or of another runtime.
    Url,
}

/// Node's modules by their names without `node:`.
const NODE: &[&str] = &[
    "assert",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "domain",
    "events",
    "fs",
    "http",
    "http2",
    "https",
    "inspector",
    "module",
    "net",
    "os",
    "path",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "repl",
    "stream",
    "string_decoder",
    "sys",
    "timers",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
];

/// Resolves as V8 will: as a URL relative to the importing module's.
pub(super) fn resolve(specifier: &str, importer: &Path) -> Target {
    let is_relative = specifier.starts_with("./")
        || specifier.starts_with("../")
        || matches!(specifier, "." | "..");
    if is_relative {
        let file = Url::from_file_path(importer)
            .ok()
            .and_then(|base| base.join(specifier).ok())
            .and_then(|url| url.to_file_path().ok());
        return Target::File(file.unwrap_or_else(|| folder_of(importer).join(specifier)));
    }
    if specifier.starts_with("cloudflare:") {
        return Target::BuiltIn;
    }
    let first = specifier.split('/').next().unwrap_or(specifier);
    if specifier.starts_with("node:") || NODE.contains(&first) {
        return Target::Node;
    }
    if specifier.starts_with('/') || specifier.starts_with("file:") {
        return Target::Absolute;
    }
    match Url::parse(specifier) {
        Ok(_) => Target::Url,
        Err(_) => Target::Package,
    }
}

/// What a specifier of a missing file was probably meant to be.
pub(super) fn similar(specifier: &str, target: &Path) -> Option<String> {
    if target.is_dir() {
        let index =
            ["index.js", "index.mjs"].into_iter().find(|name| target.join(name).is_file())?;
        return Some(format!("{}/{index}", specifier.trim_end_matches('/')));
    }
    let entries = std::fs::read_dir(folder_of(target)).ok()?;
    let mut names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    let missing = target.file_name()?.to_str()?;
    let stem = target.file_stem()?.to_str()?;
    let with_extension = |wanted: &dyn Fn(&str) -> bool| {
        names.iter().find(|name| {
            let (base, extension) = name.rsplit_once('.').unwrap_or((name.as_str(), ""));
            let same = base.eq_ignore_ascii_case(missing) || base.eq_ignore_ascii_case(stem);
            same && wanted(extension)
        })
    };
    let near = with_extension(&|extension| matches!(extension, "js" | "mjs"))
        .or_else(|| with_extension(&|_| true))
        .map(String::as_str)
        .or_else(|| nearest(missing, names.iter().map(String::as_str)))?;
    let folder = specifier.rsplit_once('/').map_or(".", |(folder, _)| folder);
    Some(format!("{folder}/{near}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_specifier_has_its_target() {
        let importer = Path::new("/app/src/a.js");
        let file = |path: &str| Target::File(PathBuf::from(path));
        for (specifier, target) in [
            ("./b.js", file("/app/src/b.js")),
            ("../lib/b.js", file("/app/lib/b.js")),
            ("./b%20c.js", file("/app/src/b c.js")),
            ("./b c.js", file("/app/src/b c.js")),
            ("./mod.wasm?module", file("/app/src/mod.wasm")),
            ("cloudflare:workers", Target::BuiltIn),
            ("node:fs", Target::Node),
            ("fs", Target::Node),
            ("fs/promises", Target::Node),
            ("hono", Target::Package),
            ("@scope/name/deep", Target::Package),
            ("#internal", Target::Package),
            ("lib.js", Target::Package),
            ("/lib.js", Target::Absolute),
            ("file:///lib.js", Target::Absolute),
            ("https://esm.sh/x", Target::Url),
            ("npm:hono", Target::Url),
        ] {
            assert_eq!(resolve(specifier, importer), target, "{specifier}");
        }
    }
}
