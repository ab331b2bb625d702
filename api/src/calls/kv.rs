//! KV: namespaces, and their data.

mod bulk;
mod data;

pub(crate) use bulk::{bulk_delete, bulk_get, bulk_put};
pub(crate) use data::{delete_value, keys, metadata, put_value, value};

use std::sync::Arc;
use std::time::Duration;

use selvedge_deployments::KvNamespaceInfo;
use selvedge_kv::namespace::Refusal;
use selvedge_kv::store::{Answer as StoreAnswer, KvStore, UnixSeconds};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};

/// The title of a namespace is taken.
const TITLE_TAKEN: u32 = 10014;
/// How long requests that began with a namespace that is deleted may take.
const GRACE: Duration = Duration::from_secs(1);

fn shown(namespace: &KvNamespaceInfo) -> Value {
    json!({ "id": namespace.id, "title": namespace.title, "supports_url_encoding": true })
}

pub(crate) async fn namespaces(cx: Cx) -> Answer {
    let account = cx.account()?;
    let mut all = cx.store(move |store| store.kv_namespaces(&account)).await?;
    if cx.query("order") == Some("id") {
        all.sort_by(|a, b| a.id.cmp(&b.id));
    }
    if cx.query("direction") == Some("desc") {
        all.reverse();
    }
    let (page, per_page) = cx.page(20, 1000)?;
    let items = all.iter().skip((page - 1) * per_page).take(per_page).map(shown).collect();
    Ok(Reply::page(items, page, per_page, all.len()))
}

#[derive(Deserialize)]
struct Title {
    title: String,
}

pub(crate) async fn create(mut cx: Cx) -> Answer {
    let account = cx.account()?;
    let Title { title } = cx.json().await?;
    let by = cx.actor()?;
    let made = cx
        .blocking(move |inner| {
            let made = inner.store.create_kv(&account, &title, &by);
            made.map_err(|error| ApiError::from(error).with_code(TITLE_TAKEN))
        })
        .await?;
    Ok(Reply::ok(shown(&made)))
}

/// The namespace of the path. That of another account is none.
async fn namespace(cx: &Cx) -> Result<KvNamespaceInfo, ApiError> {
    let account = cx.account()?;
    let id = cx.param("namespace")?.to_owned();
    let found = cx.store(move |store| store.kv_namespace(&account, &id)).await?;
    found.ok_or_else(|| ApiError::not_found(10013, "namespace not found"))
}

pub(crate) async fn get(cx: Cx) -> Answer {
    Ok(Reply::ok(shown(&namespace(&cx).await?)))
}

pub(crate) async fn rename(mut cx: Cx) -> Answer {
    let mut found = namespace(&cx).await?;
    let Title { title } = cx.json().await?;
    let by = cx.actor()?;
    found.title.clone_from(&title);
    let (account, id) = (found.account.clone(), found.id.clone());
    cx.blocking(move |inner| {
        let renamed = inner.store.rename_kv(&account, &id, &title, &by);
        renamed.map_err(|error| ApiError::from(error).with_code(TITLE_TAKEN))
    })
    .await?;
    Ok(Reply::ok(shown(&found)))
}

/// The data goes too.
pub(crate) async fn delete(cx: Cx) -> Answer {
    let found = namespace(&cx).await?;
    let by = cx.actor()?;
    let (account, id) = (found.account, found.id.clone());
    cx.store(move |store| store.delete_kv(&account, &id, &by)).await?;
    // Isolates of versions that do not serve any more may still have it open.
    for _ in 0..2 {
        let id = found.id.clone();
        match cx.blocking(move |inner| Ok(inner.host.delete_kv(&id)?)).await {
            Err(error) if error.code == 10064 => tokio::time::sleep(GRACE).await,
            done => return done.map(|()| Reply::done()),
        }
    }
    tracing::warn!("the data of a KV namespace is in use and stays namespace=`{}`", found.id);
    Ok(Reply::done())
}

/// The data of the namespace of the path.
async fn data(cx: &Cx) -> Result<Arc<dyn KvStore>, ApiError> {
    let id = namespace(cx).await?.id;
    cx.blocking(move |inner| Ok(inner.host.kv(&id)?)).await
}

async fn answer<T>(answer: StoreAnswer<T>) -> Result<T, ApiError> {
    Ok(match answer {
        StoreAnswer::Ready(done) => done?,
        StoreAnswer::Later(later) => later.await?,
    })
}

fn now(cx: &Cx) -> UnixSeconds {
    UnixSeconds::try_from(cx.now().div_euclid(1000)).unwrap_or_default()
}

/// A refusal in the words of KV, as an answer.
fn refused(refusal: Refusal) -> ApiError {
    let Refusal::Failed { status, reason, .. } = &refusal else {
        return ApiError::bad(10029, refusal.to_string());
    };
    let status = http::StatusCode::from_u16(*status).unwrap_or(http::StatusCode::BAD_REQUEST);
    ApiError::new(status, 10029, reason.clone())
}

/// Metadata as JSON; what a Worker put there is always JSON.
fn parsed(metadata: Option<&str>) -> Value {
    metadata.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null)
}
