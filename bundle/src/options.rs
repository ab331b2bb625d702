//! What a bundle is made from: the parts of wrangler's configuration that say
//! how sources become modules.

use std::path::PathBuf;
use std::sync::Arc;

use crate::rules::{DefaultRules, Rules};

/// The `exports` conditions that wrangler asks packages for, besides `import` or
/// `require` and `default`, which always hold.
pub const CONDITIONS: [&str; 3] = ["workerd", "worker", "browser"];

/// How a Worker is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An ES module that exports its handlers.
    Modules,
    /// A script that calls `addEventListener("fetch", ..)`.
    ServiceWorker,
}

/// What the compatibility flags say about modules of Node.js.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NodeCompat {
    /// No flag: importing one is a mistake, or a package's guess at run time.
    #[default]
    Off,
    /// `nodejs_als`: only `node:async_hooks` is there.
    AsyncLocalStorage,
    /// `nodejs_compat`: `fs` means `node:fs`, and both are left to the runtime.
    On,
}

/// What to bundle, and how. [`Options::new`] gives wrangler's defaults.
#[derive(Debug, Clone)]
pub struct Options {
    /// The file that holds the Worker, absolute or from `root`.
    pub entry: PathBuf,
    /// The folder of the project: of its configuration, or of its `package.json`.
    /// Aliases resolve from here, and files are named from here.
    pub root: PathBuf,
    /// The folder that module names and globs are relative to; without it the
    /// entry's own (`base_dir`).
    pub base_dir: Option<PathBuf>,
    /// Besides `import` or `require` and `default`; their order does not matter.
    pub conditions: Vec<String>,
    /// Which files stay modules of their own.
    pub rules: Arc<dyn Rules>,
    /// Whether files that match a rule are modules without being imported by name.
    pub find_additional_modules: bool,
    /// Names such modules by their path instead of by their content.
    pub preserve_file_names: bool,
    /// Files that are no additional modules, as the configuration file.
    pub ignore: Vec<PathBuf>,
    /// Specifiers and what is imported in their place. Applied once: the target of
    /// an alias is not looked up as an alias again.
    pub alias: Vec<(String, String)>,
    /// Identifiers or member expressions, and the JavaScript to put in their place.
    pub define: Vec<(String, String)>,
    /// What `process.env.NODE_ENV` becomes: wrangler says `development` in
    /// `wrangler dev` and `production` in `wrangler deploy`.
    pub node_env: String,
    /// Whether `navigator.userAgent` becomes `"Cloudflare-Workers"`, as wrangler does
    /// when the compatibility flag `global_navigator` holds.
    pub define_user_agent: bool,
    /// This tsconfig.json for all files, instead of the nearest one of each.
    pub tsconfig: Option<PathBuf>,
    /// Where no tsconfig says so: the function that JSX calls (`React.createElement`).
    pub jsx_factory: Option<String>,
    /// Where no tsconfig says so: what `<>` stands for (`React.Fragment`).
    pub jsx_fragment: Option<String>,
    pub minify: bool,
    /// Keeps the `name` of functions and classes whatever they are renamed to.
    pub keep_names: bool,
    pub node_compat: NodeCompat,
    /// Without it, the format is guessed from the entry.
    pub format: Option<Format>,
    /// Specifiers that are left as they are.
    pub external: Vec<String>,
}

impl Options {
    /// Wrangler's defaults for `wrangler dev`.
    pub fn new(entry: impl Into<PathBuf>, root: impl Into<PathBuf>) -> Self {
        Self {
            entry: entry.into(),
            root: root.into(),
            base_dir: None,
            conditions: CONDITIONS.map(str::to_owned).to_vec(),
            rules: Arc::new(DefaultRules),
            find_additional_modules: false,
            preserve_file_names: false,
            ignore: Vec::new(),
            alias: Vec::new(),
            define: Vec::new(),
            node_env: "development".into(),
            define_user_agent: true,
            tsconfig: None,
            jsx_factory: None,
            jsx_fragment: None,
            minify: false,
            keep_names: true,
            node_compat: NodeCompat::Off,
            format: None,
            external: Vec::new(),
        }
    }
}
