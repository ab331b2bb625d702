//! Whose buckets: those of a data folder, of the server that has it, or of a
//! server's account.

use std::sync::Arc;

use anyhow::bail;
use bytes::Bytes;
use selvedge_r2::config::BucketConfig;
use selvedge_r2::object::{Attributes, Object, StorageClass};
use selvedge_r2::rules::Range;
use selvedge_r2::store::{
    Bucket, BucketFigures, BucketInfo, Catalog, Expected, Found, Got, ListQuery, Page, Put,
};
use selvedge_server::config;
use selvedge_server::control::protocol::R2BucketEntry;
use selvedge_storage::data_dir::{DataDir, OpenError};

use super::server::Server;
use crate::api;
use crate::kv::{Place, config_file, data_dir, now};
use crate::remote::RemoteBuckets;

/// The account of Workers that no account has.
const NO_ACCOUNT: &str = "";
/// How much of a file is read at a time: 1 MiB.
const READ_BYTES: usize = 1024 * 1024;

/// The buckets of a place.
pub(super) enum Buckets {
    /// This process has the folder, until this is dropped.
    Here(Catalog),
    Server(Server),
    Remote(Box<RemoteBuckets>),
}

/// Takes the next piece of an object.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(&[u8]) -> anyhow::Result<()>;
/// Gives the next piece of a file; an empty one at the end.
pub(crate) type Source<'a> = &'a mut dyn FnMut(usize) -> anyhow::Result<Bytes>;

fn millis() -> i64 {
    i64::try_from(now()).unwrap_or(0).saturating_mul(1000)
}

impl Buckets {
    /// `command` is what others are told who want the folder, too.
    pub(super) async fn open(place: &Place, command: &str) -> anyhow::Result<Self> {
        if place.remote {
            return Ok(Self::Remote(Box::new(RemoteBuckets::of(place).await?)));
        }
        let path = data_dir(place)?;
        match DataDir::open(&path, &format!("selvedge r2 {command}"), now()) {
            Ok(dir) => Ok(Self::Here(Catalog::open(Arc::new(dir), millis)?)),
            Err(held @ OpenError::Held { .. }) => match api::connect(&path).await {
                Some(client) => Ok(Self::Server(Server(client))),
                None => bail!("{held}\nhint: stop that process first"),
            },
            Err(error) => bail!("{error}"),
        }
    }

    pub(super) async fn create(
        &self,
        name: &str,
        class: StorageClass,
        location: Option<&str>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Here(catalog) => {
                catalog.create(NO_ACCOUNT, name, location, class)?;
                Ok(())
            }
            Self::Server(server) => server.create(name, class, location).await,
            Self::Remote(remote) => remote.create(name, class, location).await,
        }
    }

    pub(super) async fn list(&self) -> anyhow::Result<Vec<R2BucketEntry>> {
        match self {
            Self::Here(catalog) => Ok(catalog.list(NO_ACCOUNT)?.into_iter().map(entry).collect()),
            Self::Server(server) => server.list().await,
            Self::Remote(remote) => remote.list().await,
        }
    }

    pub(super) async fn info(&self, name: &str) -> anyhow::Result<R2BucketEntry> {
        match self {
            Self::Here(catalog) => {
                let (info, bucket) = catalog.existing(NO_ACCOUNT, name)?;
                let BucketFigures { objects, bytes } = bucket.figures().await?;
                Ok(R2BucketEntry { figures: Some((objects, bytes)), ..entry(info) })
            }
            Self::Server(server) => server.info(name).await,
            Self::Remote(remote) => remote.info(name).await,
        }
    }

    pub(super) async fn delete(&self, name: &str) -> anyhow::Result<()> {
        match self {
            Self::Here(catalog) => Ok(catalog.delete(NO_ACCOUNT, name)?),
            Self::Server(server) => server.delete(name).await,
            Self::Remote(remote) => remote.delete(name).await,
        }
    }

    /// Writes an object; how many bytes it has.
    pub(super) async fn put(
        &self,
        place: &Place,
        (bucket, key): (&str, &str),
        attributes: Attributes,
        source: Source<'_>,
    ) -> anyhow::Result<u64> {
        match self {
            Self::Here(catalog) => {
                let bucket = existing(catalog, place, bucket)?;
                Bucket::check(key, &attributes, None)?;
                let mut writer = bucket.writer(Expected::default());
                loop {
                    let piece = source(READ_BYTES)?;
                    if piece.is_empty() {
                        break;
                    }
                    writer.write(piece).await?;
                }
                let put = Put { key: key.to_owned(), attributes, ..Put::default() };
                Ok(bucket.put(put, writer).await?.map_or(0, |object| object.size))
            }
            Self::Server(server) => {
                server.put(is_configured(place, bucket)?, (bucket, key), attributes, source).await
            }
            Self::Remote(remote) => remote.put((bucket, key), attributes, source).await,
        }
    }

    /// Reads an object; `None`: there is none.
    pub(super) async fn get(
        &self,
        place: &Place,
        (bucket, key): (&str, &str),
        sink: Sink<'_>,
    ) -> anyhow::Result<Option<u64>> {
        match self {
            Self::Here(catalog) => {
                let bucket = existing(catalog, place, bucket)?;
                let Got::Found(found) = bucket.get(key, Range::default(), &Default::default())?
                else {
                    return Ok(None);
                };
                let Found { object, mut body, .. } = *found;
                while let Some(piece) = body.next().await? {
                    sink(&piece)?;
                }
                Ok(Some(object.size))
            }
            Self::Server(server) => server.get((bucket, key), sink).await,
            Self::Remote(remote) => remote.get((bucket, key), sink).await,
        }
    }

    pub(super) async fn delete_object(
        &self,
        place: &Place,
        (bucket, key): (&str, &str),
    ) -> anyhow::Result<()> {
        match self {
            Self::Here(catalog) => {
                let bucket = existing(catalog, place, bucket)?;
                Ok(bucket.delete(vec![key.to_owned()]).await?)
            }
            Self::Server(server) => server.delete_object((bucket, key)).await,
            Self::Remote(remote) => remote.delete_object((bucket, key)).await,
        }
    }

    /// One page of objects: as JSON, for those of a server's account are so.
    pub(super) async fn objects(
        &self,
        place: &Place,
        bucket: &str,
        query: ListQuery,
    ) -> anyhow::Result<(Vec<serde_json::Value>, Page)> {
        let page = match self {
            Self::Here(catalog) => existing(catalog, place, bucket)?.list(query).await?,
            Self::Server(server) => server.objects(bucket, query).await?,
            Self::Remote(remote) => return remote.objects(bucket, query).await,
        };
        Ok((page.objects.iter().map(shown).collect(), page))
    }
}

/// An object as the API shows it.
fn shown(object: &Object) -> serde_json::Value {
    serde_json::json!({
        "key": object.key,
        "size": object.size,
        "etag": object.etag,
        "last_modified": object.uploaded,
        "storage_class": object.storage_class.as_str(),
        "http_metadata": object.http_metadata,
        "custom_metadata": object.custom_metadata.iter().cloned()
            .collect::<std::collections::BTreeMap<_, _>>(),
    })
}

fn entry(info: BucketInfo) -> R2BucketEntry {
    let BucketInfo { name, created, storage_class, location, .. } = info;
    R2BucketEntry { name, created, storage_class, location, figures: None }
}

/// A bucket that is there, or that the configuration names.
fn existing(catalog: &Catalog, place: &Place, name: &str) -> anyhow::Result<Arc<Bucket>> {
    if is_configured(place, name)? {
        return Ok(catalog.bucket(NO_ACCOUNT, name)?);
    }
    match catalog.existing(NO_ACCOUNT, name) {
        Ok((_, bucket)) => Ok(bucket),
        Err(error) => bail!("{error}\nhint: `selvedge r2 bucket list` prints those there are"),
    }
}

/// Whether the configuration has the bucket, so that it needs not be there yet.
fn is_configured(place: &Place, name: &str) -> anyhow::Result<bool> {
    let Some(file) = config_file(place)? else { return Ok(false) };
    let tables = config::tables_in(&file, place.env.as_deref(), "r2_buckets");
    let Ok(tables) = tables else { return Ok(false) };
    let read = |table: &config::Section| table.read::<BucketConfig>().ok();
    Ok(tables.iter().filter_map(read).any(|bucket| bucket.bucket() == name))
}
