//! Deployments: which versions serve.

use std::collections::BTreeMap;

use selvedge_deployments::{Deployment, NewDeployment, Percentage, Share, WorkerKey};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Inner;
use crate::call::Cx;
use crate::error::ApiError;
use crate::host::Commit;
use crate::reply::{Answer, Reply};
use crate::time::iso;

fn shown(deployment: &Deployment) -> Value {
    json!({
        "id": deployment.id, "source": deployment.source, "strategy": "percentage",
        "author_email": deployment.author, "annotations": deployment.annotations,
        "created_on": iso(deployment.created_on), "versions": deployment.shares,
    })
}

pub(crate) async fn list(cx: Cx) -> Answer {
    let key = cx.worker()?;
    let all = cx.store(move |store| store.deployments(&key)).await?;
    Ok(Reply::ok(json!({ "deployments": all.iter().map(shown).collect::<Vec<_>>() })))
}

pub(crate) async fn get(cx: Cx) -> Answer {
    let key = cx.worker()?;
    let id = cx.param("deployment")?.to_owned();
    let all = cx.store(move |store| store.deployments(&key)).await?;
    let found = all.iter().find(|deployment| deployment.id.to_string() == id);
    let missing = || ApiError::not_found(10005, format!("there is no deployment {id}"));
    Ok(Reply::ok(shown(found.ok_or_else(missing)?)))
}

#[derive(Deserialize)]
struct New {
    strategy: Option<String>,
    versions: Vec<NewShare>,
    annotations: Option<BTreeMap<String, Option<String>>>,
}

#[derive(Deserialize)]
struct NewShare {
    version_id: String,
    percentage: f64,
}

pub(crate) async fn create(mut cx: Cx) -> Answer {
    let (key, _) = cx.existing_worker().await?;
    let new: New = cx.json().await?;
    if new.strategy.is_some_and(|strategy| strategy != "percentage") {
        return Err(ApiError::bad(10004, "the strategy of a deployment is \"percentage\""));
    }
    let shares = new.versions.iter().map(share).collect::<Result<Vec<_>, _>>()?;
    let mut annotations: BTreeMap<String, String> = new
        .annotations
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect();
    annotations.entry("workers/triggered_by".to_owned()).or_insert_with(|| "deployment".to_owned());
    let new = NewDeployment { source: cx.source().to_owned(), annotations, shares };
    let by = cx.actor()?;
    let held = cx.api.0.locks.hold(&key).await;
    let api = cx.api.clone();
    let work = async move {
        let _held = held;
        let wanted = key.clone();
        let made = api
            .blocking(move |inner| {
                change_objects(inner, &wanted, &new)?;
                Ok(inner.store.deploy(&wanted, new, &by)?)
            })
            .await?;
        // Clients count on the version being there when this returns.
        api.0.host.apply(&key).await?;
        Ok(made)
    };
    let done = tokio::spawn(work).await;
    let made: Deployment =
        done.unwrap_or_else(|error| Err(ApiError::internal(&format!("a deploy ended: {error}"))))?;
    Ok(Reply::ok(shown(&made)))
}

fn share(new: &NewShare) -> Result<Share, ApiError> {
    let missing =
        |_| ApiError::not_found(100_146, format!("there is no version {}", new.version_id));
    let percentage = Percentage::of(new.percentage).ok_or_else(|| {
        let text = format!(
            "{} is not a percentage from 0 to 100 with at most two decimals",
            new.percentage
        );
        ApiError::bad(10004, text)
    })?;
    Ok(Share { version: new.version_id.parse().map_err(missing)?, percentage })
}

/// What `exports` say of classes of Durable Objects. What they say of the cache before
/// entrypoints is each version's own.
fn classes_of(exports: &Value) -> Vec<(String, Value)> {
    let entries = exports.as_object().into_iter().flatten();
    let is_worker = |export: &Value| export.get("type").is_some_and(|kind| kind == "worker");
    let classes = entries.filter(|(_, export)| !is_worker(export));
    classes.map(|(name, export)| (name.clone(), export.clone())).collect()
}

/// Versions that say in `exports` which classes there are must say the same, and
/// the classes become what they say.
fn change_objects(inner: &Inner, key: &WorkerKey, new: &NewDeployment) -> Result<(), ApiError> {
    let mut said = None;
    let mut change = None;
    for share in &new.shares {
        let Some(version) = inner.store.version(key, share.version)? else { continue };
        let Some(exports) = version.content.exports.clone() else { continue };
        let classes = classes_of(&exports);
        if said.as_ref().is_some_and(|said| *said != classes) {
            let text = "the versions of a deployment must have the same exports";
            return Err(ApiError::bad(100_405, text));
        }
        said = Some(classes);
        change = Some(crate::host::ObjectsChange {
            migrations: None,
            exports: Some(exports),
            bindings: Vec::new(),
        });
    }
    if let Some(change) = change {
        inner.host.change_objects(key, &change, Commit::Yes)?;
    }
    Ok(())
}
