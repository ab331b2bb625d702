//! Reads the main module and all that it reaches.

use std::collections::HashSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use selvedge_runtime::ModuleKind;

use super::MAX_WORKER_BYTES;
use super::additional;
use super::names::glob_name;
use super::resolve::{Target, resolve, similar};
use super::scan::{How, Import, Syntax, scan};
use crate::config::{Config, Diagnostic, Match, Rules, folder_of, shown};

/// More warnings than this help nobody.
const MAX_WARNINGS: usize = 10;

/// What to do where nothing is bundled.
const NO_BUNDLE: &str = "`no_bundle = true` takes modules as they are; remove it, or import a file";

/// What was read.
pub(super) struct Collected {
    /// The main module first.
    pub(super) files: Vec<File>,
    pub(super) warnings: Vec<String>,
    /// Whether an import that may fail names something that can be bundled.
    pub(super) wants_bundler: bool,
}

/// One module.
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) kind: ModuleKind,
    pub(super) body: Bytes,
}

/// Why a Worker cannot run as it is.
pub(super) struct Refused {
    pub(super) error: Diagnostic,
    /// Whether it may run when it is bundled.
    pub(super) wants_bundler: bool,
}

/// Reads all modules of a Worker.
pub(super) fn collect(config: &Config) -> Result<Collected, Refused> {
    let collected = Collector::new(config, config.main.clone()).run();
    let Err(refused) = collected else { return collected };
    // A link to a main module elsewhere: its imports may be meant from there.
    let linked = config.main.canonicalize().ok().filter(|path| *path != config.main);
    let elsewhere = linked.and_then(|main| Collector::new(config, main).run().ok());
    elsewhere.ok_or(refused)
}

struct Collector<'a> {
    config: &'a Config,
    main: PathBuf,
    /// The folder that globs are relative to.
    base: PathBuf,
    files: Vec<File>,
    seen: HashSet<PathBuf>,
    bytes: u64,
    warnings: Vec<String>,
    wants_bundler: bool,
}

/// Where a file was asked for.
struct Place<'a> {
    importer: &'a Path,
    text: &'a str,
    import: &'a Import,
}

impl Place<'_> {
    fn error(&self, message: String) -> Diagnostic {
        Diagnostic::new(message).at(self.importer, self.text, self.import.offset)
    }
}

impl<'a> Collector<'a> {
    fn new(config: &'a Config, main: PathBuf) -> Self {
        Self {
            base: config.base_dir.clone().unwrap_or_else(|| folder_of(&main)),
            config,
            main,
            files: Vec::new(),
            seen: HashSet::new(),
            bytes: 0,
            warnings: Vec::new(),
            wants_bundler: false,
        }
    }

    fn run(mut self) -> Result<Collected, Refused> {
        let collected = self.read_all();
        let wants_bundler = self.wants_bundler;
        match collected {
            Ok(()) => {
                let Self { files, warnings, .. } = self;
                Ok(Collected { files, warnings, wants_bundler })
            }
            Err(error) => Err(Refused { error, wants_bundler }),
        }
    }

    fn read_all(&mut self) -> Result<(), Diagnostic> {
        let main = self.main.clone();
        self.wants_bundler = is_compiled(&main);
        let kind = main_kind(&main)?;
        self.add(&main, kind, None)?;
        let mut next = 0;
        while next < self.files.len() {
            self.follow(next)?;
            next += 1;
        }
        if self.config.find_additional_modules {
            self.add_additional()?;
        }
        if self.warnings.len() > MAX_WARNINGS {
            let more = self.warnings.len() - MAX_WARNINGS;
            self.warnings.truncate(MAX_WARNINGS);
            self.warnings.push(format!("and {more} more imports that will fail"));
        }
        Ok(())
    }

    /// Reads what one module imports.
    fn follow(&mut self, index: usize) -> Result<(), Diagnostic> {
        let file = &self.files[index];
        let syntax = match file.kind {
            ModuleKind::CommonJs => Syntax::CommonJs,
            ModuleKind::EsModule if index == 0 => Syntax::ModuleOrScript,
            ModuleKind::EsModule => Syntax::Module,
            _ => return Ok(()),
        };
        let (path, body) = (file.path.clone(), file.body.clone());
        let text = text_of(&path, &body)?;
        let imports = scan(text, syntax).map_err(|error| syntax_error(&path, text, error))?;
        for import in &imports {
            let place = Place { importer: &path, text, import };
            if let Err(error) = self.import(&place) {
                self.wants_bundler |= is_bundled(import, &path);
                if is_fatal(import, &path) {
                    return Err(error);
                }
                self.warnings.push(error.line());
            }
        }
        Ok(())
    }

    fn import(&mut self, place: &Place<'_>) -> Result<(), Diagnostic> {
        let specifier = &place.import.specifier;
        match resolve(specifier, place.importer) {
            Target::BuiltIn => Ok(()),
            Target::File(path) => self.import_file(&path, place),
            Target::Node if self.config.compatibility.node_module(specifier).is_some() => Ok(()),
            Target::Node => Err(place
                .error(format!(
                    "cannot import \"{specifier}\": it is a module of Node.js, which the Worker does \
                     not have"
                ))
                .with_hint("add the \"nodejs_compat\" compatibility flag to the configuration")),
            Target::Package => Err(place
                .error(format!("cannot import \"{specifier}\": it is a package, not a file"))
                .with_hint(self.package_hint(specifier, place.importer))),
            Target::Absolute => Err(place
                .error(format!("cannot import \"{specifier}\": it is an absolute path"))
                .with_hint("name the file from the module that imports it, with ./ or ../")),
            Target::Url => Err(place
                .error(format!("cannot import \"{specifier}\": modules are not loaded from URLs"))
                .with_hint("install it as a package, or save it as a file of the project")),
        }
    }

    fn package_hint(&self, specifier: &str, importer: &Path) -> String {
        if folder_of(importer).join(specifier).is_file() {
            return format!("did you mean \"./{specifier}\"?");
        }
        NO_BUNDLE.to_owned()
    }

    fn import_file(&mut self, path: &Path, place: &Place<'_>) -> Result<(), Diagnostic> {
        if self.seen.contains(path) {
            return Ok(());
        }
        let specifier = &place.import.specifier;
        if !path.exists() || path.is_dir() {
            let is = if path.is_dir() { "is a folder" } else { "does not exist" };
            let hint = similar(specifier, path).map(|near| {
                format!("did you mean \"{near}\"? Names are taken as they are written")
            });
            return Err(place
                .error(format!("cannot import \"{specifier}\": {} {is}", shown(path)))
                .with_hint_if(hint));
        }
        if is_compiled(path) {
            return Err(place
                .error(format!("cannot import \"{specifier}\": it is not JavaScript"))
                .with_hint(NO_BUNDLE));
        }
        let kind = match self.config.rules.of(&glob_name(&self.base, path)) {
            Match::Kind(kind) => kind,
            Match::Ended(kind) => {
                return Err(place
                    .error(format!(
                        "cannot import \"{specifier}\": the rule for it is ignored, because an \
                         earlier rule has the same type, {kind:?}"
                    ))
                    .with_hint("add `fallthrough = true` to the earlier rule"));
            }
            Match::Nothing => return Err(no_rule(place, path)),
        };
        self.add(path, kind, Some(place))
    }

    fn add(
        &mut self,
        path: &Path,
        kind: ModuleKind,
        place: Option<&Place<'_>>,
    ) -> Result<(), Diagnostic> {
        let located = |message: String| match place {
            Some(place) => place.error(message),
            None => Diagnostic::new(message),
        };
        let body = read(path, MAX_WORKER_BYTES - self.bytes)
            .map_err(|error| located(format!("cannot read {}: {error}", shown(path))))?;
        let Some(body) = body else {
            return Err(located(format!(
                "the Worker is too large: {} takes its modules past 64 MiB",
                shown(path)
            )));
        };
        self.bytes += body.len() as u64;
        self.seen.insert(path.to_path_buf());
        self.files.push(File { path: path.to_path_buf(), kind, body });
        Ok(())
    }

    /// Adds the files that match a rule and that nothing imports by name.
    fn add_additional(&mut self) -> Result<(), Diagnostic> {
        let skip = self.config.file.as_deref();
        for path in additional::files_below(&self.base, skip)? {
            let kind = self.config.rules.of_additional(&glob_name(&self.base, &path));
            if let Some(kind) = kind
                && !self.seen.contains(&path)
            {
                self.add(&path, kind, None)?;
            }
        }
        Ok(())
    }
}

/// Whether a Worker without this import cannot be meant to run.
fn is_fatal(import: &Import, importer: &Path) -> bool {
    match import.how {
        How::Static => true,
        // Bundles keep calls that they never make outside of Node.js.
        How::Dynamic | How::Require => {
            !import.guarded && matches!(resolve(&import.specifier, importer), Target::File(_))
        }
    }
}

/// What a main module is: rules have no say in it.
fn main_kind(main: &Path) -> Result<ModuleKind, Diagnostic> {
    if main.is_dir() {
        return Err(Diagnostic::new(format!("{} is a folder, not a file", shown(main))));
    }
    if is_compiled(main) {
        let error = Diagnostic::new(format!("{} is not JavaScript", shown(main)));
        return Err(error.with_hint(NO_BUNDLE));
    }
    let name = main.file_name().unwrap_or_default().to_string_lossy();
    match Rules::default().of(&name) {
        Match::Kind(kind @ (ModuleKind::EsModule | ModuleKind::CommonJs)) => Ok(kind),
        Match::Kind(_) => Err(Diagnostic::new(format!("{} is not JavaScript", shown(main)))
            .with_hint("a Worker's main module is a .js or .mjs file")),
        _ if name.ends_with(".py") => {
            Err(Diagnostic::new("Selvedge does not run Python Workers").in_file(main))
        }
        _ => Ok(ModuleKind::EsModule),
    }
}

/// Whether a file's language is compiled to JavaScript.
fn is_compiled(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("ts" | "mts" | "cts" | "tsx" | "jsx"))
}

/// Whether an import that V8 cannot follow is one that a bundler can.
fn is_bundled(import: &Import, importer: &Path) -> bool {
    match resolve(&import.specifier, importer) {
        Target::Package => {
            // A file of this name is what was meant, without its `./`.
            let is_file = || folder_of(importer).join(&import.specifier).is_file();
            is_installed(&import.specifier, importer) || (import.how == How::Static && !is_file())
        }
        Target::File(path) => {
            let with = |extension: &str| {
                let mut name = path.clone().into_os_string();
                name.push(extension);
                PathBuf::from(name).is_file()
            };
            // TypeScript says `./a.js` for `./a.ts`.
            let compiled = || {
                let is_script = path.extension().is_some_and(|it| it == "js" || it == "mjs");
                is_script && ["ts", "tsx", "mts"].iter().any(|it| path.with_extension(it).is_file())
            };
            is_compiled(&path)
                || path.is_dir()
                || [".ts", ".tsx", ".mts", ".js", ".mjs", ".jsx", ".json"].into_iter().any(with)
                || compiled()
        }
        Target::BuiltIn | Target::Node | Target::Absolute | Target::Url => false,
    }
}

/// Whether a package is in a `node_modules` that the importer sees.
fn is_installed(specifier: &str, importer: &Path) -> bool {
    let parts = if specifier.starts_with('@') { 2 } else { 1 };
    let package: PathBuf = specifier.split('/').take(parts).collect();
    importer.ancestors().skip(1).any(|folder| folder.join("node_modules").join(&package).is_dir())
}

fn no_rule(place: &Place<'_>, path: &Path) -> Diagnostic {
    let specifier = &place.import.specifier;
    let hint = match path.extension().and_then(|extension| extension.to_str()) {
        Some(extension) => format!(
            "say what *.{extension} files are in wrangler.toml, e.g. rules = [{{ type = \"Text\", \
             globs = [\"**/*.{extension}\"], fallthrough = true }}]"
        ),
        None => "give the file an extension, e.g. .js".into(),
    };
    place.error(format!("cannot import \"{specifier}\": no rule says what it is")).with_hint(hint)
}

fn syntax_error(path: &Path, text: &str, error: super::scan::SyntaxError) -> Diagnostic {
    Diagnostic::new(format!("SyntaxError: {}", error.message))
        .at(path, text, error.offset)
        .with_hint_if(error.help)
}

/// The text of a module of JavaScript.
fn text_of<'b>(path: &Path, body: &'b [u8]) -> Result<&'b str, Diagnostic> {
    std::str::from_utf8(body).map_err(|error| {
        let problem = Diagnostic::new(format!(
            "{} is not UTF-8: byte {} is not part of a character",
            shown(path),
            error.valid_up_to()
        ));
        let is_utf16 = body.starts_with(&[0xff, 0xfe]) || body.starts_with(&[0xfe, 0xff]);
        if is_utf16 { problem.with_hint("it looks like UTF-16: save it as UTF-8") } else { problem }
    })
}

/// A file's content, or nothing if it is longer than `limit`.
fn read(path: &Path, limit: u64) -> std::io::Result<Option<Bytes>> {
    let file = std::fs::File::open(path)?;
    let expected = file.metadata().map_or(0, |metadata| metadata.len()).min(limit);
    let mut body = Vec::with_capacity(usize::try_from(expected).unwrap_or(0));
    file.take(limit + 1).read_to_end(&mut body)?;
    Ok((body.len() as u64 <= limit).then(|| body.into()))
}
