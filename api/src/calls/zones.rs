//! Zones, as clients look for them before they set routes.
//!
//! A name that nobody has is shown as a zone of the account that asks: it is
//! that from its first route on.

use selvedge_deployments::{AccountId, NewRoute, Route, Scope, WorkerKey, Zone};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Inner;
use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};

/// What a route or domain that is taken is told with.
pub(crate) const ROUTE_TAKEN: u32 = 10020;

pub(crate) fn shown(zone: &Zone) -> Value {
    json!({
        "id": zone.id, "name": zone.name,
        "status": if zone.created_on.is_some() { "active" } else { "pending" },
        "paused": false, "type": "full",
        "account": { "id": zone.account },
        "permissions": ["#worker:edit", "#worker:read", "#zone:read"],
    })
}

pub(crate) fn shown_route(route: &Route) -> Value {
    json!({ "id": route.id, "pattern": route.pattern, "script": route.script })
}

/// The accounts that the caller means, and may do this in.
async fn accounts(cx: &Cx, scope: Scope) -> Result<Vec<AccountId>, ApiError> {
    let caller = cx.caller()?;
    let wanted = match cx.query("account.id") {
        Some(id) => Some(id.parse().map_err(|_| ApiError::forbidden(""))?),
        None => caller.token.account.clone(),
    };
    if let Some(account) = wanted {
        caller.check(scope, &account)?;
        return Ok(vec![account]);
    }
    if !caller.token.scopes.allow(scope) {
        return Err(ApiError::forbidden(&format!("the token lacks the scope \"{scope}\"")));
    }
    let all = cx.store(|store| store.accounts()).await?;
    Ok(all.into_iter().map(|account| account.id).collect())
}

pub(crate) async fn list(cx: Cx) -> Answer {
    let accounts = accounts(&cx, Scope::Read).await?;
    let name = cx.query("name").map(str::to_owned);
    let zones = cx
        .store(move |store| {
            let mut zones = Vec::new();
            for account in &accounts {
                match &name {
                    Some(name) => zones.extend(store.zone_by_name(account, name)?),
                    None => zones.extend(store.zones(account)?),
                }
            }
            Ok(zones)
        })
        .await?;
    Ok(Reply::list(zones.iter().map(shown).collect()))
}

/// The zone of the path, if one of the caller's accounts has it.
pub(crate) async fn find(
    cx: &Cx,
    scope: Scope,
) -> Result<(Vec<AccountId>, Option<Zone>), ApiError> {
    let accounts = accounts(cx, scope).await?;
    let id = cx.param("zone")?.to_owned();
    cx.store(move |store| {
        for account in &accounts {
            if let Some(zone) = store.zone(account, &id)? {
                return Ok((accounts, Some(zone)));
            }
        }
        Ok((accounts, None))
    })
    .await
}

pub(crate) async fn get(cx: Cx) -> Answer {
    let (_, zone) = find(&cx, Scope::Read).await?;
    let missing = || ApiError::not_found(1001, "Invalid zone identifier");
    Ok(Reply::ok(shown(&zone.ok_or_else(missing)?)))
}

/// None in a zone that is not there: it is one that nobody has yet.
pub(crate) async fn routes(cx: Cx) -> Answer {
    let (_, zone) = find(&cx, Scope::Read).await?;
    let Some(zone) = zone else { return Ok(Reply::list(Vec::new())) };
    let routes = cx.store(move |store| store.zone_routes(&zone.account, &zone.id)).await?;
    Ok(Reply::list(routes.iter().map(shown_route).collect()))
}

#[derive(Deserialize)]
struct New {
    pattern: String,
    script: Option<String>,
}

/// The Worker of a new route, in the account that is meant.
async fn target(
    cx: &mut Cx,
    scope: Scope,
) -> Result<(WorkerKey, NewRoute, Option<Zone>), ApiError> {
    let (accounts, zone) = find(cx, scope).await?;
    let New { pattern, script } = cx.json().await?;
    let account = match (&zone, accounts.as_slice()) {
        (Some(zone), _) => zone.account.clone(),
        (None, [account]) => account.clone(),
        (None, _) => return Err(ApiError::not_found(1001, "Invalid zone identifier")),
    };
    let script = script.unwrap_or_default();
    let key = WorkerKey::new(account, &script).map_err(|_| ApiError::no_script())?;
    let zone_id = zone.as_ref().map(|zone| zone.id.clone());
    Ok((key, NewRoute { pattern, zone_name: None, zone_id }, zone))
}

pub(crate) async fn add_route(mut cx: Cx) -> Answer {
    let (key, new, _) = target(&mut cx, Scope::Deploy).await?;
    let by = cx.actor()?;
    let wanted = key.clone();
    let added = cx.blocking(move |inner| add(inner, &wanted, &new, &by)).await?;
    cx.apply(&key).await?;
    Ok(Reply::ok(shown_route(&added)))
}

fn add(
    inner: &Inner,
    key: &WorkerKey,
    new: &NewRoute,
    by: &selvedge_deployments::Actor,
) -> Result<Route, ApiError> {
    let added = inner.store.add_route(key, new, by);
    added.map_err(|error| ApiError::from(error).with_code(ROUTE_TAKEN))
}

/// The same route for another Worker, or another one for the same.
pub(crate) async fn replace_route(mut cx: Cx) -> Answer {
    let id = cx.param("route")?.to_owned();
    let (key, new, _) = target(&mut cx, Scope::Deploy).await?;
    let by = cx.actor()?;
    let wanted = key.clone();
    let (route, before) = cx
        .blocking(move |inner| {
            let replaced = inner.store.replace_route(&id, &wanted, &new, &by);
            replaced.map_err(|error| ApiError::from(error).with_code(ROUTE_TAKEN))
        })
        .await?;
    for worker in std::collections::BTreeSet::from([key, before]) {
        cx.apply(&worker).await?;
    }
    Ok(Reply::ok(shown_route(&route)))
}

pub(crate) async fn delete_route(cx: Cx) -> Answer {
    let (_, zone) = find(&cx, Scope::Deploy).await?;
    let missing = || ApiError::not_found(10008, "there is no such route");
    let zone = zone.ok_or_else(missing)?;
    let id = cx.param("route")?.to_owned();
    let by = cx.actor()?;
    let wanted = id.clone();
    let worker = cx.store(move |store| store.delete_route(&zone.account, &wanted, &by)).await?;
    cx.apply(&worker).await?;
    Ok(Reply::ok(json!({ "id": id })))
}
