//! Where Workers answer by their names.
//!
//! Wrangler prints `https://NAME.<subdomain>.workers.dev`, whatever the server.
//! What it is given as the subdomain ends in `/#`, so that the link it prints
//! leads here: `https://NAME.edge.example.com/#.workers.dev`.

use selvedge_deployments::{AccountChange, WorkerInfo};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Inner;
use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};

/// The domain of the account's Workers.
fn domain(inner: &Inner, account: &selvedge_deployments::AccountId) -> Result<String, ApiError> {
    let account = inner.store.account(account)?;
    let label = account.and_then(|account| account.subdomain);
    let none = || {
        ApiError::not_found(10007, "This server has no domain of its own: start it with --domain.")
    };
    inner.options.account_domain(label.as_deref()).ok_or_else(none)
}

pub(crate) async fn get(cx: Cx) -> Answer {
    let account = cx.account()?;
    cx.blocking(move |inner| {
        let domain = domain(inner, &account)?;
        Ok(Reply::ok(json!({ "subdomain": format!("{domain}/#"), "domain": domain })))
    })
    .await
}

pub(crate) async fn put(mut cx: Cx) -> Answer {
    #[derive(Deserialize)]
    struct New {
        subdomain: String,
    }
    let account = cx.account()?;
    let New { subdomain } = cx.json().await?;
    let by = cx.actor()?;
    let wanted = account.clone();
    let change = AccountChange { subdomain: Some(Some(subdomain)), ..AccountChange::default() };
    let domain = cx
        .blocking(move |inner| {
            let changed = inner.store.update_account(&wanted, change, &by);
            changed.map_err(|error| ApiError::from(error).with_code(10031))?;
            domain(inner, &wanted)
        })
        .await?;
    cx.host().apply_account(&account).await?;
    Ok(Reply::ok(json!({ "subdomain": format!("{domain}/#"), "domain": domain })))
}

/// Whether a name is free, as an error either way.
pub(crate) async fn check(cx: Cx) -> Answer {
    let name = cx.param("name")?.to_owned();
    let valid = selvedge_deployments::names::is_subdomain(&name);
    let taken = cx.store(move |store| store.subdomain_is_taken(&name)).await?;
    match valid && !taken {
        true => Err(ApiError::not_found(10032, "the subdomain is available")),
        false => Err(ApiError::conflict(10031, "the subdomain is unavailable")),
    }
}

fn state(inner: &Inner, worker: &WorkerInfo) -> Result<Value, ApiError> {
    let domain = domain(inner, &worker.key.account).ok();
    let url = domain
        .filter(|_| worker.workers_dev)
        .map(|domain| inner.options.url(&format!("{}.{domain}", worker.key.name)));
    Ok(json!({
        "enabled": worker.workers_dev, "previews_enabled": worker.previews, "url": url,
    }))
}

pub(crate) async fn script(cx: Cx) -> Answer {
    let (_, worker) = cx.existing_worker().await?;
    cx.blocking(move |inner| Ok(Reply::ok(state(inner, &worker)?))).await
}

pub(crate) async fn set_script(mut cx: Cx) -> Answer {
    #[derive(Deserialize)]
    struct New {
        enabled: Option<bool>,
        previews_enabled: Option<bool>,
    }
    let (key, mut worker) = cx.existing_worker().await?;
    let new: New = cx.json().await?;
    let by = cx.actor()?;
    // Previews go with the address unless it is said otherwise.
    worker.previews = new.previews_enabled.or(new.enabled).unwrap_or(worker.previews);
    worker.workers_dev = new.enabled.unwrap_or(worker.workers_dev);
    let (wanted, enabled, previews) = (key.clone(), worker.workers_dev, worker.previews);
    cx.store(move |store| store.set_workers_dev(&wanted, enabled, previews, &by)).await?;
    cx.apply(&key).await?;
    cx.blocking(move |inner| Ok(Reply::ok(state(inner, &worker)?))).await
}
