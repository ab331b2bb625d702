//! `selvedge r2 .. --remote`: the buckets of a server's account.

use anyhow::bail;
use http::Method;
use selvedge_client::{Account, Call, Error};
use selvedge_r2::object::{Attributes, StorageClass};
use selvedge_r2::store::{ListQuery, Page};
use selvedge_server::control::protocol::R2BucketEntry;
use serde::Deserialize;
use serde_json::{Value, json};

use super::connect::Remote;
use super::project::Found;
use crate::kv::Place;
use crate::r2::{Sink, Source};

/// What is uploaded in one go: 300 MiB, as wrangler has it. S3's clients take more.
const MAX_UPLOAD_BYTES: usize = 300 * 1024 * 1024;
/// What is fetched in one go: 8 MiB.
const PIECE_BYTES: u64 = 8 * 1024 * 1024;

/// The buckets of an account.
pub(crate) struct RemoteBuckets {
    remote: Remote,
    account: String,
}

#[derive(Deserialize)]
struct Buckets {
    buckets: Vec<Bucket>,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
    #[serde(default)]
    storage_class: Option<StorageClass>,
    #[serde(default)]
    location: Option<String>,
    #[serde(default)]
    object_count: Option<u64>,
    #[serde(default)]
    payload_size: Option<u64>,
}

#[derive(Deserialize)]
struct Listed {
    key: String,
    size: u64,
    etag: String,
}

impl From<Bucket> for R2BucketEntry {
    fn from(bucket: Bucket) -> Self {
        Self {
            name: bucket.name,
            created: 0,
            storage_class: bucket.storage_class.unwrap_or_default(),
            location: bucket.location,
            figures: bucket.object_count.zip(bucket.payload_size),
        }
    }
}

impl RemoteBuckets {
    pub(crate) async fn of(place: &Place) -> anyhow::Result<Self> {
        let found = Found::new(place.config.as_deref(), place.env.as_deref())?;
        let remote = Remote::new(&place.server, &found.around)?;
        let account = remote.account().await?;
        Ok(Self { remote, account })
    }

    fn account(&self) -> Account<'_> {
        self.remote.client.account(&self.account)
    }

    fn call(&self, method: Method, rest: &str) -> Call {
        self.account().call(method, &format!("/r2/buckets{rest}"))
    }

    fn object(&self, method: Method, (bucket, key): (&str, &str)) -> Call {
        let rest = format!("/{}/objects/{}", encoded(bucket), encoded(key));
        self.call(method, &rest)
    }

    fn explain(&self, error: Error) -> anyhow::Error {
        self.remote.explain(error)
    }

    pub(crate) async fn create(
        &self,
        name: &str,
        class: StorageClass,
        location: Option<&str>,
    ) -> anyhow::Result<()> {
        let mut new = json!({ "name": name, "storageClass": class.as_str() });
        if let Some(location) = location {
            new["locationHint"] = location.into();
        }
        let call = self.call(Method::POST, "").json(&new);
        call.done().await.map_err(|error| self.explain(error))
    }

    pub(crate) async fn list(&self) -> anyhow::Result<Vec<R2BucketEntry>> {
        let mut all = Vec::new();
        let mut cursor = None;
        loop {
            let call = self.call(Method::GET, "").query_if("cursor", cursor.take());
            let page = call.page::<Buckets>().await.map_err(|error| self.explain(error))?;
            all.extend(page.result.buckets.into_iter().map(R2BucketEntry::from));
            cursor = page.cursor;
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }

    pub(crate) async fn info(&self, name: &str) -> anyhow::Result<R2BucketEntry> {
        let call = self.call(Method::GET, &format!("/{}", encoded(name)));
        Ok(call.send::<Bucket>().await.map_err(|error| self.explain(error))?.into())
    }

    pub(crate) async fn delete(&self, name: &str) -> anyhow::Result<()> {
        let call = self.call(Method::DELETE, &format!("/{}", encoded(name)));
        call.done().await.map_err(|error| self.explain(error))
    }

    pub(crate) async fn put(
        &self,
        named: (&str, &str),
        attributes: Attributes,
        source: Source<'_>,
    ) -> anyhow::Result<u64> {
        let body = source(MAX_UPLOAD_BYTES + 1)?;
        if body.len() > MAX_UPLOAD_BYTES {
            bail!(
                "the file is larger than 300 MiB\nhint: clients of S3 upload it in parts: the \
                 endpoint is {}/s3",
                self.remote.client.origin()
            );
        }
        let length = body.len() as u64;
        let http = attributes.http_metadata;
        let kind = http.content_type.as_deref().unwrap_or("application/octet-stream");
        let mut call = self.object(Method::PUT, named).bytes(kind, body);
        let class = attributes.storage_class.map(|class| class.as_str().to_owned());
        for (name, value) in [
            ("content-language", http.content_language),
            ("content-disposition", http.content_disposition),
            ("content-encoding", http.content_encoding),
            ("cache-control", http.cache_control),
            ("cf-r2-storage-class", class),
        ] {
            if let Some(value) = value {
                call = call.header(name, &value);
            }
        }
        call.done().await.map_err(|error| self.explain(error))?;
        Ok(length)
    }

    pub(crate) async fn get(
        &self,
        named: (&str, &str),
        sink: Sink<'_>,
    ) -> anyhow::Result<Option<u64>> {
        // Its size is in the list; a key comes before all that begin with it.
        let rest = format!("/{}/objects", encoded(named.0));
        let call = self.call(Method::GET, &rest).query("prefix", named.1).query("per_page", 1);
        let listed: Vec<Listed> = call.send().await.map_err(|error| self.explain(error))?;
        let Some(object) = listed.into_iter().find(|object| object.key == named.1) else {
            return Ok(None);
        };
        let mut offset = 0;
        while offset < object.size {
            let last = (offset + PIECE_BYTES).min(object.size) - 1;
            let call = self
                .object(Method::GET, named)
                .header("range", &format!("bytes={offset}-{last}"))
                .header("if-match", &format!("\"{}\"", object.etag));
            let piece = match call.raw().await {
                Ok(piece) => piece,
                Err(error) if offset > 0 && (error.is_not_found() || error.is(10031)) => {
                    bail!("the object was overwritten or deleted while it was read")
                }
                Err(error) => return Err(self.explain(error)),
            };
            offset += piece.len() as u64;
            if piece.is_empty() {
                bail!("the server sent nothing");
            }
            sink(&piece)?;
        }
        Ok(Some(object.size))
    }

    pub(crate) async fn delete_object(&self, named: (&str, &str)) -> anyhow::Result<()> {
        let call = self.object(Method::DELETE, named);
        call.done().await.map_err(|error| self.explain(error))
    }

    pub(crate) async fn objects(
        &self,
        bucket: &str,
        query: ListQuery,
    ) -> anyhow::Result<(Vec<Value>, Page)> {
        let call = self
            .call(Method::GET, &format!("/{}/objects", encoded(bucket)))
            .query("prefix", &query.prefix)
            .query("per_page", query.limit)
            .query_if("delimiter", query.delimiter)
            .query_if("cursor", query.cursor);
        let page = call.page::<Vec<Value>>().await.map_err(|error| self.explain(error))?;
        let (prefixes, cursor) = (page.delimited, page.cursor);
        Ok((page.result, Page { objects: Vec::new(), prefixes, cursor }))
    }
}

fn encoded(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            all.push(char::from(byte));
        } else {
            all.push_str(&format!("%{byte:02X}"));
        }
    }
    all
}
