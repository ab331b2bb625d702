//! The tsconfig.json that governs a Worker: where it is, what it says of JSX, and
//! which files it is made of.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxc_resolver::{
    ResolveError, ResolveOptions, Resolver, TsConfig, TsconfigDiscovery, TsconfigOptions,
    TsconfigReferences,
};

use crate::options::Options;
use crate::problem::{Problem, shown};

/// What the bundler must know of a tsconfig.json beforehand.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// For all files. Without it each file has its nearest one.
    pub(crate) fixed: Option<PathBuf>,
    /// Whether JSX calls functions that are imported by themselves, as in
    /// `"jsx": "react-jsx"`.
    pub(crate) automatic_jsx: bool,
    pub(crate) sets_factory: bool,
    pub(crate) sets_fragment: bool,
    /// The file and all that it extends.
    pub(crate) files: BTreeSet<PathBuf>,
}

impl Settings {
    /// Reads the tsconfig.json of the entry.
    ///
    /// # Errors
    /// When the configuration names one that does not exist, or it is not JSON.
    pub(crate) fn read(options: &Options, entry: &Path) -> Result<Self, Problem> {
        let given = options.tsconfig.as_ref().map(|path| options.root.join(path));
        if let Some(path) = given.as_ref().filter(|path| !path.is_file()) {
            return Err(Problem::new(format!(
                "the tsconfig {} does not exist",
                shown(&options.root, path)
            )));
        }
        let discovery = given.as_ref().map_or(TsconfigDiscovery::Auto, |path| manual(path));
        if let Some(found) = find(discovery, entry, &options.root)? {
            return Ok(Self::of(&found, given));
        }
        // A tsconfig.json whose `include` leaves the entry out still says how the
        // project is written: esbuild does not look at `include`.
        let nearest = entry.ancestors().skip(1).map(|folder| folder.join("tsconfig.json"));
        let Some(path) = nearest.into_iter().find(|path| path.is_file()) else {
            return Ok(Self::default());
        };
        match find(manual(&path), entry, &options.root)? {
            Some(found) => Ok(Self::of(&found, Some(path))),
            None => Ok(Self::default()),
        }
    }

    fn of(tsconfig: &TsConfig, fixed: Option<PathBuf>) -> Self {
        let options = &tsconfig.compiler_options;
        let mut files = BTreeSet::new();
        add_chain(tsconfig.path(), &mut files);
        Self {
            fixed,
            automatic_jsx: matches!(options.jsx.as_deref(), Some("react-jsx" | "react-jsxdev")),
            sets_factory: options.jsx_factory.is_some(),
            sets_fragment: options.jsx_fragment_factory.is_some(),
            files,
        }
    }
}

fn manual(path: &Path) -> TsconfigDiscovery {
    TsconfigDiscovery::Manual(TsconfigOptions {
        config_file: path.to_path_buf(),
        references: TsconfigReferences::Auto,
    })
}

fn find(
    discovery: TsconfigDiscovery,
    entry: &Path,
    root: &Path,
) -> Result<Option<Arc<TsConfig>>, Problem> {
    let options = ResolveOptions { tsconfig: Some(discovery), ..ResolveOptions::default() };
    Resolver::new(options).find_tsconfig(entry).map_err(|error| problem(&error, root))
}

/// An error about a tsconfig.json as a problem.
pub(crate) fn problem(error: &ResolveError, root: &Path) -> Problem {
    match error {
        ResolveError::TsconfigLoadFailed { path, source } => match source.as_ref() {
            ResolveError::Json(json) => json_problem(&json.path, json.line, json.column, root)
                .unwrap_or_else(|| {
                    Problem::new(without_place(&json.message)).in_file(shown(root, path))
                }),
            ResolveError::IOError(_) | ResolveError::NotFound(_) => {
                Problem::new(format!("cannot read the tsconfig: {source}"))
                    .in_file(shown(root, path))
            }
            ResolveError::TsconfigNotFound(missing) => Problem::new(format!(
                "the tsconfig extends {}, which does not exist",
                shown(root, missing)
            ))
            .in_file(shown(root, path)),
            other => problem(other, root),
        },
        ResolveError::TsconfigNotFound(path) => {
            Problem::new(format!("the tsconfig {} does not exist", shown(root, path)))
        }
        ResolveError::TsconfigCircularExtend(paths) => {
            let chain: Vec<_> = paths.paths().iter().map(|path| shown(root, path)).collect();
            let problem =
                Problem::new(format!("the tsconfig extends itself: {}", chain.join(" -> ")))
                    .with_hint("remove one of the `extends`");
            match chain.first() {
                Some(first) => problem.in_file(first.clone()),
                None => problem,
            }
        }
        ResolveError::TsconfigSelfReference(path) => {
            Problem::new("the tsconfig has itself in `references`").in_file(shown(root, path))
        }
        other => Problem::new(format!("cannot read the tsconfig: {other}")),
    }
}

/// A syntax error in a JSON file, with its place. Parses the file again, for a
/// message that says what was found.
pub(crate) fn json_problem(
    path: &Path,
    line: usize,
    column: usize,
    root: &Path,
) -> Option<Problem> {
    let text = std::fs::read_to_string(path).ok()?;
    let options = jsonc_parser::ParseOptions::default();
    let (message, position) = match jsonc_parser::parse_to_serde_value(&text, &options) {
        Err(error) => {
            let message = error.kind().to_string();
            (message, crate::problem::line_and_column(&text, error.range().start))
        }
        // It is JSON, but not of the shape that is wanted.
        Ok(_) => {
            let position = (u32::try_from(line).ok()?, u32::try_from(column.max(1)).ok()?);
            ("this is not what a configuration holds here".to_owned(), position)
        }
    };
    Some(Problem::new(format!("{} is not valid: {message}", shown(root, path))).at_position(
        shown(root, path),
        &text,
        position,
    ))
}

/// serde's messages end with a place that is said elsewhere.
pub(crate) fn without_place(message: &str) -> &str {
    message.rsplit_once(" at line ").map_or(message, |(text, _)| text)
}

/// A tsconfig.json and what it extends. What cannot be followed is left out: then
/// the tsconfig does not load either.
fn add_chain(path: &Path, files: &mut BTreeSet<PathBuf>) {
    if !files.insert(path.to_path_buf()) {
        return;
    }
    let Some(folder) = path.parent() else { return };
    let parsed = std::fs::read_to_string(path)
        .ok()
        .and_then(|text| {
            jsonc_parser::parse_to_serde_value(&text, &jsonc_parser::ParseOptions::default()).ok()
        })
        .flatten();
    let extends = parsed.as_ref().and_then(|value| value.get("extends"));
    let extends: Vec<&str> = match extends {
        Some(serde_json::Value::String(one)) => vec![one],
        Some(serde_json::Value::Array(all)) => all.iter().filter_map(|one| one.as_str()).collect(),
        _ => Vec::new(),
    };
    for specifier in extends {
        if let Some(extended) = extended(folder, specifier) {
            add_chain(&extended, files);
        }
    }
}

fn extended(folder: &Path, specifier: &str) -> Option<PathBuf> {
    let candidates = |base: PathBuf| {
        let with_extension = PathBuf::from(format!("{}.json", base.display()));
        [base.clone(), with_extension, base.join("tsconfig.json")]
    };
    let is_path = specifier.starts_with('.') || Path::new(specifier).is_absolute();
    let bases: Vec<PathBuf> = if is_path {
        vec![folder.join(specifier)]
    } else {
        folder.ancestors().map(|folder| folder.join("node_modules").join(specifier)).collect()
    };
    bases.into_iter().flat_map(candidates).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_follows_paths_and_packages() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(&path, text).expect("a file");
            path
        };
        let top = write("tsconfig.json", "{ /* c */ \"extends\": [\"./base\", \"@x/strict\"] }");
        let base = write("base.json", "{}");
        let package = write("node_modules/@x/strict/tsconfig.json", "{}");
        let mut files = BTreeSet::new();
        add_chain(&top, &mut files);
        assert_eq!(files, BTreeSet::from([top, base, package]));
    }
}
