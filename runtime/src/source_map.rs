//! From places in a bundle to places in the files that it was made of
//! (<https://tc39.es/ecma426/>).

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use base64::Engine as _;
use bytes::Bytes;
use deno_core::url::Url;

use crate::worker::{Module, Worker};

/// How a module's inline source map begins.
const INLINE: &str = "//# sourceMappingURL=data:";

/// The source map of a module. It is parsed when an error needs it.
#[derive(Debug)]
pub struct SourceMap {
    json: Bytes,
    /// The folder that the sources are named from, if they are files.
    root: Option<PathBuf>,
    parsed: OnceLock<Option<sourcemap::SourceMap>>,
}

impl SourceMap {
    /// A map as a bundler wrote it. One that is not valid maps nothing.
    pub fn new(json: Bytes) -> Self {
        Self { json, root: None, parsed: OnceLock::new() }
    }

    /// The same, with the folder that its sources are named from: debuggers show
    /// the files of that folder.
    #[must_use]
    pub fn with_root(mut self, root: PathBuf) -> Self {
        self.root = Some(root);
        self
    }

    /// The folder that the sources are named from.
    pub(crate) fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// The map for debuggers, as a `data:` URL.
    pub(crate) fn data_url(&self) -> Option<String> {
        let mut map: serde_json::Value = serde_json::from_slice(&self.json).ok()?;
        let root = self.root.as_deref().and_then(|root| std::path::absolute(root).ok());
        if let Some(root) = root.and_then(|root| Url::from_directory_path(root).ok()) {
            map["sourceRoot"] = String::from(root).into();
        }
        let encoded = base64::engine::general_purpose::STANDARD.encode(map.to_string());
        Some(format!("data:application/json;base64,{encoded}"))
    }

    /// The map as JSON.
    pub fn json(&self) -> &Bytes {
        &self.json
    }

    fn parsed(&self) -> Option<&sourcemap::SourceMap> {
        self.parsed.get_or_init(|| sourcemap::SourceMap::from_slice(&self.json).ok()).as_ref()
    }
}

/// The text of a source file that modules of the Worker were made of. `name` is
/// its path from the Worker's root.
pub(crate) fn source_text(worker: &Worker, name: &str) -> Option<String> {
    worker.modules.iter().find_map(|module| match &module.source_map {
        Some(map) => content(map.parsed()?, module, name),
        None => content(&inline(module)?, module, name),
    })
}

/// Where a place in a module was written: the name of that source, line and
/// column, counting from 1.
pub(crate) fn original(module: &Module, line: u32, column: u32) -> Option<(String, u32, u32)> {
    let own;
    let map = match &module.source_map {
        Some(map) => map.parsed()?,
        None => {
            own = inline(module)?;
            &own
        }
    };
    let token = map.lookup_token(line.checked_sub(1)?, column.checked_sub(1)?)?;
    let base = Url::parse(&crate::modules::module_url(&module.name)).ok()?;
    let name = crate::modules::module_name(base.join(token.get_source()?).ok()?.as_str())?;
    Some((name, token.get_src_line() + 1, token.get_src_col() + 1))
}

fn content(map: &sourcemap::SourceMap, module: &Module, name: &str) -> Option<String> {
    let base = Url::parse(&crate::modules::module_url(&module.name)).ok()?;
    (0..map.get_source_count()).find_map(|index| {
        let url = base.join(map.get_source(index)?).ok()?;
        let is_it = crate::modules::module_name(url.as_str()).as_deref() == Some(name);
        is_it.then(|| map.get_source_contents(index).map(str::to_owned)).flatten()
    })
}

/// The map that a module carries itself.
fn inline(module: &Module) -> Option<sourcemap::SourceMap> {
    let text = std::str::from_utf8(&module.body).ok()?;
    let at = text.rfind(INLINE)?;
    let url = text[at..].lines().next()?.strip_prefix("//# sourceMappingURL=")?;
    match sourcemap::decode_data_url(url.trim()).ok()? {
        sourcemap::DecodedMap::Regular(map) => Some(map),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::worker::ModuleKind;

    #[test]
    fn sources_are_found_beside_and_inside_of_modules() {
        const MAP: &str = r#"{"version":3,"sources":["../src/a b.ts"],"sourcesContent":["let x;"],"names":[],"mappings":"AAAA"}"#;
        let module = |body: &str, map: Option<&str>| Module {
            name: "dist/index.js".into(),
            kind: ModuleKind::EsModule,
            body: body.to_owned().into(),
            path: None,
            source_map: map.map(|map| Arc::new(SourceMap::new(map.to_owned().into()))),
        };
        let worker = |module| Worker {
            name: String::new(),
            main: String::new(),
            account: String::new(),
            outbound: None,
            globals: Vec::new(),
            entrypoint: None,
            modules: vec![module],
            env: Vec::new(),
            hidden: Vec::new(),
            tails: Vec::new(),
            mail: None,
            classes: Vec::new(),
            compatibility: Default::default(),
            limits: Default::default(),
            mode: Default::default(),
        };
        let beside = worker(module("x", Some(MAP)));
        assert_eq!(source_text(&beside, "src/a b.ts").as_deref(), Some("let x;"));
        assert_eq!(source_text(&beside, "src/b.ts"), None);
        let escaped: String = MAP.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for (url, found) in [
            (
                "data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbIi4uL3NyYy9hLnRzIl0sInNvdXJjZXNDb250ZW50IjpbImxldCB5OyJdLCJuYW1lcyI6W10sIm1hcHBpbmdzIjoiQUFBQSJ9",
                Some("let y;"),
            ),
            (&format!("data:,{escaped}"), None),
        ] {
            let inside = worker(module(&format!("x\n//# sourceMappingURL={url}\n"), None));
            assert_eq!(source_text(&inside, "src/a.ts").as_deref(), found);
        }
        let broken = worker(module("x", Some("{")));
        assert_eq!(source_text(&broken, "src/a b.ts"), None);
    }
}
