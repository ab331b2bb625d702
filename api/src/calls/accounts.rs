//! Accounts.

use selvedge_deployments::{Account, AccountChange, AccountLimits, NewAccount, ResourceKind};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::user::visible;
use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};
use crate::time::iso;

fn shown(cx: &Cx, account: &Account) -> Value {
    json!({
        "id": account.id, "name": account.name, "type": "standard",
        "subdomain": account.subdomain,
        "domain": cx.options().account_domain(account.subdomain.as_deref()),
        "limits": account.limits, "created_on": iso(account.created_on), "settings": {},
    })
}

pub(crate) async fn list(cx: Cx) -> Answer {
    let accounts = visible(&cx).await?;
    let (page, per_page) = cx.page(50, 1000)?;
    let items = accounts.iter().skip((page - 1) * per_page).take(per_page);
    let items = items.map(|account| shown(&cx, account)).collect();
    Ok(Reply::page(items, page, per_page, accounts.len()))
}

pub(crate) async fn get(cx: Cx) -> Answer {
    let id = cx.account()?;
    let found = cx.store(move |store| store.account(&id)).await?;
    Ok(Reply::ok(shown(&cx, &found.ok_or_else(|| ApiError::forbidden(""))?)))
}

#[derive(Deserialize)]
struct New {
    name: String,
    subdomain: Option<String>,
    limits: Option<AccountLimits>,
}

pub(crate) async fn create(mut cx: Cx) -> Answer {
    let New { name, subdomain, limits } = cx.json().await?;
    let by = cx.actor()?;
    let new = NewAccount { name, subdomain, limits };
    let made = cx.store(move |store| store.create_account(new, &by)).await?;
    cx.host().apply_account(&made.id).await?;
    Ok(Reply::ok(shown(&cx, &made)))
}

#[derive(Deserialize)]
struct Change {
    name: Option<String>,
    /// `null` takes the label away.
    #[serde(default, deserialize_with = "given")]
    subdomain: Option<Option<String>>,
    /// `null`: what the server allows everybody.
    #[serde(default, deserialize_with = "given")]
    limits: Option<Option<AccountLimits>>,
}

/// Tells `null` from what is missing.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

pub(crate) async fn update(mut cx: Cx) -> Answer {
    let id = existing(&cx).await?.id;
    let Change { name, subdomain, limits } = cx.json().await?;
    let by = cx.actor()?;
    let change = AccountChange { name, subdomain, limits };
    let wanted = id.clone();
    let changed = cx.store(move |store| store.update_account(&wanted, change, &by)).await?;
    cx.host().apply_account(&id).await?;
    Ok(Reply::ok(shown(&cx, &changed)))
}

async fn existing(cx: &Cx) -> Result<Account, ApiError> {
    let id = cx.account()?;
    let found = cx.store(move |store| store.account(&id)).await?;
    found.ok_or_else(|| ApiError::not_found(1003, "there is no such account"))
}

/// Deletes an account. With Workers only if `force` says so.
pub(crate) async fn delete(cx: Cx) -> Answer {
    let id = existing(&cx).await?.id;
    let by = cx.actor()?;
    let force = cx.query("force") == Some("true");
    let wanted = id.clone();
    let (workers, namespaces, databases, queues) = cx
        .blocking(move |inner| {
            let workers = inner.store.workers(&wanted)?;
            if !workers.is_empty() && !force {
                let text = format!("the account has {} Workers", workers.len());
                return Err(ApiError::conflict(10064, text));
            }
            let namespaces = inner.store.kv_namespaces(&wanted)?;
            let queues = inner.store.resources(&wanted, ResourceKind::Queue)?;
            let databases = inner.store.resources(&wanted, ResourceKind::D1Database)?;
            inner.store.delete_account(&wanted, &by)?;
            Ok((workers, namespaces, databases, queues))
        })
        .await?;
    for worker in &workers {
        cx.apply(&worker.key).await?;
    }
    cx.host().apply_account(&id).await?;
    let deleted = id.clone();
    cx.blocking(move |inner| {
        for worker in &workers {
            inner.host.forget_objects(&worker.key)?;
        }
        for namespace in &namespaces {
            inner.host.delete_kv(&namespace.id)?;
        }
        for database in &databases {
            inner.host.delete_d1(&database.id)?;
        }
        inner.host.apply_queues()?;
        for queue in &queues {
            inner.host.delete_queue(&queue.id)?;
        }
        inner.host.analytics()?.forget(deleted.as_str());
        inner.host.buckets()?.delete_account(deleted.as_str()).map_err(super::r2::failed)?;
        Ok(())
    })
    .await?;
    Ok(Reply::ok(json!({ "id": id })))
}
