//! The static assets of a deployed version, which its isolates share while there
//! are any.

use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use selvedge_assets::config::AssetsConfig;
use selvedge_assets::source::{ManifestEntry, ManifestSource};
use selvedge_assets::{AssetHash, Assets, Cache, Handle, Settings, WorkerFacts};
use selvedge_deployments::{AssetEntry, AssetsRef, Script, VersionContent};
use selvedge_runtime::compatibility::Compatibility;

use super::env::EnvError;

/// The folder of the deployments' contents in the data folder.
const BLOBS: &str = "blobs";

/// Contents of small assets, of all versions: one copy of what they share.
static CONTENTS: LazyLock<Arc<Cache>> = LazyLock::new(Arc::default);

/// The assets of a version, as long as an isolate of it holds them.
#[derive(Debug, Default)]
pub(crate) struct Shared(Mutex<Weak<Handle>>);

impl Shared {
    /// The assets of a version whose content this is; `None`: it has none.
    ///
    /// # Errors
    /// When what is stored of them is not valid.
    pub(crate) fn get(
        &self,
        content: &VersionContent,
        compatibility: &Compatibility,
        data_dir: &Path,
    ) -> Result<Option<Arc<Handle>>, EnvError> {
        let Some(assets) = &content.assets else { return Ok(None) };
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = shared.upgrade() {
            return Ok(Some(handle));
        }
        let facts = WorkerFacts {
            exists: content.script != Script::AssetsOnly,
            navigation_prefers_assets: compatibility
                .is_on("assets_navigation_prefers_asset_serving"),
        };
        let handle = Handle::new(open(assets, facts, &data_dir.join(BLOBS))?);
        *shared = Arc::downgrade(&handle);
        Ok(Some(handle))
    }
}

fn open(assets: &AssetsRef, facts: WorkerFacts, blobs: &Path) -> Result<Assets, EnvError> {
    let said = settings(assets)?;
    // What is wrong with single lines was told when they were uploaded.
    let (settings, _) = Settings::new(&said, facts).map_err(|error| invalid(&error))?;
    let entries: Result<Vec<_>, EnvError> =
        assets.manifest.iter().map(|(path, asset)| Ok((path.clone(), entry(asset)?))).collect();
    let source = ManifestSource::new(blobs, entries?).map_err(|error| invalid(&error))?;
    Ok(Assets::new(Arc::new(source), settings, CONTENTS.clone()))
}

fn entry(asset: &AssetEntry) -> Result<ManifestEntry, EnvError> {
    let hash: AssetHash = asset.hash.parse().map_err(|error| invalid(&error))?;
    let blob = blake3::Hash::from_hex(asset.blob.as_str()).map_err(|error| invalid(&error))?;
    Ok(ManifestEntry {
        hash,
        blob: blob.into(),
        size: asset.size,
        content_type: asset.content_type.clone(),
    })
}

/// What the upload said of them, as the configuration of a project has it.
fn settings(assets: &AssetsRef) -> Result<AssetsConfig, EnvError> {
    let said = &assets.config;
    let first = match (&said.run_worker_first, said.serve_directly) {
        (Some(first), _) => Some(first.clone()),
        (None, Some(directly)) => Some((!directly).into()),
        (None, None) => None,
    };
    let mut config = serde_json::Map::new();
    let texts = [
        ("html_handling", &said.html_handling),
        ("not_found_handling", &said.not_found_handling),
        ("_headers", &said.headers),
        ("_redirects", &said.redirects),
    ];
    for (key, value) in texts {
        if let Some(value) = value {
            config.insert(key.to_owned(), value.clone().into());
        }
    }
    if let Some(first) = first {
        config.insert("run_worker_first".to_owned(), first);
    }
    serde_json::from_value(config.into()).map_err(|error| invalid(&error))
}

fn invalid(error: &dyn std::fmt::Display) -> EnvError {
    EnvError::Assets(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use selvedge_assets::config::{HtmlHandling, RunWorkerFirst};

    use super::*;

    fn read(config: serde_json::Value) -> Result<AssetsConfig, EnvError> {
        let config = serde_json::from_value(config).expect("an upload's configuration");
        settings(&AssetsRef { manifest: BTreeMap::new(), config })
    }

    #[test]
    fn uploads_say_the_same_as_configurations() {
        let said = read(serde_json::json!({
            "html_handling": "force-trailing-slash",
            "run_worker_first": ["/api/*"],
            "_headers": "/*\n  X-A: b",
        }));
        let said = said.expect("it is valid");
        assert_eq!(said.html_handling, HtmlHandling::ForceTrailingSlash);
        assert_eq!(said.run_worker_first, RunWorkerFirst::Paths(vec!["/api/*".to_owned()]));
        assert_eq!(said.headers.as_deref(), Some("/*\n  X-A: b"));
        let none = read(serde_json::json!({})).expect("nothing is valid, too");
        assert_eq!(none, AssetsConfig::default());
        let older = read(serde_json::json!({ "serve_directly": false })).expect("it is valid");
        assert_eq!(older.run_worker_first, RunWorkerFirst::Always(true));
        assert!(read(serde_json::json!({ "html_handling": "other" })).is_err());
    }
}
