//! Static assets of a version, and sessions in which they are uploaded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::UnixMillis;
use crate::ids::{AccountId, BlobHash};

/// The assets of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetsRef {
    /// What there is, by path: `/index.html`, percent-encoded as wrangler sends it.
    pub manifest: BTreeMap<String, AssetEntry>,
    /// How they are served.
    #[serde(default)]
    pub config: AssetsConfig,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetEntry {
    /// The name that the client gave the content: 32 hexadecimal digits. It
    /// makes a good `ETag`.
    pub hash: String,
    /// The content.
    pub blob: BlobHash,
    /// Its size in bytes.
    pub size: u64,
    /// The `Content-Type`, if the client sent one.
    pub content_type: Option<String>,
}

/// `assets.config` of the upload's metadata. What is `None` is as Cloudflare has
/// it by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AssetsConfig {
    /// `auto-trailing-slash`, `force-trailing-slash`, `drop-trailing-slash` or `none`.
    pub html_handling: Option<String>,
    /// `single-page-application`, `404-page` or `none`.
    pub not_found_handling: Option<String>,
    /// `true`, `false`, or rules such as `["/api/*", "!/api/docs/*"]`.
    pub run_worker_first: Option<Value>,
    /// The same by its older name: `true` is `run_worker_first: false`.
    pub serve_directly: Option<bool>,
    /// The text of the file `_headers`.
    #[serde(rename = "_headers")]
    pub headers: Option<String>,
    /// The text of the file `_redirects`.
    #[serde(rename = "_redirects")]
    pub redirects: Option<String>,
}

/// An upload of assets that is under way, or finished and not used yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetsSession {
    /// A random name.
    pub id: String,
    /// Whose it is.
    pub account: AccountId,
    /// For which Worker.
    pub worker: String,
    /// Path to (hash, size in bytes).
    pub manifest: BTreeMap<String, (String, u64)>,
    /// From when on it is not valid.
    pub expires_on: UnixMillis,
}
