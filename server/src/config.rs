//! The configuration of one Worker: `wrangler.toml`, `wrangler.json` or
//! `wrangler.jsonc`, or what a bare file needs instead.
//!
//! It answers what to run and how, and warns of every key that it knows and
//! Selvedge does not act on: a binding that is silently not there costs hours.

mod binding_kinds;
mod diagnostic;
mod dotenv;
mod fields;
mod keys;
mod locate;
mod parts;
mod rules;
mod schema;
mod section;
mod settings;
#[cfg(test)]
mod tests;
mod tree;
mod vars;

use std::path::{Path, PathBuf};

use selvedge_runtime::Limits;
use selvedge_runtime::compatibility::Compatibility;

pub use binding_kinds::{BINDING_KINDS, BindingKind, NamedBinding};
pub use diagnostic::{Diagnostic, line_and_column, nearest, shown};
use locate::Located;
pub use locate::find_above;
pub use parts::{Blob, Build, Bundling, Cron, Dev, Route, Service};
pub use rules::{Match, Rule, Rules};
pub use section::Section;
use settings::Settings;
pub use vars::{EnvLine, Var, VarOptions, VarSource};

/// Variables of the environment that name databases of this machine, as wrangler
/// reads them; the binding's name follows.
const LOCAL_DATABASES: [&str; 2] = [
    "CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_",
    "WRANGLER_HYPERDRIVE_LOCAL_CONNECTION_STRING_",
];

/// The names of a configuration file, in wrangler's order of preference.
pub const FILE_NAMES: &[&str] = &["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

/// What to run and how.
#[derive(Debug, Clone)]
pub struct Config {
    pub name: String,
    /// The main module's file; absolute. Of assets alone, their folder.
    pub main: PathBuf,
    /// The folder of static assets; absolute.
    pub assets: Option<PathBuf>,
    /// Whether there is no Worker beside them.
    pub is_assets_only: bool,
    /// What the process's environment says of the databases behind Hyperdrive:
    /// bindings and connection strings.
    pub(crate) local_databases: Vec<(String, String)>,
    /// The environment that was chosen.
    pub environment: Option<String>,
    /// The names of all environments of the configuration.
    pub environments: Vec<String>,
    pub compatibility: Compatibility,
    /// Variables and secrets of `env`, and where each is from.
    pub vars: Vec<Var>,
    /// The names of `secrets.required`; with it, only these are taken from the
    /// files of secrets.
    pub required_secrets: Option<Vec<String>>,
    /// The files that secrets were read from.
    pub secret_files: Vec<PathBuf>,
    pub limits: Limits,
    /// Which file is which kind of module.
    pub rules: Rules,
    /// Whether files that match a rule are modules even if nothing imports
    /// them by name.
    pub find_additional_modules: bool,
    /// Where module names start; the main module's folder when absent.
    pub base_dir: Option<PathBuf>,
    pub build: Build,
    pub bundling: Bundling,
    pub dev: Dev,
    /// What `triggers.crons` holds.
    pub crons: Vec<Cron>,
    /// What `routes` or `route` holds.
    pub routes: Vec<Route>,
    /// What `services` holds.
    pub services: Vec<Service>,
    /// The name of the variable that tells the Worker's version.
    pub version_metadata: Option<String>,
    /// What `text_blobs`, `data_blobs` and `wasm_modules` hold.
    pub blobs: Vec<Blob>,
    /// The folder of the configuration file, else of the main module.
    pub root: PathBuf,
    /// The configuration file, if there is one.
    pub file: Option<PathBuf>,
    /// The files beside modules whose change changes the Worker, also those that
    /// are missing.
    pub watched: Vec<PathBuf>,
    /// What the user should know and can go on without.
    pub warnings: Vec<String>,
    sections: Vec<Section>,
}

/// The tables of a key in a configuration file, such as `kv_namespaces`; empty
/// when it is not set. The Worker itself needs not be there.
///
/// # Errors
/// When the file cannot be read, has no such environment, or holds a value that
/// does not fit.
pub fn tables_in(file: &Path, env: Option<&str>, key: &str) -> Result<Vec<Section>, Diagnostic> {
    let path = locate::absolute(file)?;
    let text = locate::read(&path)?;
    let settings = Settings::parse(&path, text, env.filter(|env| !env.is_empty()))?;
    settings.check()?;
    let sections = settings.sections();
    let found = sections.iter().find(|section| section.key() == key);
    found.map_or(Ok(Vec::new()), Section::items)
}

/// Who a Worker is, for commands that do not need its code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Its name, with the environment's.
    pub name: Option<String>,
    /// `account_id`.
    pub account_id: Option<String>,
}

/// Who the Worker of a configuration file is. Its code needs not be there.
///
/// # Errors
/// When the file cannot be read, has no such environment, or holds a value that
/// does not fit.
pub fn identity_in(file: &Path, env: Option<&str>) -> Result<Identity, Diagnostic> {
    let path = locate::absolute(file)?;
    let text = locate::read(&path)?;
    let settings = Settings::parse(&path, text, env.filter(|env| !env.is_empty()))?;
    let account_id = fields::section(&settings, "account_id");
    Ok(Identity {
        name: fields::name(&settings)?,
        account_id: account_id.map(|section| section.read()).transpose()?,
    })
}

/// The variables of the `.env` files of a folder, of which the later ones win.
/// A project may name in them where it is deployed to.
///
/// # Errors
/// When one of them cannot be read.
pub fn dot_env_of(folder: &Path, env: Option<&str>) -> Result<Vec<(String, String)>, Diagnostic> {
    vars::dot_env_of(folder, env.filter(|env| !env.is_empty()))
}

/// Variables in the text of a `.env` file.
pub fn parse_dot_env(text: &str) -> Vec<(String, String)> {
    dotenv::parse(text)
}

/// What the command line says about the configuration.
#[derive(Debug, Clone, Copy, Default)]
pub struct Selection<'a> {
    /// A Worker's main module, a folder with a Worker, or a configuration file.
    /// Without it, the configuration of this folder or of one above is taken.
    pub file: Option<&'a Path>,
    /// A configuration file.
    pub config: Option<&'a Path>,
    /// A `[env.NAME]` of the configuration.
    pub env: Option<&'a str>,
    /// Variables from elsewhere; without it only `vars` and the files beside
    /// the configuration are read.
    pub vars: Option<&'a VarOptions>,
}

impl Config {
    /// Finds and reads the configuration.
    ///
    /// # Errors
    /// When there is no Worker, or the configuration is not valid.
    pub fn load(selection: Selection<'_>) -> Result<Self, Diagnostic> {
        // As in wrangler, the empty name is the top level.
        let env = selection.env.filter(|env| !env.is_empty());
        let selection = Selection { env, ..selection };
        match locate::locate(selection)? {
            Located::Bare { main } => {
                if let Some(env) = selection.env {
                    return Err(Diagnostic::new(format!(
                        "there is no environment \"{env}\": no configuration was found"
                    ))
                    .with_hint("name the file that holds it with --config"));
                }
                Self::bare(main, selection)
            }
            Located::Assets { folder } => {
                let mut config = Self::bare(folder.clone(), selection)?;
                config.is_assets_only = true;
                config.assets = Some(folder);
                Ok(config)
            }
            Located::File { path, text, main, others, redirect } => {
                if let (Some(redirect), Some(env)) = (&redirect, selection.env) {
                    return Err(Diagnostic::new(format!(
                        "there is no environment \"{env}\" in {}: a build made it for one \
                         environment",
                        shown(&path)
                    ))
                    .with_hint(format!(
                        "choose the environment when building, or remove {}",
                        shown(&redirect.deploy_file)
                    )));
                }
                let settings = Settings::parse(&path, text, selection.env)?;
                let secrets_in = redirect.as_ref().and_then(|redirect| redirect.user_root.clone());
                let mut config = Self::configured(&settings, main, secrets_in, selection)?;
                if let Some(other) = others.first() {
                    config.warnings.push(format!(
                        "{} is ignored: {} comes first",
                        shown(other),
                        shown(&path)
                    ));
                }
                if let Some(redirect) = redirect {
                    config.warnings.push(format!(
                        "the configuration is {}, which a build made: {} says so",
                        shown(&path),
                        shown(&redirect.deploy_file)
                    ));
                }
                Ok(config)
            }
        }
    }

    /// A Worker without a configuration.
    fn bare(main: PathBuf, selection: Selection<'_>) -> Result<Self, Diagnostic> {
        let root = folder_of(&main);
        let options = selection.vars.cloned().unwrap_or_default();
        let found = vars::read(None, &root, None, &options)?;
        Ok(Self {
            name: name_of(&main),
            environment: None,
            environments: Vec::new(),
            compatibility: Compatibility::default(),
            vars: found.vars,
            required_secrets: None,
            secret_files: found.files,
            limits: Limits::default(),
            rules: Rules::default(),
            find_additional_modules: false,
            base_dir: None,
            build: Build { command: None, cwd: root.clone(), watch_dirs: Vec::new() },
            bundling: Bundling { keep_names: true, ..Bundling::default() },
            dev: Dev::default(),
            crons: Vec::new(),
            routes: Vec::new(),
            services: Vec::new(),
            version_metadata: None,
            blobs: Vec::new(),
            root,
            file: None,
            watched: found.candidates,
            warnings: found.warnings,
            sections: Vec::new(),
            local_databases: Vec::new(),
            assets: None,
            is_assets_only: false,
            main,
        })
    }

    fn configured(
        settings: &Settings,
        given: Option<PathBuf>,
        secrets_in: Option<PathBuf>,
        selection: Selection<'_>,
    ) -> Result<Self, Diagnostic> {
        let root = folder_of(settings.path());
        let mut warnings = settings.check()?;
        let build = parts::build(settings, &root)?;
        let assets = parts::assets(settings, &root)?;
        let is_assets_only = assets.is_some() && given.is_none() && settings.get("main").is_none();
        let main = match (given, &assets) {
            (Some(main), _) => main,
            (None, Some(assets)) if is_assets_only => assets.clone(),
            (None, _) => fields::main(settings, &root, build.command.is_some())?,
        };
        let (rules, rule_warnings) = fields::rules(settings)?;
        warnings.extend(rule_warnings);
        let (compatibility, notes) = fields::compatibility(settings)?;
        warnings.extend(notes);
        let options = selection.vars.cloned().unwrap_or_default();
        let folder = secrets_in.as_deref().unwrap_or(&root);
        let found = vars::read(Some(settings), folder, selection.env, &options)?;
        warnings.extend(found.warnings);
        let bundling = parts::bundling(settings, &root)?;
        let find_additional_modules =
            fields::boolean(settings, "find_additional_modules")?.unwrap_or(bundling.no_bundle);
        let blobs = parts::blobs(settings, &root)?;
        let mut watched = vec![settings.path().to_path_buf()];
        watched.extend(found.candidates);
        watched.extend(blobs.iter().map(|blob| blob.path.clone()));
        let databases = options.environment.iter().filter_map(|(name, text)| {
            let found = LOCAL_DATABASES.iter().find_map(|it| name.strip_prefix(it));
            Some((found?.to_owned(), text.clone()))
        });
        let config = Self {
            local_databases: databases.collect(),
            name: fields::name(settings)?.unwrap_or_else(|| settings.named(&name_of(&main))),
            environment: selection.env.map(str::to_owned),
            environments: settings.environments(),
            compatibility,
            vars: found.vars,
            required_secrets: found.required,
            secret_files: found.files,
            limits: fields::limits(settings)?,
            rules,
            find_additional_modules,
            base_dir: fields::base_dir(settings, &root)?,
            build,
            bundling,
            dev: parts::dev(settings)?,
            crons: parts::crons(settings)?,
            routes: parts::routes(settings)?,
            services: parts::services(settings)?,
            version_metadata: parts::version_metadata(settings)?,
            blobs,
            root,
            file: Some(settings.path().to_path_buf()),
            watched,
            warnings,
            sections: settings.sections(),
            assets,
            is_assets_only,
            main,
        };
        config.check_names()?;
        Ok(config)
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
