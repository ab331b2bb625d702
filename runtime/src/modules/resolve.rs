//! What a specifier leads to. There are two ways to read one: as a path, for
//! Workers of dates before the flag `new_module_registry`, and as a URL below
//! `file:///bundle/`
//! (<https://developers.cloudflare.com/workers/configuration/compatibility-flags/>).

use deno_core::url::Url;

use super::names::{module_name, module_url, name_in_bundle};
use crate::compatibility::NODE_MODULES;
use crate::worker::Worker;

/// Modules that the platform supplies to every Worker.
const BUILT_IN: &[&str] =
    &["cloudflare:email", "cloudflare:sockets", "cloudflare:workers", "cloudflare:workflows"];

/// What begins the names of modules that are not the Worker's.
const SCHEMES: &[&str] = &["node:", "cloudflare:", "workerd:"];

/// A module by its key: the URL of one of the Worker's own, or the name of one of
/// the platform's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Own(String),
    BuiltIn(String),
}

/// Why a specifier leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no such module, by this name.
    Missing(String),
    /// It is no URL.
    Invalid(String),
    /// It is a path that leads out.
    Outside(String),
}

/// Reads the specifiers of one Worker.
pub(crate) struct Resolver<'a> {
    pub(crate) worker: &'a Worker,
    /// Whether specifiers are URLs.
    pub(crate) by_url: bool,
}

impl<'a> Resolver<'a> {
    pub(crate) fn of(worker: &'a Worker) -> Self {
        Self { worker, by_url: worker.compatibility.is_on("new_module_registry") }
    }

    /// What a specifier means in a module with this URL.
    ///
    /// # Errors
    /// When there is no such module.
    pub(crate) fn resolve(&self, specifier: &str, from: &str) -> Result<Target, Refusal> {
        if let Some(built_in) = self.built_in(specifier) {
            return Ok(Target::BuiltIn(built_in));
        }
        if self.by_url { self.by_url(specifier, from) } else { self.by_path(specifier, from) }
    }

    /// The URL of `import.meta.resolve()`, where nothing need be.
    ///
    /// # Errors
    /// When it is no URL.
    pub(crate) fn url(&self, specifier: &str, from: &str) -> Result<String, Refusal> {
        if let Some(built_in) = self.built_in(specifier) {
            return Ok(built_in);
        }
        let url = Url::parse(from).and_then(|base| base.join(specifier));
        url.map(Into::into).map_err(|_| Refusal::Invalid(specifier.to_owned()))
    }

    fn built_in(&self, specifier: &str) -> Option<String> {
        let compatibility = &self.worker.compatibility;
        if BUILT_IN.contains(&specifier) {
            return Some(specifier.to_owned());
        }
        if specifier == "cloudflare:node" {
            return compatibility.is_on("nodejs_compat").then(|| specifier.to_owned());
        }
        compatibility.node_module(specifier)
    }

    fn by_url(&self, specifier: &str, from: &str) -> Result<Target, Refusal> {
        let invalid = || Refusal::Invalid(specifier.to_owned());
        let base = Url::parse(from).map_err(|_| invalid())?;
        let url = base.join(specifier).map_err(|_| invalid())?;
        if let Some(name) = name_in_bundle(&url) {
            let mut suffix = String::new();
            if let Some(query) = url.query() {
                suffix = format!("?{query}");
            }
            // A module may be named by what looks like a query.
            let whole = format!("{name}{suffix}");
            if !suffix.is_empty() && self.worker.module(&whole).is_some() {
                return Ok(Target::Own(module_url(&whole)));
            }
            if let Some(fragment) = url.fragment() {
                suffix.push('#');
                suffix.push_str(fragment);
            }
            if self.worker.module(&name).is_some() {
                return Ok(Target::Own(module_url(&name) + &suffix));
            }
        }
        Err(Refusal::Missing(match self.disabled(specifier) {
            Some(name) => name,
            None => url.into(),
        }))
    }

    fn by_path(&self, specifier: &str, from: &str) -> Result<Target, Refusal> {
        let from = module_name(from).unwrap_or_default();
        let name = join(&from, specifier).ok_or_else(|| Refusal::Outside(specifier.to_owned()))?;
        // A Wasm import may ask for its module form by a query.
        for name in [Some(name.as_str()), name.strip_suffix("?module")].into_iter().flatten() {
            if self.worker.module(name).is_some() {
                return Ok(Target::Own(module_url(name)));
            }
        }
        Err(Refusal::Missing(match self.disabled(specifier) {
            Some(name) => name,
            None if name.is_empty() => ".".to_owned(),
            None => name,
        }))
    }

    /// The full name of a module of Node.js that this Worker does not have.
    fn disabled(&self, specifier: &str) -> Option<String> {
        let is_known = NODE_MODULES.iter().any(|(name, _)| *name == specifier);
        let has_bare_names = self.worker.compatibility.is_on("nodejs_compat_v2");
        (is_known && has_bare_names).then(|| format!("node:{specifier}"))
    }
}

/// The path of a specifier, seen from a module; nothing if it leads out.
fn join(from: &str, specifier: &str) -> Option<String> {
    if SCHEMES.iter().any(|scheme| specifier.starts_with(scheme)) {
        return Some(specifier.to_owned());
    }
    let mut path: Vec<&str> = Vec::new();
    if !specifier.starts_with('/') {
        path.extend(from.split('/'));
        path.pop();
    }
    for part in specifier.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                path.pop()?;
            }
            part => path.push(part),
        }
    }
    Some(path.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compatibility::Compatibility;
    use crate::worker::{Module, ModuleKind};

    fn worker(date: &str) -> Worker {
        let module = |name: &str| Module {
            name: name.into(),
            kind: ModuleKind::EsModule,
            body: Default::default(),
            path: None,
            source_map: None,
        };
        Worker {
            compatibility: Compatibility { date: date.into(), flags: Vec::new() },
            modules: ["main.js", "x.js", "sub/x.js", "a b.js", "m.wasm"].map(module).into(),
            name: String::new(),
            main: "main.js".into(),
            account: String::new(),
            outbound: None,
            globals: Vec::new(),
            entrypoint: None,
            env: Vec::new(),
            hidden: Vec::new(),
            tails: Vec::new(),
            mail: None,
            classes: Vec::new(),
            limits: Default::default(),
            mode: Default::default(),
        }
    }

    fn resolve(date: &str, specifier: &str, from: &str) -> Result<String, Refusal> {
        let worker = worker(date);
        match Resolver::of(&worker).resolve(specifier, &module_url(from))? {
            Target::Own(url) => Ok(url.strip_prefix("file:///bundle/").expect("below").to_owned()),
            Target::BuiltIn(name) => Ok(name),
        }
    }

    fn missing(name: &str) -> Result<String, Refusal> {
        Err(Refusal::Missing(name.into()))
    }

    #[test]
    fn a_specifier_is_a_path_at_first() {
        let from_sub = |specifier| resolve("2026-11-16", specifier, "sub/a.js");
        for specifier in ["x.js", "./x.js", "./y/../x.js", "/sub/x.js"] {
            assert_eq!(from_sub(specifier), Ok("sub/x.js".into()), "{specifier}");
        }
        assert_eq!(from_sub("../x.js"), Ok("x.js".into()));
        assert_eq!(from_sub("/x.js"), Ok("x.js".into()));
        assert_eq!(from_sub("../m.wasm?module"), Ok("m.wasm".into()));
        assert_eq!(from_sub("fs"), Ok("node:fs".into()));
        assert_eq!(from_sub("../../x.js"), Err(Refusal::Outside("../../x.js".into())));
        assert_eq!(from_sub("main.js"), missing("sub/main.js"));
        assert_eq!(from_sub("node:nope"), missing("node:nope"));
        assert_eq!(resolve("2026-11-16", "", "main.js"), missing("."));
        assert_eq!(resolve("2026-11-16", "http://a/b", "main.js"), missing("http:/a/b"));
        assert_eq!(resolve("2026-11-16", "./x.js?q", "main.js"), missing("x.js?q"));
        assert_eq!(resolve("2026-11-16", "a b.js", "main.js"), Ok("a%20b.js".into()));
    }

    #[test]
    fn a_specifier_is_a_url_later() {
        let from_sub = |specifier| resolve("2026-11-17", specifier, "sub/a.js");
        for specifier in ["x.js", "./x.js", "/bundle/sub/x.js", "file:///bundle/sub/x.js", "%78.js"]
        {
            assert_eq!(from_sub(specifier), Ok("sub/x.js".into()), "{specifier}");
        }
        assert_eq!(from_sub("./x.js?q=1#f"), Ok("sub/x.js?q=1#f".into()));
        assert_eq!(from_sub("../a b.js"), Ok("a%20b.js".into()));
        assert_eq!(from_sub("fs"), Ok("node:fs".into()));
        assert_eq!(from_sub("node:nope"), missing("node:nope"));
        assert_eq!(from_sub("/x.js"), missing("file:///x.js"));
        assert_eq!(from_sub("../../../x.js"), missing("file:///x.js"));
        assert_eq!(from_sub("http://["), Err(Refusal::Invalid("http://[".into())));
    }
}
