//! The keys that others than `run` ask for, as typed values: how to build, how
//! to bundle, where to listen, when to fire.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use selvedge_runtime::ModuleKind;
use serde::Deserialize;

use super::diagnostic::{Diagnostic, shown};
use super::section::Section;
use super::settings::Settings;
use super::{Config, fields, locate};

/// `build`: a command that makes the Worker's files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Build {
    /// What the shell runs, if anything.
    pub command: Option<String>,
    /// Where it runs; absolute.
    pub cwd: PathBuf,
    /// The folders whose changes bring another run; absolute. wrangler's
    /// default is `src`.
    pub watch_dirs: Vec<PathBuf>,
}

/// `dev`: where and how `dev` listens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Dev {
    pub ip: Option<String>,
    pub port: Option<u16>,
    pub inspector_ip: Option<String>,
    pub inspector_port: Option<u16>,
    /// `http` or `https`.
    pub local_protocol: Option<String>,
    /// The scheme that requests are said to have come with.
    pub upstream_protocol: Option<String>,
    /// The host that requests are said to have come for.
    pub host: Option<String>,
    /// Whether types are written at start.
    pub generate_types: Option<bool>,
}

/// A cron trigger: five fields, in UTC, Sunday is 1.
#[derive(Debug, Clone)]
pub struct Cron {
    /// As it was written; `controller.cron` gives this.
    pub expression: String,
    /// What knows when it fires.
    pub schedule: croner::Cron,
}

impl Cron {
    /// Reads a cron expression as Cloudflare does.
    ///
    /// # Errors
    /// With the reason when it is none.
    pub fn parse(expression: &str) -> Result<Self, String> {
        use croner::parser::{CronParser, Seconds, Year};
        let fields = expression.split_whitespace().count();
        if fields != 5 {
            return Err(format!("a cron expression has five fields, not {fields}"));
        }
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .alternative_weekdays(true)
            .build();
        let schedule = parser.parse(expression).map_err(|error| error.to_string())?;
        Ok(Self { expression: expression.to_owned(), schedule })
    }
}

/// One of `routes`: which requests are for the Worker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Route {
    /// A host and a path, in which `*` stands for anything.
    pub pattern: String,
    pub zone_id: Option<String>,
    pub zone_name: Option<String>,
    /// Whether the pattern is a host that belongs to the Worker alone.
    pub custom_domain: bool,
}

/// One of `services`: another Worker as a binding.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Service {
    pub binding: String,
    /// The other Worker's name.
    pub service: String,
    /// Its environment, which adds to its name.
    pub environment: Option<String>,
    /// One of its named exports; the default one otherwise.
    pub entrypoint: Option<String>,
    /// What its `ctx.props` holds.
    pub props: Option<serde_json::Value>,
}

/// What a bundler must know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundling {
    /// Imports of the left are those of the right.
    pub alias: BTreeMap<String, String>,
    /// Names that are replaced by expressions.
    pub define: BTreeMap<String, String>,
    /// Absolute.
    pub tsconfig: Option<PathBuf>,
    pub jsx_factory: Option<String>,
    pub jsx_fragment: Option<String>,
    pub minify: bool,
    /// Whether functions and classes keep their `name`; they do by default.
    pub keep_names: bool,
    /// Whether the modules are taken as they are.
    pub no_bundle: bool,
    /// Whether modules of other kinds keep their file names.
    pub preserve_file_names: bool,
}

/// Reads `build`.
pub(super) fn build(settings: &Settings, root: &Path) -> Result<Build, Diagnostic> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Table {
        command: Option<String>,
        cwd: Option<String>,
        watch_dir: Option<Folders>,
    }
    let table: Table = fields::section(settings, "build")
        .map_or(Ok(Table::default()), |section| section.read())?;
    let folder = |name: &str| locate::join(root, Path::new(name));
    let watch_dirs = match table.watch_dir {
        Some(Folders::One(name)) => vec![folder(&name)],
        Some(Folders::Many(names)) => names.iter().map(|name| folder(name)).collect(),
        None => vec![folder("src")],
    };
    let cwd = table.cwd.map_or_else(|| root.to_path_buf(), |name| folder(&name));
    Ok(Build { command: table.command.filter(|command| !command.is_empty()), cwd, watch_dirs })
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Folders {
    One(String),
    Many(Vec<String>),
}

/// Reads `dev`.
pub(super) fn dev(settings: &Settings) -> Result<Dev, Diagnostic> {
    fields::section(settings, "dev").map_or(Ok(Dev::default()), |section| section.read())
}

/// Reads `triggers.crons`.
pub(super) fn crons(settings: &Settings) -> Result<Vec<Cron>, Diagnostic> {
    let triggers = fields::section(settings, "triggers");
    let Some(crons) = triggers.and_then(|triggers| triggers.get("crons")) else {
        return Ok(Vec::new());
    };
    let cron = |item: &Section| {
        let expression: String = item.read()?;
        Cron::parse(&expression).map_err(|reason| {
            item.error(format!("\"{expression}\" is no cron expression: {reason}"))
                .with_hint("minute, hour, day, month and weekday, e.g. \"*/5 * * * *\"")
        })
    };
    crons.items()?.iter().map(cron).collect()
}

/// Reads `routes` and `route`.
pub(super) fn routes(settings: &Settings) -> Result<Vec<Route>, Diagnostic> {
    let mut items = match fields::section(settings, "routes") {
        Some(routes) => routes.items()?,
        None => Vec::new(),
    };
    if let Some(route) = fields::section(settings, "route") {
        if !items.is_empty() {
            return Err(route.error("\"route\" and \"routes\" cannot both be there"));
        }
        items.push(route);
    }
    items.iter().map(route).collect()
}

fn route(item: &Section) -> Result<Route, Diagnostic> {
    let route: Route = match item.as_str() {
        Some(pattern) => Route { pattern: pattern.to_owned(), ..Route::default() },
        None => item.read()?,
    };
    let problem = if route.pattern.is_empty() {
        Some("a route needs a pattern".to_owned())
    } else if !route.custom_domain {
        None
    } else if route.pattern.contains('*') {
        Some(format!("\"{}\": a custom domain cannot hold a \"*\"", route.pattern))
    } else if route.pattern.contains('/') {
        Some(format!("\"{}\": a custom domain has no path", route.pattern))
    } else {
        None
    };
    match problem {
        Some(problem) => Err(item.error(problem)),
        None => Ok(route),
    }
}

/// Reads the folder of `assets`.
pub(super) fn assets(settings: &Settings, root: &Path) -> Result<Option<PathBuf>, Diagnostic> {
    let Some(section) = fields::section(settings, "assets") else { return Ok(None) };
    let Some(directory) = section.get("directory") else {
        return Err(section.error(
            "The `assets` property in your configuration is missing the required `directory` \
             property.",
        ));
    };
    let given: String = directory.read()?;
    if given.is_empty() {
        return Err(directory.error("The assets directory cannot be an empty string."));
    }
    let path = locate::join(root, Path::new(&given));
    if path.is_dir() {
        return Ok(Some(path));
    }
    let what = if path.exists() { "is no folder" } else { "does not exist" };
    Err(directory
        .error(format!("the folder \"{given}\" of \"assets.directory\" {what}"))
        .with_hint("a build may have to make it first: see `build` in the configuration"))
}

/// Reads `services`.
pub(super) fn services(settings: &Settings) -> Result<Vec<Service>, Diagnostic> {
    let Some(services) = fields::section(settings, "services") else { return Ok(Vec::new()) };
    services.items()?.iter().map(Section::read).collect()
}

/// Reads the keys for a bundler.
pub(super) fn bundling(settings: &Settings, root: &Path) -> Result<Bundling, Diagnostic> {
    let map =
        |key| fields::section(settings, key).map_or(Ok(BTreeMap::new()), |section| section.read());
    let text = |key| fields::section(settings, key).map(|section| section.read()).transpose();
    let flag = |key, default| Ok(fields::boolean(settings, key)?.unwrap_or(default));
    let tsconfig: Option<String> = text("tsconfig")?;
    Ok(Bundling {
        alias: map("alias")?,
        define: map("define")?,
        tsconfig: tsconfig.map(|name| locate::join(root, Path::new(&name))),
        jsx_factory: text("jsx_factory")?,
        jsx_fragment: text("jsx_fragment")?,
        minify: flag("minify", false)?,
        keep_names: flag("keep_names", true)?,
        no_bundle: flag("no_bundle", false)?,
        preserve_file_names: flag("preserve_file_names", false)?,
    })
}

/// A file that becomes a value of `env`, and a global variable in
/// service-worker syntax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    pub name: String,
    /// `Text`, `Data` or `Wasm`.
    pub kind: ModuleKind,
    /// Absolute.
    pub path: PathBuf,
}

impl Blob {
    /// The key that it stands in.
    pub fn key(&self) -> &'static str {
        BLOB_KEYS.iter().find(|(_, kind)| *kind == self.kind).map_or("text_blobs", |(key, _)| key)
    }
}

/// The keys that hold blobs.
const BLOB_KEYS: &[(&str, ModuleKind)] = &[
    ("text_blobs", ModuleKind::Text),
    ("data_blobs", ModuleKind::Data),
    ("wasm_modules", ModuleKind::Wasm),
];

/// Reads `text_blobs`, `data_blobs` and `wasm_modules`.
pub(super) fn blobs(settings: &Settings, root: &Path) -> Result<Vec<Blob>, Diagnostic> {
    let mut all = Vec::new();
    for (key, kind) in BLOB_KEYS {
        all.extend(blobs_of(settings, root, key, *kind)?);
    }
    Ok(all)
}

fn blobs_of(
    settings: &Settings,
    root: &Path,
    key: &'static str,
    kind: ModuleKind,
) -> Result<Vec<Blob>, Diagnostic> {
    let Some(blobs) = fields::section(settings, key) else { return Ok(Vec::new()) };
    let blob = |(name, section): (String, Section)| {
        let file: String = section.read()?;
        let path = locate::join(root, Path::new(&file));
        if path.is_file() {
            return Ok(Blob { name, kind, path });
        }
        Err(section
            .error(format!("the file \"{file}\" of \"{}\" does not exist", section.name()))
            .with_hint_if(locate::similar_hint(&path)))
    };
    blobs.entries()?.into_iter().map(blob).collect()
}

/// The name in `env` that `version_metadata` gives.
pub(super) fn version_metadata(settings: &Settings) -> Result<Option<String>, Diagnostic> {
    let section = fields::section(settings, "version_metadata");
    section.and_then(|section| section.get("binding")).map(|name| name.read()).transpose()
}

impl Config {
    /// What the user should know of keys that other commands act on and
    /// `selvedge run` does not.
    pub fn not_in_run(&self) -> Vec<String> {
        let Some(file) = self.file.as_deref().map(shown) else { return Vec::new() };
        let mut said = Vec::new();
        if !self.crons.is_empty() {
            said.push(format!(
                "{file}: `selvedge run` does not fire cron triggers; `selvedge dev` does"
            ));
        }
        let bindings = self.bindings().into_iter();
        for binding in bindings.filter(|it| it.kind.key == "dispatch_namespaces") {
            said.push(format!(
                "{file}: the dispatch namespace \"{}\" is empty: `selvedge run` serves one Worker; \
                 `selvedge dev -c A -c B` serves several, which are in it",
                binding.name
            ));
        }
        said
    }

    /// The value of a key as the chosen environment has it, for the code that
    /// the key concerns.
    pub fn section(&self, key: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.key() == key)
    }

    /// The tables of a key that holds a list of bindings, such as
    /// `kv_namespaces`; empty when it is not set. Each is read with
    /// [`Section::read`], and errors about it are made with [`Section::error`].
    ///
    /// # Errors
    /// When the value is no list.
    pub fn tables(&self, key: &str) -> Result<Vec<Section>, Diagnostic> {
        self.section(key).map_or(Ok(Vec::new()), Section::items)
    }
}
