//! What to do about an import that does not resolve.

use std::path::Path;

use oxc_resolver::ResolveError;

use crate::entry::similar_file;
use crate::node;
use crate::options::{NodeCompat, Options};
use crate::problem::shown;

/// As similar as clap wants its suggestions to be.
const ALIKE: f64 = 0.8;
/// Where a package.json names what is installed.
const DEPENDENCIES: [&str; 4] =
    ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"];
/// Lock files, and what installs from them.
const INSTALLERS: [(&str, &str, &str); 5] = [
    ("pnpm-lock.yaml", "pnpm install", "pnpm add"),
    ("yarn.lock", "yarn install", "yarn add"),
    ("bun.lock", "bun install", "bun add"),
    ("bun.lockb", "bun install", "bun add"),
    ("package-lock.json", "npm install", "npm install"),
];

/// Why an import did not resolve, where there is more to say than that.
pub(crate) fn reason(error: &ResolveError, root: &Path) -> Option<String> {
    Some(match error {
        ResolveError::PackagePathNotExported { subpath, package_json_path, conditions, .. } => {
            format!(
                "{} does not export \"{subpath}\" under the conditions {conditions}",
                shown(root, package_json_path)
            )
        }
        ResolveError::PackageImportNotDefined(_, package) => {
            format!("{} does not define it in \"imports\"", shown(root, package))
        }
        ResolveError::InvalidPackageTarget(target, _, package) => {
            format!("{} points to \"{target}\", which is not allowed", shown(root, package))
        }
        ResolveError::Recursion => "the packages or the `paths` of tsconfig.json that it goes \
                                    through lead back to it"
            .into(),
        ResolveError::IOError(error) => format!("a file on the way cannot be read: {error}"),
        ResolveError::ExtensionAlias(_, tried, folder) => {
            format!("there is none of {tried} in {}", shown(root, folder))
        }
        ResolveError::NotFound(_) => return None,
        other => other.to_string(),
    })
}

/// Advice about `specifier`, which `importer` imports.
pub(crate) fn hint(options: &Options, importer: &Path, specifier: &str) -> Option<String> {
    if specifier.starts_with('.') {
        let folder = importer.parent()?;
        let path = folder.join(specifier);
        return similar_file(&path);
    }
    if specifier.starts_with('/') {
        return Some("name the file from the module that imports it, with ./ or ../".into());
    }
    if node::is_bare_builtin(specifier) && options.node_compat != NodeCompat::On {
        return Some(node::missing_hint(specifier));
    }
    if specifier.starts_with('#') {
        return Some("a name with # is looked up in \"imports\" of the package.json".into());
    }
    let is_file = importer.parent().is_some_and(|folder| folder.join(specifier).is_file());
    if is_file {
        return Some(format!("did you mean \"./{specifier}\"?"));
    }
    let package = package_name(specifier);
    if package.starts_with("@/") || package.starts_with("~") || package == "@" {
        return Some("set `paths` in tsconfig.json, or `alias`, to say what it stands for".into());
    }
    Some(package_hint(options, importer, package))
}

fn package_hint(options: &Options, importer: &Path, package: &str) -> String {
    let folders = || importer.ancestors().skip(1);
    let installed = folders().map(|folder| folder.join("node_modules").join(package));
    if let Some(folder) = installed.into_iter().find(|folder| folder.is_dir()) {
        return format!("{} is installed, but holds no such file", shown(&options.root, &folder));
    }
    let (install, add) = installer(&options.root);
    let manifest = folders().find_map(manifest_in);
    let named: Vec<&str> = manifest.as_ref().map(names_in).unwrap_or_default();
    if named.contains(&package) {
        return format!("package.json names it, but it is not installed: run `{install}`");
    }
    let near = named
        .into_iter()
        .map(|name| (strsim::jaro(package, name), name))
        .filter(|(similarity, _)| *similarity > ALIKE)
        .max_by(|(left, _), (right, _)| left.total_cmp(right));
    let near = near.map_or(String::new(), |(_, name)| format!("did you mean \"{name}\"? "));
    format!("{near}Install it with `{add} {package}`, or set `alias` to use something else instead")
}

/// The package that a specifier names: `@scope/name` of `@scope/name/file`.
pub(crate) fn package_name(specifier: &str) -> &str {
    let slashes = if specifier.starts_with('@') { 1 } else { 0 };
    specifier.match_indices('/').nth(slashes).map_or(specifier, |(at, _)| &specifier[..at])
}

fn manifest_in(folder: &Path) -> Option<serde_json::Value> {
    let text = std::fs::read_to_string(folder.join("package.json")).ok()?;
    serde_json::from_str(&text).ok()
}

fn names_in(manifest: &serde_json::Value) -> Vec<&str> {
    let tables = DEPENDENCIES.iter().filter_map(|key| manifest.get(key)?.as_object());
    tables.flat_map(|table| table.keys().map(String::as_str)).collect()
}

/// How packages are installed and added here.
fn installer(root: &Path) -> (&'static str, &'static str) {
    let locks = root
        .ancestors()
        .flat_map(|folder| INSTALLERS.iter().filter(move |(lock, ..)| folder.join(lock).is_file()));
    locks.map(|(_, install, add)| (*install, *add)).next().unwrap_or(("npm install", "npm install"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_the_first_part_of_a_specifier() {
        assert_eq!(package_name("hono/jsx/dom"), "hono");
        assert_eq!(package_name("@scope/name/file.js"), "@scope/name");
        assert_eq!(package_name("@scope/name"), "@scope/name");
    }
}
