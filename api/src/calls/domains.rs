//! Custom domains.

use std::collections::BTreeSet;

use selvedge_deployments::{AccountId, Domain, NewDomain};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Inner;
use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};

/// A domain that another Worker or account has.
const DOMAIN_TAKEN: u32 = 100_117;

fn shown(domain: &Domain) -> Value {
    json!({
        "id": domain.id, "hostname": domain.hostname, "zone_id": domain.zone,
        "service": domain.worker.name, "environment": "production",
        "enabled": domain.enabled, "previews_enabled": domain.previews_enabled,
    })
}

#[derive(Debug, Clone, Deserialize)]
struct Origin {
    hostname: String,
    zone_id: Option<String>,
    zone_name: Option<String>,
    enabled: Option<bool>,
    previews_enabled: Option<bool>,
}

impl From<Origin> for NewDomain {
    fn from(origin: Origin) -> Self {
        Self {
            hostname: origin.hostname,
            zone_name: origin.zone_name,
            zone_id: origin.zone_id,
            enabled: origin.enabled.unwrap_or(true),
            previews_enabled: origin.previews_enabled.unwrap_or(false),
        }
    }
}

async fn all(cx: &Cx) -> Result<Vec<Domain>, ApiError> {
    let account = cx.account()?;
    cx.store(move |store| store.domains(&account)).await
}

pub(crate) async fn list(cx: Cx) -> Answer {
    let mut domains = all(&cx).await?;
    if let Some(service) = cx.query("service") {
        domains.retain(|domain| domain.worker.name == service);
    }
    if let Some(hostname) = cx.query("hostname") {
        domains.retain(|domain| domain.hostname == hostname);
    }
    Ok(Reply::list(domains.iter().map(shown).collect()))
}

pub(crate) async fn get(cx: Cx) -> Answer {
    let id = cx.param("domain")?;
    let domains = all(&cx).await?;
    let missing = || ApiError::not_found(100_114, "there is no such domain");
    Ok(Reply::ok(shown(domains.iter().find(|domain| domain.id == id).ok_or_else(missing)?)))
}

/// What `put` would change.
pub(crate) async fn changeset(mut cx: Cx) -> Answer {
    let (key, _) = cx.existing_worker().await?;
    let wanted: Vec<Origin> = cx.json().await?;
    let replace = cx.query("replace_state") == Some("true");
    let domains = all(&cx).await?;
    let (mut added, mut updated, mut conflicting) = (Vec::new(), Vec::new(), Vec::new());
    let wanted_hosts: BTreeSet<String> =
        wanted.iter().map(|origin| origin.hostname.to_ascii_lowercase()).collect();
    for origin in &wanted {
        let host = origin.hostname.to_ascii_lowercase();
        match domains.iter().find(|domain| domain.hostname == host) {
            Some(domain) if domain.worker == key => updated.push(shown(domain)),
            Some(domain) => {
                let mut item = shown(domain);
                item["external_dns_record_id"] = Value::Null;
                conflicting.push(item);
            }
            None => added.push(json!({ "hostname": host, "zone_id": origin.zone_id,
                "zone_name": origin.zone_name, "service": key.name,
                "environment": "production" })),
        }
    }
    let gone = domains.iter().filter(|domain| {
        replace && domain.worker == key && !wanted_hosts.contains(&domain.hostname)
    });
    Ok(Reply::ok(json!({
        "added": added, "removed": gone.map(shown).collect::<Vec<_>>(),
        "updated": updated, "conflicting": conflicting,
    })))
}

/// Replaces them all.
pub(crate) async fn put(mut cx: Cx) -> Answer {
    #[derive(Deserialize)]
    struct New {
        #[serde(default)]
        override_existing_origin: bool,
        origins: Vec<Origin>,
    }
    let (key, _) = cx.existing_worker().await?;
    let New { override_existing_origin, origins } = cx.json().await?;
    let new: Vec<NewDomain> = origins.into_iter().map(NewDomain::from).collect();
    let by = cx.actor()?;
    let wanted = key.clone();
    let (domains, losers) = cx
        .blocking(move |inner| {
            let set = inner.store.set_domains(&wanted, &new, override_existing_origin, &by);
            set.map_err(|error| ApiError::from(error).with_code(DOMAIN_TAKEN))
        })
        .await?;
    cx.apply(&key).await?;
    for loser in losers {
        cx.apply(&loser).await?;
    }
    Ok(Reply::list(domains.iter().map(shown).collect()))
}

pub(crate) async fn delete(cx: Cx) -> Answer {
    let account: AccountId = cx.account()?;
    let id = cx.param("domain")?.to_owned();
    let by = cx.actor()?;
    let worker = cx
        .blocking(move |inner: &Inner| Ok(inner.store.delete_domain(&account, &id, &by)?))
        .await?;
    cx.apply(&worker).await?;
    Ok(Reply::done())
}
