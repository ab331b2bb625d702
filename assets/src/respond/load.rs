//! Contents that are not in memory yet: read, and compressed where that is wanted.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::{Content, MAX_KEPT_BYTES, Response, ResponseBody, Wants, respond};
use crate::cache::{Known, Variant};
use crate::encoding::Encoding;
use crate::plan::Assets;
use crate::response::{List, Usual};
use crate::source::{Asset, Opened, ReadAt};

/// What reading gave.
enum Read {
    Whole(Asset, Bytes),
    File(Asset, Arc<dyn ReadAt>),
}

/// The response, once the content is there.
pub(super) async fn load(assets: Arc<Assets>, path: String, wants: Wants) -> Response {
    match content(&assets, &path, &wants).await {
        Ok((asset, content)) => respond(&assets, &asset, content, &wants),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            tracing::warn!(path, "an asset is not there any more");
            failed(&assets, 404, &wants)
        }
        Err(error) => {
            tracing::error!(%error, path, "an asset cannot be read");
            failed(&assets, 500, &wants)
        }
    }
}

fn failed(assets: &Assets, status: u16, wants: &Wants) -> Response {
    let body = ResponseBody::Whole(Bytes::new());
    assets.own(status, List::default(), wants.place.as_ref(), body)
}

async fn content(assets: &Arc<Assets>, path: &str, wants: &Wants) -> io::Result<(Asset, Content)> {
    let encodes = wants.encoding != Encoding::Identity;
    let (asset, bytes) = match read(assets, path, encodes).await? {
        Read::File(asset, file) => return Ok((asset, Content::File(file))),
        Read::Whole(asset, bytes) => (asset, bytes),
    };
    let identity = (asset.hash, Encoding::Identity);
    if encodes && let Some(variant) = encoded(assets, &asset, &bytes, wants.encoding).await {
        return Ok((asset, Content::Variant(variant)));
    }
    let variant = variant(&asset, bytes, Encoding::Identity);
    if asset.size <= MAX_KEPT_BYTES {
        assets.cache.put(identity, Known::Variant(variant.clone()));
    }
    Ok((asset, Content::Variant(variant)))
}

/// Opens an asset, and reads it if it is small or shall be encoded.
async fn read(assets: &Arc<Assets>, path: &str, encodes: bool) -> io::Result<Read> {
    let (source, path) = (assets.source.clone(), path.to_owned());
    let read = move || {
        let Opened { asset, content } = source.open(&path)?;
        if asset.size > MAX_KEPT_BYTES && !encodes {
            return Ok(Read::File(asset, content.into()));
        }
        let mut bytes = vec![0; asset.size as usize];
        if content.read_at(&mut bytes, 0)? < bytes.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Read::Whole(asset, bytes.into()))
    };
    tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
}

/// The content in another encoding, unless that is no smaller.
async fn encoded(
    assets: &Arc<Assets>,
    asset: &Asset,
    bytes: &Bytes,
    encoding: Encoding,
) -> Option<Arc<Variant>> {
    let key = (asset.hash, encoding);
    let cache = &assets.cache;
    let known = match cache.get(&key) {
        Some(known) => known,
        None => cache.once(key, || encode(assets, asset, bytes.clone(), encoding)).await,
    };
    match known {
        Known::Variant(variant) => Some(variant),
        Known::NoGain => None,
    }
}

/// Compresses on a thread of its own: the event loop's are metered with the
/// Worker's work.
async fn encode(assets: &Arc<Assets>, asset: &Asset, bytes: Bytes, encoding: Encoding) -> Known {
    // It is never closed.
    let Ok(_permit) = assets.cache.encoders.acquire().await else { return Known::NoGain };
    let (sender, encoded) = tokio::sync::oneshot::channel();
    let size = bytes.len();
    let spawned = std::thread::Builder::new().name("encoder".into()).spawn(move || {
        let _ = sender.send(encoding.encode(&bytes));
    });
    let encoded = match spawned {
        Ok(_) => encoded.await.ok().and_then(Result::ok),
        Err(error) => {
            tracing::warn!(%error, "assets are sent without compression");
            None
        }
    };
    match encoded {
        Some(encoded) if encoded.len() < size => {
            Known::Variant(variant(asset, encoded.into(), encoding))
        }
        _ => Known::NoGain,
    }
}

/// A content with its usual headers.
fn variant(asset: &Asset, body: Bytes, encoding: Encoding) -> Arc<Variant> {
    let usual = Usual { asset, encoding, is_cacheable: true };
    let headers = usual.list(true).into_blob().into_bytes().into();
    Arc::new(Variant { body, headers, content_type: asset.content_type.clone() })
}
