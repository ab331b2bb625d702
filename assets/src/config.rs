//! The key `assets` of wrangler's configuration, and the same of an upload
//! (<https://developers.cloudflare.com/workers/wrangler/configuration/#assets>).

use serde::Deserialize;

/// What a configuration, or the metadata of an upload (`assets.config`), says of
/// assets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AssetsConfig {
    /// The folder, relative to the configuration's. Uploads have none.
    pub directory: Option<String>,
    /// The name in `env`.
    pub binding: Option<String>,
    /// Which path a page has.
    pub html_handling: HtmlHandling,
    /// What is served where there is no asset.
    pub not_found_handling: NotFoundHandling,
    /// Which requests the Worker gets before an asset is looked for.
    pub run_worker_first: RunWorkerFirst,
    /// The text of the file `_headers`, in uploads.
    #[serde(rename = "_headers")]
    pub headers: Option<String>,
    /// The text of the file `_redirects`, in uploads.
    #[serde(rename = "_redirects")]
    pub redirects: Option<String>,
}

/// Which of `/page`, `/page/`, `/page.html` and `/page/index.html` a page is served
/// at; the others redirect there
/// (<https://developers.cloudflare.com/workers/static-assets/routing/advanced/html-handling/>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HtmlHandling {
    /// `page.html` at `/page`, `page/index.html` at `/page/`.
    #[default]
    AutoTrailingSlash,
    /// Both at `/page/`.
    ForceTrailingSlash,
    /// Both at `/page`.
    DropTrailingSlash,
    /// Each file at its own name.
    None,
}

/// What is served where there is no asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum NotFoundHandling {
    /// The nearest `404.html`, upwards, with status 404.
    #[serde(rename = "404-page")]
    NotFoundPage,
    /// `/index.html` with status 200.
    #[serde(rename = "single-page-application")]
    SinglePageApplication,
    /// Nothing.
    #[default]
    #[serde(rename = "none")]
    None,
}

/// Which requests the Worker gets before an asset is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum RunWorkerFirst {
    /// All of them, or none.
    Always(bool),
    /// Those whose path fits a pattern, but for those that fit one with `!`.
    Paths(Vec<String>),
}

impl Default for RunWorkerFirst {
    fn default() -> Self {
        Self::Always(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_wrangler_sends_is_read() {
        let json = serde_json::json!({
            "html_handling": "drop-trailing-slash",
            "not_found_handling": "404-page",
            "run_worker_first": ["/api/*", "!/api/docs"],
            "_headers": "/*\n  X-A: b",
            "_redirects": "/a /b 301",
        });
        let config: AssetsConfig = serde_json::from_value(json).expect("it is valid");
        assert_eq!(config.html_handling, HtmlHandling::DropTrailingSlash);
        assert_eq!(config.not_found_handling, NotFoundHandling::NotFoundPage);
        let paths = vec!["/api/*".to_owned(), "!/api/docs".to_owned()];
        assert_eq!(config.run_worker_first, RunWorkerFirst::Paths(paths));
        assert_eq!(config.headers.as_deref(), Some("/*\n  X-A: b"));
        assert_eq!(config.redirects.as_deref(), Some("/a /b 301"));
    }

    #[test]
    fn nothing_said_is_the_default() {
        let config: AssetsConfig = serde_json::from_str("{}").expect("it is valid");
        assert_eq!(config, AssetsConfig::default());
        assert_eq!(config.run_worker_first, RunWorkerFirst::Always(false));
        assert!(serde_json::from_str::<AssetsConfig>(r#"{"html_handling":"x"}"#).is_err());
    }
}
