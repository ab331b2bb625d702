//! How the assets of one Worker are served: its configuration, checked, and the
//! rules of its files.

use crate::config::{AssetsConfig, HtmlHandling, NotFoundHandling};
use crate::rules::headers::HeaderRules;
use crate::rules::redirects::Redirects;
use crate::rules::worker_first::WorkerFirst;

/// How the assets of one Worker are served.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub(crate) html_handling: HtmlHandling,
    pub(crate) not_found_handling: NotFoundHandling,
    pub(crate) worker_first: WorkerFirst,
    pub(crate) headers: HeaderRules,
    pub(crate) redirects: Redirects,
    pub(crate) worker: WorkerFacts,
}

/// What serving assets depends on of the Worker beside them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkerFacts {
    /// Whether there is one: a project may be assets alone.
    pub exists: bool,
    /// The compatibility flag `assets_navigation_prefers_asset_serving`.
    pub navigation_prefers_assets: bool,
}

/// A configuration that cannot be: what is wrong with it, in wrangler's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSettings(pub String);

impl Settings {
    /// Checks a configuration and reads the texts of its files `_headers` and
    /// `_redirects`. Gives warnings about lines of theirs that are no rules.
    ///
    /// # Errors
    /// When `run_worker_first` is not valid, or there is no Worker to run.
    pub fn new(
        config: &AssetsConfig,
        worker: WorkerFacts,
    ) -> Result<(Self, Vec<String>), InvalidSettings> {
        let worker_first = WorkerFirst::new(&config.run_worker_first).map_err(InvalidSettings)?;
        if !worker.exists && worker_first != WorkerFirst::Never {
            return Err(InvalidSettings(
                "Cannot set run_worker_first without a Worker script.\nPlease remove \
                 run_worker_first from your configuration file, or provide a Worker script in \
                 your configuration file (`main`)."
                    .to_owned(),
            ));
        }
        let headers = config.headers.as_deref().unwrap_or_default();
        let (headers, of_headers) = HeaderRules::parse(headers);
        let redirects = config.redirects.as_deref().unwrap_or_default();
        let (redirects, of_redirects) = Redirects::parse(redirects, config.html_handling);
        let settings = Self {
            html_handling: config.html_handling,
            not_found_handling: config.not_found_handling,
            worker_first,
            headers,
            redirects,
            worker,
        };
        Ok((settings, of_headers.into_iter().chain(of_redirects).collect()))
    }
}

impl Settings {
    /// Whether the Worker gets all requests.
    pub fn worker_is_always_first(&self) -> bool {
        self.worker_first == WorkerFirst::Always
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RunWorkerFirst;

    const WORKER: WorkerFacts = WorkerFacts { exists: true, navigation_prefers_assets: true };

    #[test]
    fn files_bring_rules_and_warnings() {
        let config = AssetsConfig {
            headers: Some("/*\n  x: y\nnonsense".into()),
            redirects: Some("/a /b\nnonsense".into()),
            ..AssetsConfig::default()
        };
        let (settings, warnings) = Settings::new(&config, WORKER).expect("it is valid");
        assert!(!settings.headers.is_empty());
        assert_eq!(warnings.len(), 2, "{warnings:?}");
    }

    #[test]
    fn a_worker_cannot_be_first_where_there_is_none() {
        let config = AssetsConfig {
            run_worker_first: RunWorkerFirst::Always(true),
            ..AssetsConfig::default()
        };
        assert!(Settings::new(&config, WORKER).is_ok());
        let error = Settings::new(&config, WorkerFacts::default()).expect_err("no Worker");
        assert!(error.0.starts_with("Cannot set run_worker_first without a Worker script."));
        let none = AssetsConfig::default();
        assert!(Settings::new(&none, WorkerFacts::default()).is_ok());
    }
}
