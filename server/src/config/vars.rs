//! What `env` holds besides objects: `vars` of the configuration, secrets from
//! files beside it, `--var` of the command line; and where each came from.

use std::io;
use std::path::{Path, PathBuf};

use selvedge_runtime::{EnvValue, ModuleKind};

use super::diagnostic::{Diagnostic, shown};
use super::dotenv;
use super::keys::{Support, key};
use super::settings::Settings;
use super::tree::Value;
use super::{Blob, Config, NamedBinding};

/// No file of variables is larger: 1 MiB.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// More of a value than this is not shown.
const MAX_SHOWN_CHARS: usize = 40;

/// A name in `env`, its value, and where it is from.
#[derive(Debug, Clone)]
pub struct Var {
    pub name: String,
    pub value: EnvValue,
    pub source: VarSource,
}

/// Where a variable was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VarSource {
    /// `vars` of the configuration.
    Configuration,
    /// A file such as `.dev.vars`; its values are secrets.
    File(PathBuf),
    /// The environment of the process; its values are secrets.
    Environment,
    /// `--var` of the command line.
    CommandLine,
}

impl VarSource {
    /// Whether values from here must not be shown.
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::File(_) | Self::Environment)
    }
}

/// What the command line and the process say about variables.
#[derive(Debug, Clone, Default)]
pub struct VarOptions {
    /// `--var`: names and values, which win over all others.
    pub vars: Vec<(String, String)>,
    /// `--env-file`: files to read instead of `.dev.vars` and `.env`, from the
    /// current folder.
    pub files: Vec<PathBuf>,
    /// The environment of the process.
    pub environment: Vec<(String, String)>,
    /// Whether all of that environment goes into `env` (wrangler's
    /// `CLOUDFLARE_INCLUDE_PROCESS_ENV`).
    pub include_environment: bool,
    /// Whether `.env` files are left alone, also when there is no `.dev.vars` (wrangler's
    /// `CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV=false`).
    pub skip_dot_env: bool,
}

/// One line of the list of what `env` holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvLine {
    /// As code writes it: `env.NAME`.
    pub name: String,
    /// What kind of thing it is, such as `Environment Variable`.
    pub kind: &'static str,
    /// The value, cut to one short line; `(hidden)` for secrets.
    pub value: String,
    /// Where it is from.
    pub source: String,
}

impl Var {
    /// The variable as a line of the list of what `env` holds.
    pub fn line(&self) -> EnvLine {
        let value = match &self.value {
            _ if self.source.is_secret() => "(hidden)".to_owned(),
            EnvValue::Text(text) => short(&serde_json::Value::from(text.as_str()).to_string()),
            EnvValue::Json(value) => short(&value.to_string()),
            EnvValue::Data(_) | EnvValue::Wasm(_) | EnvValue::Binding(_) => String::new(),
        };
        let source = match &self.source {
            VarSource::Configuration => "vars".to_owned(),
            VarSource::File(path) => shown(path),
            VarSource::Environment => "the environment".to_owned(),
            VarSource::CommandLine => "--var".to_owned(),
        };
        let kind = if self.source.is_secret() { "Secret" } else { "Environment Variable" };
        EnvLine { name: format!("env.{}", self.name), kind, value, source }
    }
}

impl Config {
    /// The list of what `env` holds, in the order in which it is made: variables,
    /// then bindings. Secrets are hidden.
    pub fn env_lines(&self) -> Vec<EnvLine> {
        let blob = |blob: &Blob| EnvLine {
            name: format!("env.{}", blob.name),
            kind: match blob.kind {
                ModuleKind::Data => "Data Blob",
                ModuleKind::Wasm => "Wasm Module",
                _ => "Text Blob",
            },
            value: shown(&blob.path),
            source: blob.key().to_owned(),
        };
        let binding = |binding: NamedBinding| EnvLine {
            name: format!("env.{}", binding.name),
            kind: binding.kind.label,
            value: match key(binding.kind.key).map(|key| key.support) {
                Some(Support::Acts) => binding.summary(),
                _ => "(not there yet)".to_owned(),
            },
            source: binding.section.key().to_owned(),
        };
        let vars = self.vars.iter().map(Var::line);
        let blobs = self.blobs.iter().map(blob);
        vars.chain(blobs).chain(self.bindings().into_iter().map(binding)).collect()
    }
}

fn short(text: &str) -> String {
    if text.chars().count() <= MAX_SHOWN_CHARS {
        return text.to_owned();
    }
    text.chars().take(MAX_SHOWN_CHARS - 2).chain("..".chars()).collect()
}

/// What was found.
pub(super) struct Found {
    pub(super) vars: Vec<Var>,
    /// The names of `secrets.required`.
    pub(super) required: Option<Vec<String>>,
    /// The files that were read.
    pub(super) files: Vec<PathBuf>,
    /// The files that were looked for.
    pub(super) candidates: Vec<PathBuf>,
    pub(super) warnings: Vec<String>,
}

/// All variables of a Worker; the later of two of one name holds.
pub(super) fn read(
    settings: Option<&Settings>,
    folder: &Path,
    env: Option<&str>,
    options: &VarOptions,
) -> Result<Found, Diagnostic> {
    let mut vars = match settings {
        Some(settings) => configured(settings)?,
        None => Vec::new(),
    };
    let required = settings.map(required).transpose()?.flatten();
    let (secrets, files) = secrets(folder, env, required.is_some(), options)?;
    let mut warnings = Vec::new();
    let secrets = match &required {
        None => secrets,
        Some(required) => {
            let is_there = |name: &String| secrets.iter().any(|secret| secret.name == *name);
            let missing: Vec<_> = required.iter().filter(|name| !is_there(name)).cloned().collect();
            if !missing.is_empty() {
                warnings.push(format!(
                    "Missing required secrets: {}. Add them to .dev.vars, .env, or set as \
                     environment variables.",
                    missing.join(", ")
                ));
            }
            secrets.into_iter().filter(|secret| required.contains(&secret.name)).collect()
        }
    };
    let given = options.vars.iter().map(|(name, value)| Var {
        name: name.clone(),
        value: EnvValue::Text(value.clone()),
        source: VarSource::CommandLine,
    });
    for var in secrets.into_iter().chain(given) {
        set(&mut vars, var);
    }
    let candidates = candidates(folder, env, options)?;
    Ok(Found { vars, required, files, candidates, warnings })
}

/// Puts a variable into the list, in the place of one with its name.
pub(super) fn set(vars: &mut Vec<Var>, var: Var) {
    match vars.iter_mut().find(|known| known.name == var.name) {
        Some(known) => *known = var,
        None => vars.push(var),
    }
}

/// What `vars` puts into `env`: strings as they are, all else as JSON.
fn configured(settings: &Settings) -> Result<Vec<Var>, Diagnostic> {
    let Some(setting) = settings.get("vars") else { return Ok(Vec::new()) };
    let table = settings.table(&setting.name, setting.node)?;
    let mut vars = Vec::with_capacity(table.0.len());
    for entry in &table.0 {
        let value = match &entry.node.value {
            Value::String(text) => EnvValue::Text(text.clone()),
            _ => EnvValue::Json(entry.node.to_json()),
        };
        // JSON may say a key twice; the last one holds.
        let name = entry.key.clone();
        set(&mut vars, Var { name, value, source: VarSource::Configuration });
    }
    Ok(vars)
}

/// The names of `secrets.required`, if there is a `secrets` at all: it switches
/// from all that the files hold to what it names.
fn required(settings: &Settings) -> Result<Option<Vec<String>>, Diagnostic> {
    let Some(setting) = settings.get("secrets") else { return Ok(None) };
    let table = settings.table(&setting.name, setting.node)?;
    let Some(entry) = table.get("required") else { return Ok(Some(Vec::new())) };
    let name = format!("{}.required", setting.name);
    let names = settings.list(&name, &entry.node)?;
    let names = names.iter().map(|node| settings.string(&name, node).map(str::to_owned));
    Ok(Some(names.collect::<Result<_, _>>()?))
}

/// The variables of the files beside the configuration, or of the given ones,
/// and the files.
fn secrets(
    folder: &Path,
    env: Option<&str>,
    has_required: bool,
    options: &VarOptions,
) -> Result<(Vec<Var>, Vec<PathBuf>), Diagnostic> {
    if options.files.is_empty() {
        for path in dev_vars_files(folder, env) {
            if let Some(text) = read_file(&path)? {
                let source = VarSource::File(path.clone());
                let var = |(name, value)| Var {
                    name,
                    value: EnvValue::Text(value),
                    source: source.clone(),
                };
                return Ok((dotenv::parse(&text).into_iter().map(var).collect(), vec![path]));
            }
        }
        if options.skip_dot_env {
            return Ok((Vec::new(), Vec::new()));
        }
    }
    dot_env(folder, env, has_required, options)
}

/// The variables of `.env` files, later ones over earlier ones.
fn dot_env(
    folder: &Path,
    env: Option<&str>,
    has_required: bool,
    options: &VarOptions,
) -> Result<(Vec<Var>, Vec<PathBuf>), Diagnostic> {
    let mut files = Vec::new();
    let mut raw: Vec<(String, String)> = Vec::new();
    let mut sources: Vec<PathBuf> = Vec::new();
    for path in env_files(folder, env, options)? {
        let Some(text) = read_file(&path)? else {
            if options.files.is_empty() {
                continue;
            }
            return Err(Diagnostic::new(format!("there is no file {}", shown(&path)))
                .with_hint("--env-file names a file of variables, such as .env.local"));
        };
        for (name, value) in dotenv::parse(&text) {
            match raw.iter().position(|(known, _)| *known == name) {
                Some(at) => {
                    raw[at].1 = value;
                    sources[at].clone_from(&path);
                }
                None => {
                    raw.push((name, value));
                    sources.push(path.clone());
                }
            }
        }
        files.push(path);
    }
    let include = has_required || options.include_environment;
    let outside: &[(String, String)] = if include { &options.environment } else { &[] };
    dotenv::expand(&mut raw, outside);
    let mut vars: Vec<Var> = outside
        .iter()
        .map(|(name, value)| Var {
            name: name.clone(),
            value: EnvValue::Text(value.clone()),
            source: VarSource::Environment,
        })
        .collect();
    for ((name, value), path) in raw.into_iter().zip(sources) {
        set(&mut vars, Var { name, value: EnvValue::Text(value), source: VarSource::File(path) });
    }
    Ok((vars, files))
}

/// The variables of the `.env` files of a folder, without what they are for.
pub(super) fn dot_env_of(
    folder: &Path,
    env: Option<&str>,
) -> Result<Vec<(String, String)>, Diagnostic> {
    let (vars, _) = dot_env(folder, env, false, &VarOptions::default())?;
    let text = |var: Var| match var.value {
        EnvValue::Text(text) => Some((var.name, text)),
        _ => None,
    };
    Ok(vars.into_iter().filter_map(text).collect())
}

/// The `.dev.vars` files to look at; the first that is there holds.
fn dev_vars_files(folder: &Path, env: Option<&str>) -> Vec<PathBuf> {
    let of_env = env.map(|env| folder.join(format!(".dev.vars.{env}")));
    of_env.into_iter().chain([folder.join(".dev.vars")]).collect()
}

/// All files that may hold secrets.
fn candidates(
    folder: &Path,
    env: Option<&str>,
    options: &VarOptions,
) -> Result<Vec<PathBuf>, Diagnostic> {
    let mut files = env_files(folder, env, options)?;
    if options.files.is_empty() {
        files.extend(dev_vars_files(folder, env));
    }
    Ok(files)
}

/// The `.env` files to look at, from the weakest to the strongest.
fn env_files(
    folder: &Path,
    env: Option<&str>,
    options: &VarOptions,
) -> Result<Vec<PathBuf>, Diagnostic> {
    if !options.files.is_empty() {
        return options.files.iter().map(|file| super::locate::absolute(file)).collect();
    }
    let mut names = vec![".env".to_owned(), ".env.local".to_owned()];
    if let Some(env) = env {
        names.push(format!(".env.{env}"));
        names.push(format!(".env.{env}.local"));
    }
    Ok(names.iter().map(|name| folder.join(name)).collect())
}

/// A file's text, or nothing if there is no such file.
fn read_file(path: &Path) -> Result<Option<String>, Diagnostic> {
    use std::io::Read as _;
    let fail = |error: &dyn std::fmt::Display| {
        Diagnostic::new(format!("cannot read {}: {error}", shown(path)))
    };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(&error)),
    };
    // A folder named .env, as Python's tools make it, holds no variables.
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| fail(&error))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(fail(&"it is larger than 1 MiB"));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| fail(&"it is not UTF-8"))
}
