//! What is said on the control socket: the verbs of `selvedge do`, `selvedge kv`,
//! `selvedge d1` and `selvedge queues`, and their answers.
//!
//! A message is a line of JSON, and after it bytes: the value that is written or
//! was read. It is the body of an HTTP request, or of its response.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use selvedge_durable::store::SqlValue;
use selvedge_r2::object::{Attributes, Object, StorageClass};
use selvedge_r2::store::MadePart;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// An object in its namespace.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ObjectRef {
    /// The namespace's id.
    pub namespace: String,
    /// The object's id: 64 hexadecimal digits.
    pub id: String,
    /// What it was asked for by; it is remembered when it is written first.
    pub name: Option<String>,
}

/// What is to become of an alarm.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmChange {
    /// It goes off at this time, in Unix ms.
    Set(i64),
    /// There is none.
    Delete,
}

/// A verb.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub enum Request {
    /// All namespaces of Durable Objects: [`NamespaceEntry`]s.
    Namespaces,
    /// Objects that have data: an [`ObjectsPage`].
    Objects { namespace: String, prefix: Option<String>, after: Option<String>, limit: usize },
    /// What is known of an object: [`ObjectDetails`].
    Info { object: ObjectRef },
    /// The value of a key, in V8's format: bytes; JSON `false` without one.
    Get { object: ObjectRef, key: String },
    /// Keys and values: a [`ValuesPage`].
    Values { object: ObjectRef, prefix: Option<String>, after: Option<String>, limit: usize },
    /// Writes a value, the bytes of the message.
    Put { object: ObjectRef, key: String },
    /// Deletes a key; JSON tells whether it was there.
    DeleteKey { object: ObjectRef, key: String },
    /// Ends an object and deletes it with all that it has.
    DeleteObject { object: ObjectRef },
    /// The alarm, in Unix ms or `null`, after a change of it.
    Alarm { object: ObjectRef, change: Option<AlarmChange> },
    /// Runs SQL: [`SqlRows`].
    Sql { object: ObjectRef, query: String, write: bool },
    /// Takes an object, or all of a namespace, out of memory: [`Evictions`].
    Evict { namespace: String, object: Option<String>, force: bool },
    /// All namespaces of KV: [`KvNamespaceEntry`]s.
    KvNamespaces,
    /// Makes a namespace: a [`KvNamespaceEntry`].
    KvCreate { title: String },
    /// Gives it another title: a [`KvNamespaceEntry`].
    KvRename { id: String, title: String },
    /// Deletes it with all keys.
    KvDeleteNamespace { id: String },
    /// The value of a key, and its [`KvAttributes`]; `null` without one.
    KvGet { namespace: String, key: String },
    /// Sets a key to the bytes of the message.
    KvPut { namespace: String, key: String, attributes: KvAttributes },
    /// Deletes keys.
    KvDelete { namespace: String, keys: Vec<String> },
    /// Lists keys: a [`KvPage`].
    KvList { namespace: String, prefix: String, after: Option<String>, limit: usize },
    /// All databases of D1: [`D1Entry`]s.
    D1Databases,
    /// Makes a database: a [`D1Entry`].
    D1Create { name: String },
    /// Deletes it with all that is in it.
    D1Delete { database: String },
    /// Runs queries, all or none: texts, and what is bound to them. JSON as that of
    /// Cloudflare's API.
    D1Query { database: String, queries: Vec<(String, Vec<serde_json::Value>)> },
    /// Runs the statements that are the bytes of the message, all or none; JSON
    /// tells how many there were.
    D1Import { database: String },
    /// All of a database as statements: bytes.
    D1Export { database: String, tables: Vec<String>, no_schema: bool, no_data: bool },
    /// A bookmark of a database: that of a time in Unix ms, or the present one. JSON as
    /// that of Cloudflare's API.
    D1Bookmark { database: String, at: Option<i64> },
    /// Goes back to a bookmark: the same.
    D1Restore { database: String, bookmark: String },
    /// All queues: [`QueueEntry`]s.
    Queues,
    /// Deletes all messages of a queue.
    QueuePurge { name: String },
    /// Deletes a queue with its messages.
    QueueDelete { name: String },
    /// Asks about data points: bytes, in the format that the question names.
    AnalyticsQuery { sql: String },
    /// Does something with the secrets of a store: JSON as that of Cloudflare's API.
    SecretsStore { store: String, action: SecretAction },
    /// All Workflows, as Cloudflare's API has them.
    Workflows,
    /// Instances of a Workflow, the same.
    WorkflowInstances {
        workflow: String,
        status: Option<String>,
        oldest_first: bool,
        skip: usize,
        limit: usize,
    },
    /// Deletes a Workflow with all instances.
    WorkflowDelete { workflow: String },
    /// Asks an instance, in the process where its Worker runs: JSON.
    WorkflowAsk { workflow: String, instance: String, command: String, argument: serde_json::Value },
    /// All buckets of R2: [`R2BucketEntry`]s.
    R2Buckets,
    /// Makes a bucket.
    R2Create { name: String, storage_class: StorageClass, location: Option<String> },
    /// What is known of a bucket: a [`R2BucketEntry`].
    R2Info { name: String },
    /// Deletes a bucket that is empty.
    R2DeleteBucket { name: String },
    /// Objects: an [`R2Page`].
    R2List {
        bucket: String,
        prefix: String,
        delimiter: Option<String>,
        cursor: Option<String>,
        limit: usize,
    },
    /// An object without its body, or `null`.
    R2Head { bucket: String, key: String },
    /// Bytes of an object of this version; none if it is another one by now.
    R2Get { bucket: String, key: String, version: String, offset: u64, length: u64 },
    /// Puts the bytes of the message; `make` the bucket where it is not there.
    R2Put { bucket: String, key: String, attributes: Attributes, make: bool },
    /// Begins an upload: its id.
    R2CreateUpload { bucket: String, key: String, attributes: Attributes, make: bool },
    /// Adds the bytes of the message to an upload: a [`MadePart`].
    R2PutPart { bucket: String, key: String, upload: String, number: u32 },
    /// Makes an object of an upload.
    R2CompleteUpload { bucket: String, key: String, upload: String, parts: Vec<MadePart> },
    /// Forgets an upload.
    R2AbortUpload { bucket: String, key: String, upload: String },
    /// Deletes an object.
    R2Delete { bucket: String, key: String },
}

/// What is to be done with secrets of a store.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum SecretAction {
    /// All of them.
    List,
    /// The one of this id.
    Get { id: String },
    /// Makes one, with the bytes of the message as its text.
    Create { name: String, scopes: String, comment: String },
    /// Changes one; `text`: its text is the bytes of the message from now on.
    Update { id: String, text: bool, scopes: Option<String>, comment: Option<String> },
    /// Makes one with the text of another.
    Duplicate { id: String, name: String, scopes: String, comment: String },
    /// Deletes one.
    Delete { id: String },
}

impl Request {
    /// Whether it is one of R2.
    pub(super) fn is_r2(&self) -> bool {
        matches!(
            self,
            Self::R2Buckets
                | Self::R2Create { .. }
                | Self::R2Info { .. }
                | Self::R2DeleteBucket { .. }
                | Self::R2List { .. }
                | Self::R2Head { .. }
                | Self::R2Get { .. }
                | Self::R2Put { .. }
                | Self::R2CreateUpload { .. }
                | Self::R2PutPart { .. }
                | Self::R2CompleteUpload { .. }
                | Self::R2AbortUpload { .. }
                | Self::R2Delete { .. }
        )
    }
}

/// A bucket of R2.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct R2BucketEntry {
    pub name: String,
    /// Unix ms.
    pub created: i64,
    pub storage_class: StorageClass,
    pub location: Option<String>,
    /// How many objects and how many bytes, where they were counted.
    pub figures: Option<(u64, u64)>,
}

/// A page of objects of R2.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct R2Page {
    pub objects: Vec<Object>,
    pub prefixes: Vec<String>,
    pub cursor: Option<String>,
}

/// A namespace of Durable Objects.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NamespaceEntry {
    pub id: String,
    pub script: String,
    pub class: String,
    /// `sqlite` or `legacy-kv`.
    pub storage: String,
    /// Unix ms.
    pub created: i64,
}

/// An object that has data.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ObjectEntry {
    pub id: String,
    pub name: Option<String>,
    /// On disk, without its history.
    pub bytes: u64,
    /// Unix ms.
    pub created: i64,
    /// Unix ms.
    pub alarm: Option<i64>,
    /// It is in memory, or sockets wait for it there.
    pub lives: bool,
    /// Its facets and those below, in the order of their names.
    #[serde(default)]
    pub facets: Vec<FacetEntry>,
}

/// A facet of an object.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FacetEntry {
    /// The names that lead from the object to it.
    pub names: Vec<String>,
    /// On disk, without its history.
    pub bytes: u64,
    /// Unix ms.
    pub created: i64,
}

/// A page of objects.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ObjectsPage {
    /// In the order of their ids.
    pub objects: Vec<ObjectEntry>,
    pub complete: bool,
}

/// What is known of an object.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ObjectDetails {
    pub entry: ObjectEntry,
    pub keys: u64,
    /// The names of the Worker's own tables.
    pub tables: Vec<String>,
    pub database_bytes: u64,
}

/// A page of keys and values.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ValuesPage {
    /// Keys, and values in V8's format as base64.
    pub entries: Vec<(String, Base64)>,
    pub complete: bool,
}

/// The rows of a query.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SqlRows {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
    pub written: u64,
}

/// What left memory, and what did not.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Evictions {
    pub ended: u32,
    /// Something goes on in them.
    pub busy: u32,
}

/// A namespace of KV.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KvNamespaceEntry {
    pub id: String,
    pub title: String,
    /// Unix seconds.
    pub created: u64,
}

/// A database of D1.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct D1Entry {
    pub id: String,
    pub name: String,
    /// Unix seconds.
    pub created: u64,
}

/// A queue.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct QueueEntry {
    pub name: String,
    /// Messages that wait.
    pub count: u64,
    /// Their bodies.
    pub bytes: u64,
}

/// What stands beside a value of KV.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct KvAttributes {
    /// Unix seconds.
    pub expiration: Option<u64>,
    /// JSON text.
    pub metadata: Option<String>,
}

/// A page of keys of KV.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KvPage {
    pub keys: Vec<(String, KvAttributes)>,
    pub complete: bool,
}

/// Bytes in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

impl Serialize for Base64 {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        BASE64_STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A value of SQLite in JSON, which has neither all numbers nor bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Cell {
    Null,
    Integer(i64),
    /// As text: there are infinite ones.
    Real(String),
    Text(String),
    Blob(Base64),
}

impl From<SqlValue> for Cell {
    fn from(value: SqlValue) -> Self {
        match value {
            SqlValue::Null => Self::Null,
            SqlValue::Integer(value) => Self::Integer(value),
            SqlValue::Real(value) => Self::Real(value.to_string()),
            SqlValue::Text(text) => Self::Text(text),
            SqlValue::Blob(bytes) => Self::Blob(Base64(bytes)),
        }
    }
}

/// Why there is no answer. Its text is for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub kind: FailureKind,
    pub message: String,
}

/// What a caller may do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// What it asked for is wrong, or is not there.
    Invalid,
    /// The query writes, and must not.
    Writes,
    /// The object is not at rest: later.
    Busy,
    /// The data, or the disk.
    Internal,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub json: serde_json::Value,
    pub bytes: Bytes,
}

impl Reply {
    /// One of JSON alone.
    ///
    /// # Errors
    /// [`FailureKind::Internal`] where JSON has no room for it.
    pub fn json(value: &impl Serialize) -> Result<Self, Failure> {
        let json = serde_json::to_value(value)
            .map_err(|error| Failure::new(FailureKind::Internal, error.to_string()))?;
        Ok(Self { json, bytes: Bytes::new() })
    }

    /// What it says.
    ///
    /// # Errors
    /// [`FailureKind::Internal`] when another version of Selvedge answered.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, Failure> {
        serde_json::from_value(self.json).map_err(|error| {
            Failure::new(FailureKind::Internal, format!("not understood: {error}"))
        })
    }
}

/// A line of JSON, and bytes.
pub(super) fn join(line: &impl Serialize, bytes: &Bytes) -> Result<Bytes, serde_json::Error> {
    let mut message = serde_json::to_vec(line)?;
    message.push(b'\n');
    message.extend_from_slice(bytes);
    Ok(message.into())
}

/// Both parts of such a message.
pub(super) fn split<T: DeserializeOwned>(mut message: Bytes) -> Result<(T, Bytes), Failure> {
    let broken = |text: String| Failure::new(FailureKind::Invalid, text);
    let end = memchr::memchr(b'\n', &message).ok_or_else(|| broken("no line".to_owned()))?;
    let line = message.split_to(end + 1);
    let line = serde_json::from_slice(&line[..end]).map_err(|error| broken(error.to_string()))?;
    Ok((line, message))
}
