//! Where the Worker and its configuration are.

use std::io;
use std::path::{Component, Path, PathBuf};

use super::diagnostic::{Diagnostic, nearest, shown};
use super::settings::Settings;
use super::{FILE_NAMES, Selection, folder_of};

/// No configuration is larger: 1 MiB.
const MAX_CONFIG_BYTES: u64 = 1024 * 1024;

/// The main module of a folder that does not name one, in order of preference.
const MAIN_NAMES: &[&str] = &[
    "worker.js",
    "worker.mjs",
    "index.js",
    "index.mjs",
    "_worker.js",
    "src/worker.js",
    "src/worker.mjs",
    "src/index.js",
    "src/index.mjs",
    "worker.ts",
    "index.ts",
    "src/worker.ts",
    "src/index.ts",
];

/// What was found.
pub(super) enum Located {
    /// A Worker without a configuration.
    Bare { main: PathBuf },
    /// A folder of static assets without a configuration.
    Assets { folder: PathBuf },
    /// A configuration.
    File {
        path: PathBuf,
        text: String,
        /// The main module, if the command line names it.
        main: Option<PathBuf>,
        /// Further configurations beside it.
        others: Vec<PathBuf>,
        /// What led to it, if it is one that a build made.
        redirect: Option<Redirect>,
    },
}

/// That a build made the configuration (`.wrangler/deploy/config.json`).
pub(super) struct Redirect {
    /// The file that says so.
    pub(super) deploy_file: PathBuf,
    /// The folder of the user's own configuration, where the secrets are.
    pub(super) user_root: Option<PathBuf>,
}

/// Where a build leaves the name of the configuration that it made.
const DEPLOY_FILE: &str = ".wrangler/deploy/config.json";

/// Finds what the command line speaks of. All paths come out absolute.
pub(super) fn locate(selection: Selection<'_>) -> Result<Located, Diagnostic> {
    let file = selection.file.map(absolute).transpose()?;
    if let Some(path) = selection.config {
        let main = match file {
            Some(file) if file.is_dir() => None,
            Some(file) => Some(existing(file)?),
            None => None,
        };
        let path = existing(absolute(path)?)?;
        if path.is_dir() {
            return Err(Diagnostic::new(format!("{} is a folder, not a file", shown(&path)))
                .with_hint("--config takes a wrangler.toml, wrangler.json or wrangler.jsonc"));
        }
        return found(path, main, Vec::new());
    }
    let file = match file {
        Some(file) => existing(file)?,
        None => return searched(&absolute(Path::new("."))?),
    };
    if file.is_dir() {
        return in_folder(&file, Named::Yes);
    }
    let is_config =
        file.file_name().is_some_and(|name| FILE_NAMES.iter().any(|file| name == *file));
    if is_config {
        return found(file, None, Vec::new());
    }
    let mut beside = configs_in(&folder_of(&file));
    if !beside.is_empty() {
        let path = beside.remove(0);
        return found(path, Some(file), beside);
    }
    match above(&file, selection.env) {
        Some(path) => found(path, Some(file), Vec::new()),
        None => Ok(Located::Bare { main: file }),
    }
}

/// The configuration of a folder or of one above it, as wrangler finds it: the
/// nearest `wrangler.json`, else the nearest `wrangler.jsonc`, else the nearest
/// `wrangler.toml`.
pub fn find_above(folder: &Path) -> Option<PathBuf> {
    let folder = absolute(folder).ok()?;
    FILE_NAMES.iter().find_map(|name| nearest_above(&folder, name))
}

fn nearest_above(folder: &Path, name: &str) -> Option<PathBuf> {
    folder.ancestors().map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// What a command means that names nothing.
fn searched(here: &Path) -> Result<Located, Diagnostic> {
    let config = find_above(here);
    let deploy_file = nearest_above(here, DEPLOY_FILE);
    let Some(root) = config.as_deref().map(folder_of) else {
        let base = deploy_file.as_deref().and_then(|file| file.ancestors().nth(3));
        return in_folder(base.unwrap_or(here), Named::No);
    };
    if let Some(deploy_file) = deploy_file
        && deploy_file != root.join(DEPLOY_FILE)
    {
        let config = config.unwrap_or_default();
        return Err(Diagnostic::new(format!(
            "{} says where a build left its configuration, but {} lies in another folder",
            shown(&deploy_file),
            shown(&config)
        ))
        .with_hint("name the configuration with --config, or the folder"));
    }
    let mut located = in_folder(&root, Named::No)?;
    if let Located::File { others, .. } = &mut located
        && root != here
    {
        // Nearer ones, of a name that comes later.
        others.extend(configs_in(here));
    }
    Ok(located)
}

/// Whether the command line names a folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Yes,
    No,
}

fn in_folder(folder: &Path, named: Named) -> Result<Located, Diagnostic> {
    let mut configs = configs_in(folder);
    let deploy_file = folder.join(DEPLOY_FILE);
    if deploy_file.is_file() {
        let path = redirected(&deploy_file)?;
        let user_root = configs.first().map(|_| folder.to_path_buf());
        let mut located = found(path, None, Vec::new())?;
        if let Located::File { redirect, .. } = &mut located {
            *redirect = Some(Redirect { deploy_file, user_root });
        }
        return Ok(located);
    }
    if !configs.is_empty() {
        let path = configs.remove(0);
        return found(path, None, configs);
    }
    if named == Named::Yes && is_site(folder) {
        return Ok(Located::Assets { folder: folder.to_path_buf() });
    }
    match main_in(folder) {
        Some(main) => Ok(Located::Bare { main }),
        None => Err(Diagnostic::new(format!("there is no Worker in {}", shown_folder(folder)))
            .with_hint(
                "name its file, e.g. `selvedge run worker.js`; a folder needs a wrangler.toml, \
                 wrangler.json or wrangler.jsonc, or a worker.js, index.js, src/worker.js or \
                 src/index.js, or an index.html to be served as static files",
            )),
    }
}

/// The configuration that a deploy file points to.
fn redirected(deploy_file: &Path) -> Result<PathBuf, Diagnostic> {
    let settings = Settings::parse(deploy_file, read(deploy_file)?, None)?;
    let Some(setting) = settings.get("configPath") else {
        return Err(Diagnostic::new("\"configPath\" is missing")
            .in_file(deploy_file)
            .with_hint("build the project again, or remove the file to run without it"));
    };
    let given = settings.string(&setting.name, setting.node)?;
    let path = join(&folder_of(deploy_file), Path::new(given));
    if path.is_file() {
        return Ok(path);
    }
    Err(settings
        .error(setting.node, format!("the configuration {} does not exist", shown(&path)))
        .with_hint("build the project again, or remove the file to run without it"))
}

/// The main module of a folder that does not name one.
pub(super) fn main_in(folder: &Path) -> Option<PathBuf> {
    MAIN_NAMES.iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

/// Whether a folder holds pages and no Worker. A script beside a page is the page's,
/// unless it is called what only Workers are.
fn is_site(folder: &Path) -> bool {
    let is_worker = |main: PathBuf| {
        main.parent() != Some(folder) || main.file_stem().is_none_or(|stem| stem != "index")
    };
    folder.join("index.html").is_file() && !main_in(folder).is_some_and(is_worker)
}

fn configs_in(folder: &Path) -> Vec<PathBuf> {
    FILE_NAMES.iter().map(|name| folder.join(name)).filter(|path| path.is_file()).collect()
}

/// The nearest configuration in a folder above a file, if that file is its
/// main module: `selvedge run src/index.js` in a project means the project.
fn above(file: &Path, env: Option<&str>) -> Option<PathBuf> {
    let folder = folder_of(file);
    let path =
        folder.ancestors().skip(1).find_map(|folder| configs_in(folder).into_iter().next())?;
    let text = read(&path).ok()?;
    let settings = Settings::parse(&path, text, env).ok()?;
    let setting = settings.get("main")?;
    let main = settings.string(&setting.name, setting.node).ok()?;
    let is_its_main = join(&folder_of(&path), Path::new(main)) == file;
    is_its_main.then(|| path.clone())
}

fn found(
    path: PathBuf,
    main: Option<PathBuf>,
    others: Vec<PathBuf>,
) -> Result<Located, Diagnostic> {
    let text = read(&path)?;
    Ok(Located::File { path, text, main, others, redirect: None })
}

pub(super) fn read(path: &Path) -> Result<String, Diagnostic> {
    use std::io::Read as _;
    let fail = |error: &dyn std::fmt::Display| {
        Diagnostic::new(format!("cannot read {}: {error}", shown(path)))
    };
    let file = std::fs::File::open(path).map_err(|error| fail(&error))?;
    let mut bytes = Vec::new();
    file.take(MAX_CONFIG_BYTES + 1).read_to_end(&mut bytes).map_err(|error| fail(&error))?;
    if bytes.len() as u64 > MAX_CONFIG_BYTES {
        return Err(fail(&"it is larger than 1 MiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| fail(&"it is not UTF-8"))?;
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
}

/// A path from the file system's root, without `.` and `..`, links as they are.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, Diagnostic> {
    std::path::absolute(path)
        .map(|path| normal(&path))
        .map_err(|error| Diagnostic::new(format!("cannot resolve {}: {error}", path.display())))
}

/// A path that a configuration gives, from its folder.
pub(super) fn join(root: &Path, path: &Path) -> PathBuf {
    normal(&root.join(path))
}

fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// The path, if something is there.
fn existing(path: PathBuf) -> Result<PathBuf, Diagnostic> {
    match std::fs::metadata(&path) {
        Ok(_) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Diagnostic::new(format!("there is no file {}", shown(&path)))
                .with_hint_if(similar_hint(&path)))
        }
        Err(error) => Err(Diagnostic::new(format!("cannot open {}: {error}", shown(&path)))),
    }
}

/// Which file beside a missing one may be meant.
pub(super) fn similar_hint(path: &Path) -> Option<String> {
    let folder = folder_of(path);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        return Some(format!("there is no folder {} either", shown(&folder)));
    };
    let names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let missing = path.file_name()?.to_str()?;
    let stem = path.file_stem()?.to_str()?;
    let same_stem = names.iter().find(|name| {
        let other = Path::new(name).file_stem().and_then(|stem| stem.to_str());
        other.is_some_and(|other| other.eq_ignore_ascii_case(stem))
    });
    let near = same_stem
        .map(String::as_str)
        .or_else(|| nearest(missing, names.iter().map(String::as_str)))?;
    Some(format!("did you mean {}?", shown(&folder.join(near))))
}

fn shown_folder(folder: &Path) -> String {
    let here = std::env::current_dir().is_ok_and(|here| here == folder);
    if here { "this folder".into() } else { shown(folder) }
}
