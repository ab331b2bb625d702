//! Secrets. Each change makes a version: the newest one with other secrets.

use std::collections::BTreeMap;

use selvedge_deployments::{
    Actor, Binding, BindingKind, NewVersion, Percentage, SecretText, Then, Version, WorkerKey,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::versions;
use crate::Inner;
use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};

/// A secret: 5 KiB, as on Cloudflare.
const MAX_SECRET_BYTES: usize = 5 * 1024;

/// What becomes of each secret: its text, or nothing.
type Changes = BTreeMap<String, Option<SecretText>>;

#[derive(Deserialize)]
struct NewSecret {
    text: String,
    #[serde(rename = "type")]
    kind: Option<String>,
}

fn check(name: &str, new: NewSecret) -> Result<SecretText, ApiError> {
    let text = SecretText::new(new.text);
    if new.kind.is_some_and(|kind| kind != "secret_text") {
        let text = format!("the secret {name} is not of the type secret_text");
        return Err(ApiError::bad(10021, text));
    }
    if name.is_empty() || name.len() > 512 {
        return Err(ApiError::bad(10021, "a secret has a name of 1 to 512 bytes"));
    }
    if text.reveal().len() > MAX_SECRET_BYTES {
        let text = format!("the secret {name} is larger than {MAX_SECRET_BYTES} bytes");
        return Err(ApiError::bad(10021, text));
    }
    Ok(text)
}

fn shown(name: &str) -> Value {
    json!({ "name": name, "type": "secret_text" })
}

fn names(version: Option<&Version>) -> Vec<String> {
    let all = version.into_iter().flat_map(|version| &version.content.bindings);
    let secrets = all.filter(|binding| matches!(binding.kind, BindingKind::Secret(_)));
    secrets.map(|binding| binding.name.clone()).collect()
}

async fn current_names(cx: &Cx) -> Result<Vec<String>, ApiError> {
    let (key, _) = cx.existing_worker().await?;
    let version = cx.store(move |store| store.latest_version(&key)).await?;
    Ok(names(version.as_ref()))
}

pub(crate) async fn list(cx: Cx) -> Answer {
    let names = current_names(&cx).await?;
    Ok(Reply::ok(names.iter().map(|name| shown(name)).collect()))
}

pub(crate) async fn get(cx: Cx) -> Answer {
    let wanted = cx.param("secret")?;
    if !current_names(&cx).await?.iter().any(|name| name == wanted) {
        return Err(missing(wanted));
    }
    Ok(Reply::ok(shown(wanted)))
}

fn missing(name: &str) -> ApiError {
    ApiError::not_found(10056, format!("the Worker has no secret \"{name}\""))
}

pub(crate) async fn put(mut cx: Cx) -> Answer {
    #[derive(Deserialize)]
    struct Named {
        name: String,
        #[serde(flatten)]
        secret: NewSecret,
    }
    let (key, _) = cx.existing_worker().await?;
    let Named { name, secret } = cx.json().await?;
    let text = check(&name, secret)?;
    live(&cx, key, Changes::from([(name.clone(), Some(text))])).await?;
    Ok(Reply::ok(shown(&name)))
}

pub(crate) async fn delete(cx: Cx) -> Answer {
    let (key, _) = cx.existing_worker().await?;
    let name = cx.param("secret")?.to_owned();
    live(&cx, key, Changes::from([(name, None)])).await?;
    Ok(Reply::done())
}

pub(crate) async fn bulk(mut cx: Cx) -> Answer {
    #[derive(Deserialize)]
    struct Bulk {
        secrets: BTreeMap<String, Option<NewSecret>>,
    }
    let (key, _) = cx.existing_worker().await?;
    let Bulk { secrets } = cx.json().await?;
    let changes = changes(secrets)?;
    let version = live(&cx, key, changes).await?;
    Ok(Reply::ok(names(version.as_ref()).iter().map(|name| shown(name)).collect()))
}

fn changes(secrets: BTreeMap<String, Option<NewSecret>>) -> Result<Changes, ApiError> {
    let checked = secrets.into_iter().map(|(name, secret)| {
        let text = secret.map(|secret| check(&name, secret)).transpose()?;
        Ok((name, text))
    });
    checked.collect()
}

/// A version that is not deployed.
pub(crate) async fn patch_latest(mut cx: Cx) -> Answer {
    #[derive(Deserialize)]
    struct Patch {
        #[serde(default)]
        env: BTreeMap<String, Option<NewSecret>>,
        #[serde(default)]
        annotations: BTreeMap<String, Option<String>>,
    }
    let (key, worker) = cx.existing_worker().await?;
    let Patch { env, annotations } = cx.json().await?;
    let changes = changes(env)?;
    let (by, source) = (cx.actor()?, cx.source());
    let _held = cx.api.0.locks.hold(&key).await;
    cx.blocking(move |inner| {
        let latest = inner.store.latest_version(&key)?;
        let none = || ApiError::not_found(10222, "The Worker has no versions.");
        let mut new = changed(inner, &key, &latest.ok_or_else(none)?, &changes, source)?;
        let said = annotations.into_iter().filter_map(|(key, value)| Some((key, value?)));
        new.annotations.extend(said);
        let version = inner.store.put_version(&key, new, Then::Keep, &by)?;
        let preview = versions::preview_url(inner, &worker, version.id)?;
        Ok(Reply::ok(versions::whole(&version, preview.as_deref())))
    })
    .await
}

/// Changes what serves, at once. Only if that is the newest version: nobody
/// wants to deploy another one by the way. Gives what serves then.
async fn live(cx: &Cx, key: WorkerKey, changes: Changes) -> Result<Option<Version>, ApiError> {
    let (by, source) = (cx.actor()?, cx.source());
    let held = cx.api.0.locks.hold(&key).await;
    let api = cx.api.clone();
    let work = async move {
        let _held = held;
        let wanted = key.clone();
        let made =
            api.blocking(move |inner| live_version(inner, &wanted, &changes, source, &by)).await?;
        api.0.host.apply(&key).await?;
        Ok(made)
    };
    let done = tokio::spawn(work).await;
    done.unwrap_or_else(|error| Err(ApiError::internal(&format!("a change ended: {error}"))))
}

fn live_version(
    inner: &Inner,
    key: &WorkerKey,
    changes: &Changes,
    source: &str,
    by: &Actor,
) -> Result<Option<Version>, ApiError> {
    let Some(latest) = inner.store.latest_version(key)? else {
        return Err(ApiError::not_found(10222, "The Worker has no versions."));
    };
    let known = names(Some(&latest));
    for (name, text) in changes {
        if text.is_none() && changes.len() == 1 && !known.contains(name) {
            return Err(missing(name));
        }
    }
    let live = inner.store.live_worker(key)?.ok_or_else(ApiError::no_script)?;
    let all = live
        .shares
        .iter()
        .any(|share| share.version == latest.id && share.percentage == Percentage::FULL);
    // A Worker that was never deployed has nothing that could be deployed by the way.
    if !all && !live.shares.is_empty() {
        let text = "Secret edit failed. You attempted to modify a secret, but the latest version \
                    of your Worker isn't currently deployed.";
        return Err(ApiError::bad(10215, text));
    }
    let new = changed(inner, key, &latest, changes, source)?;
    let then = match live.shares.is_empty() {
        true => Then::Keep,
        false => Then::Deploy { annotations: new.annotations.clone(), settings: None },
    };
    Ok(Some(inner.store.put_version(key, new, then, by)?))
}

/// The version with other secrets.
fn changed(
    inner: &Inner,
    key: &WorkerKey,
    version: &Version,
    changes: &Changes,
    source: &str,
) -> Result<NewVersion, ApiError> {
    let mut content = version.content.clone();
    for (name, text) in changes {
        let at = content.bindings.iter().position(|binding| binding.name == *name);
        if let Some(at) = at
            && !matches!(content.bindings[at].kind, BindingKind::Secret(_))
        {
            let text =
                format!("Binding name '{name}' already in use. Please use a different name.");
            return Err(ApiError::bad(10053, text));
        }
        let new = match text {
            Some(text) => Some(Binding::secret(name, inner.store.seal(key, name, text)?)),
            None => None,
        };
        match (at, new) {
            (Some(at), Some(new)) => content.bindings[at] = new,
            (None, Some(new)) => content.bindings.push(new),
            (Some(at), None) => drop(content.bindings.remove(at)),
            (None, None) => {}
        }
    }
    Ok(NewVersion {
        source: source.to_owned(),
        annotations: BTreeMap::from([("workers/triggered_by".to_owned(), "secret".to_owned())]),
        content,
        handlers: version.handlers.clone(),
        named_handlers: version.named_handlers.clone(),
        startup_time_ms: version.startup_time_ms,
    })
}
