//! The verbs of KV.

use bytes::Bytes;
use selvedge_kv::store::{
    Answer, Attributes, CatalogError, Entry, ListQuery, NamespaceInfo, Value,
};

use super::protocol::{
    Failure, FailureKind, KvAttributes, KvNamespaceEntry, KvPage, Reply, Request,
};
use crate::backends::{Backends, unix_seconds};

pub(super) async fn execute(
    backends: &Backends,
    request: Request,
    bytes: Bytes,
) -> Result<Reply, Failure> {
    match request {
        Request::KvNamespaces => {
            let all = backends.with_kv(|catalog| catalog.list())?.map_err(store)?;
            Reply::json(&all.into_iter().map(entry).collect::<Vec<_>>())
        }
        Request::KvCreate { title } => {
            let made = backends.with_kv(|catalog| catalog.create(&title))?.map_err(refused)?;
            Reply::json(&entry(made))
        }
        Request::KvRename { id, title } => {
            let renamed = backends.with_kv(|catalog| catalog.rename(&id, &title))?;
            Reply::json(&entry(renamed.map_err(refused)?))
        }
        Request::KvDeleteNamespace { id } => {
            backends.with_kv(|catalog| catalog.delete(&id))?.map_err(refused)?;
            Reply::json(&true)
        }
        Request::KvGet { namespace, key } => get(backends, &namespace, &key).await,
        Request::KvPut { namespace, key, attributes } => {
            let KvAttributes { expiration, metadata } = attributes;
            let attributes = Attributes { expiration, metadata: metadata.map(Into::into) };
            backends.kv(&namespace)?.put(key, bytes, attributes).await.map_err(kv)?;
            Reply::json(&true)
        }
        Request::KvDelete { namespace, keys } => {
            backends.kv(&namespace)?.delete(keys).await.map_err(kv)?;
            Reply::json(&true)
        }
        Request::KvList { namespace, prefix, after, limit } => {
            let query = ListQuery { prefix, after, limit: limit.max(1) };
            let page = backends.kv(&namespace)?.list(query, unix_seconds());
            let page = answer(page).await?;
            let key = |key: selvedge_kv::store::ListedKey| {
                let metadata = key.metadata.map(String::from);
                (key.name, KvAttributes { expiration: key.expiration, metadata })
            };
            let keys = page.keys.into_iter().map(key).collect();
            Reply::json(&KvPage { keys, complete: page.complete })
        }
        _ => Err(Failure::new(FailureKind::Internal, "no verb of KV")),
    }
}

async fn get(backends: &Backends, namespace: &str, key: &str) -> Result<Reply, Failure> {
    let found = answer(backends.kv(namespace)?.get(key, unix_seconds())).await?;
    let Some(Entry { value, metadata }) = found else {
        return Reply::json(&None::<KvAttributes>);
    };
    let bytes = match value {
        Value::Whole(bytes) => bytes,
        Value::Pieces(mut reader) => {
            let mut all = Vec::new();
            while let Some(piece) = reader.next().await.map_err(kv)? {
                all.extend_from_slice(&piece);
            }
            all.into()
        }
    };
    let attributes = KvAttributes { expiration: None, metadata: metadata.map(String::from) };
    Ok(Reply { bytes, ..Reply::json(&attributes)? })
}

async fn answer<T>(answer: Answer<T>) -> Result<T, Failure> {
    match answer {
        Answer::Ready(result) => result.map_err(kv),
        Answer::Later(later) => later.await.map_err(kv),
    }
}

fn entry(info: NamespaceInfo) -> KvNamespaceEntry {
    let NamespaceInfo { id, title, created } = info;
    KvNamespaceEntry { id, title, created }
}

fn kv(error: selvedge_kv::Error) -> Failure {
    Failure::new(FailureKind::Internal, error.to_string())
}

fn store(error: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Internal, error.to_string())
}

fn refused(error: CatalogError) -> Failure {
    let kind = match error {
        CatalogError::TitleTaken { .. } | CatalogError::NotFound { .. } => FailureKind::Invalid,
        CatalogError::Store(_) => FailureKind::Internal,
    };
    Failure::new(kind, error.to_string())
}
