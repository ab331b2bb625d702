//! What the API answers, as far as somebody looks inside. What a server leaves
//! out is empty here, and what it adds is ignored.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// `null` is the same as nothing.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountInfo {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub subdomain: Option<String>,
    #[serde(default)]
    pub created_on: Option<String>,
}

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    pub id: Option<String>,
    pub email: Option<String>,
}

/// An API token, without its text but when it was just made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    pub id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub scopes: Vec<String>,
    #[serde(default)]
    pub issued_on: Option<String>,
    #[serde(default)]
    pub expires_on: Option<String>,
    #[serde(default)]
    pub last_used_on: Option<String>,
    /// The text, only in the answer to its making.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// `GET /workers/services/S`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Service {
    pub id: String,
    pub default_environment: Environment,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Environment {
    pub script: ScriptInfo,
}

/// A Worker as a list shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScriptInfo {
    pub id: String,
    pub migration_tag: Option<String>,
    pub last_deployed_from: Option<String>,
    pub created_on: Option<String>,
    pub modified_on: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub handlers: Vec<String>,
}

/// A version, immutable.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Version {
    pub id: String,
    pub number: u64,
    pub metadata: VersionMetadata,
    #[serde(deserialize_with = "or_default")]
    pub annotations: BTreeMap<String, Value>,
    pub resources: Resources,
    pub startup_time_ms: Option<f64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VersionMetadata {
    pub created_on: Option<String>,
    pub source: Option<String>,
    pub author_email: Option<String>,
    pub author_id: Option<String>,
    #[serde(rename = "hasPreview", alias = "has_preview")]
    pub has_preview: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    #[serde(deserialize_with = "or_default")]
    pub bindings: Vec<Value>,
    pub script: VersionScript,
    pub script_runtime: ScriptRuntime,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VersionScript {
    pub etag: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub handlers: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScriptRuntime {
    pub compatibility_date: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub compatibility_flags: Vec<String>,
    pub limits: Value,
}

impl Version {
    /// One of the annotations that begin with `workers/`.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(&format!("workers/{name}"))?.as_str().filter(|text| !text.is_empty())
    }
}

/// `{"items":[..]}`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Versions {
    pub items: Vec<Version>,
}

/// A deployment: which versions take which share of the requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Deployment {
    pub id: String,
    pub source: String,
    pub strategy: String,
    pub author_email: Option<String>,
    pub created_on: String,
    #[serde(deserialize_with = "or_default")]
    pub annotations: BTreeMap<String, Value>,
    pub versions: Vec<Share>,
}

impl Deployment {
    /// One of the annotations that begin with `workers/`.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(&format!("workers/{name}"))?.as_str().filter(|text| !text.is_empty())
    }
}

/// A version's share.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Share {
    pub version_id: String,
    /// 0 to 100.
    pub percentage: f64,
}

/// `{"deployments":[..]}`, the newest first.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Deployments {
    pub deployments: Vec<Deployment>,
}

/// The answer to `PUT /workers/scripts/S`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Uploaded {
    pub id: Option<String>,
    pub etag: Option<String>,
    pub deployment_id: Option<String>,
    pub startup_time_ms: Option<f64>,
}

/// The answer to `POST ../assets-upload-session` and to uploads.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct AssetSession {
    pub jwt: Option<String>,
    /// Hashes that are not there yet.
    #[serde(deserialize_with = "or_default")]
    pub buckets: Vec<Vec<String>>,
}

/// A secret's name; its text never comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    pub name: String,
    #[serde(rename = "type", default)]
    pub kind: String,
}

/// A KV namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvNamespace {
    pub id: String,
    #[serde(default)]
    pub title: String,
}

/// A key of a namespace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KvKey {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}

/// The account's or the Worker's name below the server's domain.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Subdomain {
    pub subdomain: Option<String>,
}

/// Whether a Worker answers there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScriptSubdomain {
    pub enabled: bool,
    pub previews_enabled: bool,
}

/// An open tail.
#[derive(Debug, Clone, Deserialize)]
pub struct TailInfo {
    pub id: String,
    pub url: String,
    #[serde(default)]
    pub expires_at: Option<String>,
}

/// What would miss a Worker that is deleted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct References {
    pub services: ServiceReferences,
    #[serde(deserialize_with = "or_default")]
    pub durable_objects: Vec<Value>,
    #[serde(deserialize_with = "or_default")]
    pub dispatch_outbounds: Vec<Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ServiceReferences {
    #[serde(deserialize_with = "or_default")]
    pub incoming: Vec<Value>,
    #[serde(deserialize_with = "or_default")]
    pub outgoing: Vec<Value>,
}
