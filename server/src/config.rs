//! The configuration of one Worker: `wrangler.toml`, `wrangler.json` or
//! `wrangler.jsonc`, or what a bare file needs instead.
//!
//! It answers what to run and how, and warns of every key that it knows and
//! Selvedge does not act on: a binding that is silently not there costs hours.

mod diagnostic;
mod fields;
mod keys;
mod locate;
mod rules;
mod settings;
#[cfg(test)]
mod tests;
mod tree;

use std::path::{Path, PathBuf};

use selvedge_runtime::compatibility::Compatibility;
use selvedge_runtime::{EnvEntry, Limits};

pub use diagnostic::{Diagnostic, line_and_column, nearest, shown};
use locate::Located;
pub use rules::{Match, Rule, Rules};
use settings::Settings;

/// The names of a configuration file, in wrangler's order of preference.
pub const FILE_NAMES: &[&str] = &["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

/// What to run and how.
#[derive(Debug, Clone)]
pub struct Config {
    pub name: String,
    /// The main module's file; absolute.
    pub main: PathBuf,
    pub compatibility: Compatibility,
    /// What `vars` puts into `env`.
    pub vars: Vec<EnvEntry>,
    pub limits: Limits,
    /// Which file is which kind of module.
    pub rules: Rules,
    /// Whether files that match a rule are modules even if nothing imports
    /// them by name.
    pub find_additional_modules: bool,
    /// Where module names start; the main module's folder when absent.
    pub base_dir: Option<PathBuf>,
    /// The folder of the configuration file, else of the main module.
    pub root: PathBuf,
    /// The configuration file, if there is one.
    pub file: Option<PathBuf>,
    /// What the user should know and can go on without.
    pub warnings: Vec<String>,
}

/// What the command line says about the configuration.
#[derive(Debug, Clone, Copy, Default)]
pub struct Selection<'a> {
    /// A Worker's main module, a folder with a Worker, or a configuration file.
    pub file: Option<&'a Path>,
    /// A configuration file.
    pub config: Option<&'a Path>,
    /// A `[env.NAME]` of the configuration.
    pub env: Option<&'a str>,
}

impl Config {
    /// Finds and reads the configuration.
    ///
    /// # Errors
    /// When there is no Worker, or the configuration is not valid.
    pub fn load(selection: Selection<'_>) -> Result<Self, Diagnostic> {
        match locate::locate(selection)? {
            Located::Bare { main } => {
                if let Some(env) = selection.env {
                    return Err(Diagnostic::new(format!(
                        "there is no environment \"{env}\": no configuration was found"
                    ))
                    .with_hint("name the file that holds it with --config"));
                }
                Ok(Self::bare(main))
            }
            Located::File { path, text, main, others } => {
                let settings = Settings::parse(&path, &text, selection.env)?;
                let mut config = Self::configured(&settings, main)?;
                if let Some(other) = others.first() {
                    config.warnings.push(format!(
                        "{} is ignored: {} comes first",
                        shown(other),
                        shown(&path)
                    ));
                }
                Ok(config)
            }
        }
    }

    /// A Worker without a configuration.
    fn bare(main: PathBuf) -> Self {
        Self {
            name: name_of(&main),
            compatibility: Compatibility::default(),
            vars: Vec::new(),
            limits: Limits::default(),
            rules: Rules::default(),
            find_additional_modules: false,
            base_dir: None,
            root: folder_of(&main),
            file: None,
            warnings: Vec::new(),
            main,
        }
    }

    fn configured(settings: &Settings<'_>, given: Option<PathBuf>) -> Result<Self, Diagnostic> {
        let root = folder_of(settings.path);
        let main = match given {
            Some(main) => main,
            None => fields::main(settings, &root)?,
        };
        let mut warnings = settings.warnings();
        let (rules, rule_warnings) = fields::rules(settings)?;
        warnings.extend(rule_warnings);
        let (compatibility, flag_warnings) = fields::compatibility(settings)?;
        warnings.extend(flag_warnings);
        let (limits, limit_warnings) = fields::limits(settings)?;
        warnings.extend(limit_warnings);
        let no_bundle = fields::boolean(settings, "no_bundle")?.unwrap_or(false);
        let find_additional_modules =
            fields::boolean(settings, "find_additional_modules")?.unwrap_or(no_bundle);
        Ok(Self {
            name: fields::name(settings)?.unwrap_or_else(|| settings.named(&name_of(&main))),
            compatibility,
            vars: fields::vars(settings)?,
            limits,
            rules,
            find_additional_modules,
            base_dir: fields::base_dir(settings, &root)?,
            root,
            file: Some(settings.path.to_path_buf()),
            warnings,
            main,
        })
    }
}

/// The folder that a file lies in.
pub(crate) fn folder_of(file: &Path) -> PathBuf {
    file.parent().map_or_else(|| PathBuf::from("/"), Path::to_path_buf)
}

/// A Worker's name after its file.
fn name_of(main: &Path) -> String {
    main.file_stem().map_or_else(|| "worker".into(), |stem| stem.to_string_lossy().into_owned())
}
