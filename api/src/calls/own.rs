//! What Cloudflare has no call for: health, figures, logs, changes, zones that
//! the operator gives.

use http::StatusCode;
use selvedge_deployments::{AccountId, AuditRow, Zone};
use serde::Deserialize;
use serde_json::{Value, json};

use super::zones;
use crate::call::Cx;
use crate::error::ApiError;
use crate::host::LogQuery;
use crate::reply::{Answer, Reply, response};
use crate::time::{iso, parse};

/// Rows of a list of changes.
const MAX_AUDIT: u64 = 1000;
/// Events of a page of logs.
const MAX_LOGS: u64 = 1000;

pub(crate) async fn health(_: Cx) -> Answer {
    Ok(text(StatusCode::OK, "ok\n".to_owned()))
}

pub(crate) async fn ready(cx: Cx) -> Answer {
    Ok(match cx.host().is_ready() {
        true => text(StatusCode::OK, "ready\n".to_owned()),
        false => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n".to_owned()),
    })
}

fn text(status: StatusCode, body: String) -> Reply {
    Reply::Raw(response(status, "text/plain; charset=utf-8", body.into()))
}

/// Without a token on the same machine, where Prometheus often is.
pub(crate) async fn metrics(cx: Cx) -> Answer {
    if !cx.peer.is_loopback() || cx.parts.headers.contains_key("x-forwarded-for") {
        let caller = cx.api.caller(&cx.parts.headers, cx.peer, 9109).await?;
        caller.check_operator()?;
    }
    let body = cx.blocking(|inner| Ok(inner.host.metrics())).await?;
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(Reply::Raw(response(StatusCode::OK, kind, body.into())))
}

/// Of all accounts for the operator, of its own one for a token.
pub(crate) async fn figures(cx: Cx) -> Answer {
    let token = &cx.caller()?.token;
    let Some(account) = &token.account else {
        cx.caller()?.check_operator()?;
        return Ok(Reply::ok(cx.host().figures(None)));
    };
    cx.caller()?.check(selvedge_deployments::Scope::Read, account)?;
    Ok(Reply::ok(cx.host().figures(Some(account))))
}

pub(crate) async fn account_figures(cx: Cx) -> Answer {
    Ok(Reply::ok(cx.host().figures(Some(&cx.account()?))))
}

/// A time: Unix ms or as text.
fn time(cx: &Cx, names: [&str; 2]) -> Result<Option<i64>, ApiError> {
    let Some(text) = names.iter().find_map(|name| cx.query(name)) else { return Ok(None) };
    let invalid = || ApiError::bad(10004, format!("\"{text}\" is not a time"));
    text.parse().ok().or_else(|| parse(text)).map(Some).ok_or_else(invalid)
}

pub(crate) async fn logs(cx: Cx) -> Answer {
    let given = |name: &str| cx.query(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let query = LogQuery {
        account: cx.account()?,
        script: given("worker").or_else(|| given("script")),
        since: time(&cx, ["from", "since"])?,
        until: time(&cx, ["to", "until"])?,
        outcome: given("outcome"),
        level: given("level"),
        text: given("text"),
        version: given("version").map(|text| text.parse()).transpose()?,
        cursor: given("cursor"),
        limit: usize::try_from(cx.number("limit")?.unwrap_or(100).clamp(1, MAX_LOGS))
            .unwrap_or(100),
    };
    let page = cx.host().logs(&query).await?;
    Ok(Reply::ok(json!({ "events": page.items, "cursor": page.cursor })))
}

fn row(row: &AuditRow) -> Value {
    json!({
        "at": iso(row.at), "account": row.account, "token": row.token, "actor": row.actor,
        "action": row.action, "subject": row.subject,
    })
}

pub(crate) async fn account_audit(cx: Cx) -> Answer {
    let account = cx.account()?;
    changes(&cx, Some(account)).await
}

pub(crate) async fn audit(cx: Cx) -> Answer {
    changes(&cx, None).await
}

async fn changes(cx: &Cx, account: Option<AccountId>) -> Answer {
    let limit = cx.number("limit")?.unwrap_or(100).clamp(1, MAX_AUDIT);
    let limit = u32::try_from(limit).unwrap_or(100);
    let rows = cx.store(move |store| store.audit(account.as_ref(), limit)).await?;
    Ok(Reply::list(rows.iter().map(row).collect()))
}

// ----- Zones that the operator gives. -----

async fn all_zones(cx: &Cx) -> Result<Vec<Zone>, ApiError> {
    cx.store(|store| {
        let mut zones = Vec::new();
        for account in store.accounts()? {
            zones.extend(store.zones(&account.id)?);
        }
        Ok(zones)
    })
    .await
}

pub(crate) async fn zones(cx: Cx) -> Answer {
    Ok(Reply::list(all_zones(&cx).await?.iter().map(zones::shown).collect()))
}

pub(crate) async fn assign_zone(mut cx: Cx) -> Answer {
    #[derive(Deserialize)]
    struct New {
        name: String,
        account: AccountId,
    }
    let New { name, account } = cx.json().await?;
    let by = cx.actor()?;
    let zone = cx.store(move |store| store.assign_zone(&account, &name, &by)).await?;
    Ok(Reply::ok(zones::shown(&zone)))
}

/// With the routes and domains in it.
pub(crate) async fn release_zone(cx: Cx) -> Answer {
    let id = cx.param("zone")?.to_owned();
    let zone = all_zones(&cx).await?.into_iter().find(|zone| zone.id == id);
    let zone = zone.ok_or_else(|| ApiError::not_found(1001, "Invalid zone identifier"))?;
    let by = cx.actor()?;
    let workers = cx
        .store(move |store| {
            let workers = store.workers(&zone.account)?;
            store.release_zone(&zone.account, &zone.id, &by)?;
            Ok(workers)
        })
        .await?;
    for worker in workers {
        cx.apply(&worker.key).await?;
    }
    Ok(Reply::done())
}
