//! Buckets of a data folder that a server has, over its control socket.

use anyhow::bail;
use bytes::Bytes;
use selvedge_r2::object::{Attributes, Object, StorageClass};
use selvedge_r2::store::{ListQuery, MadePart, Page};
use selvedge_server::control::client::Client;
use selvedge_server::control::protocol::{R2BucketEntry, R2Page, Request};
use serde::de::DeserializeOwned;

use super::place::{Sink, Source};

/// What goes in one message: 8 MiB. Larger objects are uploaded in parts.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// A server that has the folder.
pub(super) struct Server(pub(super) Client);

impl Server {
    async fn ask<T: DeserializeOwned>(&self, request: Request, bytes: Bytes) -> anyhow::Result<T> {
        Ok(self.0.execute(request, bytes).await?.read()?)
    }

    pub(super) async fn create(
        &self,
        name: &str,
        storage_class: StorageClass,
        location: Option<&str>,
    ) -> anyhow::Result<()> {
        let (name, location) = (name.to_owned(), location.map(str::to_owned));
        let request = Request::R2Create { name, storage_class, location };
        self.ask::<bool>(request, Bytes::new()).await.map(drop)
    }

    pub(super) async fn list(&self) -> anyhow::Result<Vec<R2BucketEntry>> {
        self.ask(Request::R2Buckets, Bytes::new()).await
    }

    pub(super) async fn info(&self, name: &str) -> anyhow::Result<R2BucketEntry> {
        self.ask(Request::R2Info { name: name.to_owned() }, Bytes::new()).await
    }

    pub(super) async fn delete(&self, name: &str) -> anyhow::Result<()> {
        let request = Request::R2DeleteBucket { name: name.to_owned() };
        self.ask::<bool>(request, Bytes::new()).await.map(drop)
    }

    pub(super) async fn put(
        &self,
        make: bool,
        (bucket, key): (&str, &str),
        attributes: Attributes,
        source: Source<'_>,
    ) -> anyhow::Result<u64> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let first = source(PART_BYTES)?;
        if first.len() < PART_BYTES {
            let length = first.len() as u64;
            let request = Request::R2Put { bucket, key, attributes, make };
            self.ask::<bool>(request, first).await?;
            return Ok(length);
        }
        let request =
            Request::R2CreateUpload { bucket: bucket.clone(), key: key.clone(), attributes, make };
        let upload: String = self.ask(request, Bytes::new()).await?;
        match self.parts((&bucket, &key, &upload), first, source).await {
            Ok(length) => Ok(length),
            Err(error) => {
                // Why it failed is what counts.
                let request = Request::R2AbortUpload { bucket, key, upload };
                let _ = self.ask::<bool>(request, Bytes::new()).await;
                Err(error)
            }
        }
    }

    async fn parts(
        &self,
        (bucket, key, upload): (&str, &str, &str),
        first: Bytes,
        source: Source<'_>,
    ) -> anyhow::Result<u64> {
        let (bucket, key, upload) = (bucket.to_owned(), key.to_owned(), upload.to_owned());
        let mut parts: Vec<MadePart> = Vec::new();
        let (mut piece, mut length) = (first, 0);
        while !piece.is_empty() {
            length += piece.len() as u64;
            let number = u32::try_from(parts.len() + 1)?;
            let (bucket, key, upload) = (bucket.clone(), key.clone(), upload.clone());
            let request = Request::R2PutPart { bucket, key, upload, number };
            parts.push(self.ask(request, piece).await?);
            piece = source(PART_BYTES)?;
        }
        let request = Request::R2CompleteUpload { bucket, key, upload, parts };
        self.ask::<bool>(request, Bytes::new()).await?;
        Ok(length)
    }

    pub(super) async fn get(
        &self,
        (bucket, key): (&str, &str),
        sink: Sink<'_>,
    ) -> anyhow::Result<Option<u64>> {
        let request = Request::R2Head { bucket: bucket.to_owned(), key: key.to_owned() };
        let Some(object) = self.ask::<Option<Object>>(request, Bytes::new()).await? else {
            return Ok(None);
        };
        let mut offset = 0;
        while offset < object.size {
            let request = Request::R2Get {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
                version: object.version.clone(),
                offset,
                length: PART_BYTES as u64,
            };
            let reply = self.0.execute(request, Bytes::new()).await?;
            if reply.bytes.is_empty() {
                bail!("the object was overwritten or deleted while it was read");
            }
            offset += reply.bytes.len() as u64;
            sink(&reply.bytes)?;
        }
        Ok(Some(object.size))
    }

    pub(super) async fn delete_object(&self, (bucket, key): (&str, &str)) -> anyhow::Result<()> {
        let request = Request::R2Delete { bucket: bucket.to_owned(), key: key.to_owned() };
        self.ask::<bool>(request, Bytes::new()).await.map(drop)
    }

    pub(super) async fn objects(&self, bucket: &str, query: ListQuery) -> anyhow::Result<Page> {
        let ListQuery { prefix, delimiter, cursor, limit, .. } = query;
        let request =
            Request::R2List { bucket: bucket.to_owned(), prefix, delimiter, cursor, limit };
        let R2Page { objects, prefixes, cursor } = self.ask(request, Bytes::new()).await?;
        Ok(Page { objects, prefixes, cursor })
    }
}
