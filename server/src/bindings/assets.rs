//! `assets`: from the configuration to what is served before a Worker.

use std::path::PathBuf;
use std::sync::Arc;

use selvedge_assets::config::AssetsConfig;
use selvedge_assets::source::{FolderSource, Walked};
use selvedge_assets::{Assets, Cache, Handle, Settings, WorkerFacts};
use selvedge_js::ServiceBinding;
use selvedge_runtime::outbound::ServiceTarget;
use selvedge_runtime::{EnvEntry, EnvValue, Worker};

use crate::config::{Config, Diagnostic, Section};

/// The static assets of a project, read and checked.
#[derive(Debug, Clone)]
pub struct ProjectAssets {
    /// Where they are; absolute.
    pub directory: PathBuf,
    /// The name in `env`, if there is one.
    pub binding: Option<String>,
    source: Arc<FolderSource>,
    settings: Settings,
}

impl ProjectAssets {
    /// Reads the assets of a configuration, which it may have none of. Gives warnings
    /// too.
    ///
    /// # Errors
    /// When `assets` is not valid, or a file of them is not.
    pub(crate) fn configured(config: &Config) -> Result<(Option<Self>, Vec<String>), Diagnostic> {
        let section = config.section("assets");
        let Some(directory) = config.assets.clone() else { return Ok((None, Vec::new())) };
        let said: AssetsConfig = section.map(Section::read).transpose()?.unwrap_or_default();
        let error = |message: String| match section {
            Some(section) => section.error(message),
            None => Diagnostic::new(message),
        };
        if config.is_assets_only && said.binding.is_some() {
            return Err(error(
                "Cannot use assets with a binding in an assets-only Worker.\nPlease remove the \
                 asset binding from your configuration file, or provide a Worker script in your \
                 configuration file (`main`)."
                    .to_owned(),
            ));
        }
        let walked = FolderSource::walk(&directory).map_err(|failed| error(failed.to_string()))?;
        let Walked { source, headers, redirects, mut warnings } = walked;
        let said = AssetsConfig { headers, redirects, ..said };
        let facts = WorkerFacts {
            exists: !config.is_assets_only,
            navigation_prefers_assets: config
                .compatibility
                .is_on("assets_navigation_prefers_asset_serving"),
        };
        let (settings, more) =
            Settings::new(&said, facts).map_err(|invalid| error(invalid.to_string()))?;
        warnings.extend(more);
        if settings.worker_is_always_first() && said.binding.is_none() {
            warnings.push(
                "run_worker_first=true set without an assets binding: the Worker gets all \
                 requests, and cannot ask for assets; set `binding` in `assets`"
                    .to_owned(),
            );
        }
        let source = Arc::new(source);
        let assets = Self { directory, binding: said.binding, source, settings };
        Ok((Some(assets), warnings))
    }

    /// The assets as they are served.
    pub(crate) fn open(self, cache: Arc<Cache>) -> Assets {
        Assets::new(self.source, self.settings, cache)
    }
}

/// Puts the assets into a Worker's `env`, under this name.
pub(crate) fn bind(name: &str, handle: &Arc<Handle>, worker: &mut Worker) {
    let target = ServiceTarget {
        service: format!("{} (its assets)", worker.name),
        responder: Some(handle.clone()),
        ..ServiceTarget::default()
    };
    let value = EnvValue::Binding(Arc::new(ServiceBinding(Arc::new(target))));
    worker.env.retain(|other| other.name != name);
    worker.env.push(EnvEntry { name: name.to_owned(), value });
}
