//! Dispatch namespaces, and the Workers in them. Most calls about such a Worker are
//! those about any other: see [`Cx::key`].

use selvedge_deployments::{AccountId, Resource, ResourceKind, WorkerInfo};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{scripts, services};
use crate::Inner;
use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};
use crate::time::iso;

/// There is no such namespace.
const NOT_FOUND: u32 = 100_119;
/// The account has one of this name.
const NAME_TAKEN: u32 = 100_120;
/// The name cannot be one, or what is asked for cannot be done.
const INVALID: u32 = 100_121;
const KIND: ResourceKind = ResourceKind::DispatchNamespace;
/// Tags that a Worker may have, and characters of one.
const MOST_TAGS: usize = 8;
const MAX_TAG_CHARS: usize = 1024;

/// The account has no namespace of this name.
pub(crate) fn not_found(name: &str) -> ApiError {
    ApiError::not_found(NOT_FOUND, format!("Dispatch namespace '{name}' was not found."))
}

fn shown(namespace: &Resource, count: usize) -> Value {
    json!({
        "namespace_id": namespace.id,
        "namespace_name": namespace.name,
        "created_on": iso(namespace.created),
        "created_by": namespace.account,
        "modified_on": iso(namespace.created),
        "modified_by": namespace.account,
        "script_count": count,
        "trusted_workers": false,
    })
}

/// The Workers in a namespace, by name.
fn workers(inner: &Inner, account: &AccountId, name: &str) -> Result<Vec<WorkerInfo>, ApiError> {
    let mut all = inner.store.workers(account)?;
    all.retain(|worker| worker.key.namespace().is_some_and(|(namespace, _)| namespace == name));
    Ok(all)
}

pub(crate) async fn list(cx: Cx) -> Answer {
    let account = cx.account()?;
    let items = cx.blocking(move |inner| {
        let all = inner.store.resources(&account, KIND)?;
        let item = |namespace: &Resource| {
            Ok(shown(namespace, workers(inner, &account, &namespace.name)?.len()))
        };
        all.iter().map(item).collect::<Result<Vec<Value>, ApiError>>()
    });
    Ok(Reply::list(items.await?))
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

fn check_name(name: &str) -> Result<(), ApiError> {
    if selvedge_deployments::names::is_worker_name(name) {
        return Ok(());
    }
    let text = "the name of a dispatch namespace is 1 to 63 of a-z, 0-9, - and _";
    Err(ApiError::bad(INVALID, text))
}

pub(crate) async fn create(mut cx: Cx) -> Answer {
    let account = cx.account()?;
    let Named { name } = cx.json().await?;
    check_name(&name)?;
    let by = cx.actor()?;
    let made = cx.blocking(move |inner| {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| ApiError::internal(&error.to_string()))?;
        let id = uuid(bytes);
        let new = Resource { id, name, account, created: 0, settings: json!({}) };
        let made = inner.store.create_resource(KIND, new, &by);
        made.map_err(|error| ApiError::from(error).with_code(NAME_TAKEN))
    });
    Ok(Reply::ok(shown(&made.await?, 0)))
}

/// Bytes as the id of a namespace.
fn uuid(bytes: [u8; 16]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    parts.join("-")
}

/// The namespace of the path, by name, and how many Workers it has.
async fn namespace(cx: &Cx) -> Result<(Resource, usize), ApiError> {
    let account = cx.account()?;
    let name = cx.param("dispatch")?.to_owned();
    cx.blocking(move |inner| {
        let found = inner.store.resource(&account, KIND, &name)?;
        let found = found.ok_or_else(|| not_found(&name))?;
        let count = workers(inner, &account, &found.name)?.len();
        Ok((found, count))
    })
    .await
}

pub(crate) async fn get(cx: Cx) -> Answer {
    let (namespace, count) = namespace(&cx).await?;
    Ok(Reply::ok(shown(&namespace, count)))
}

/// Its Workers go by its name: only one without any gets another.
pub(crate) async fn rename(mut cx: Cx) -> Answer {
    let (mut namespace, count) = namespace(&cx).await?;
    let Named { name } = cx.json().await?;
    if name == namespace.name {
        return Ok(Reply::ok(shown(&namespace, count)));
    }
    check_name(&name)?;
    if count > 0 {
        return Err(has_workers(&namespace, count, "renamed"));
    }
    let by = cx.actor()?;
    let made = cx.blocking(move |inner| {
        if inner.store.resource(&namespace.account, KIND, &name)?.is_some() {
            let text = format!("The account has a dispatch namespace '{name}' already.");
            return Err(ApiError::conflict(NAME_TAKEN, text));
        }
        inner.store.delete_resource(&namespace.account, KIND, &namespace.id, &by)?;
        namespace.name = name;
        Ok(inner.store.create_resource(KIND, namespace, &by)?)
    });
    Ok(Reply::ok(shown(&made.await?, 0)))
}

fn has_workers(namespace: &Resource, count: usize, done: &str) -> ApiError {
    let text = format!(
        "The dispatch namespace '{}' has Workers ({count}), which go by its name: it cannot be \
         {done} before they are deleted.",
        namespace.name
    );
    ApiError::conflict(INVALID, text)
}

pub(crate) async fn delete(cx: Cx) -> Answer {
    let (namespace, count) = namespace(&cx).await?;
    if count > 0 {
        return Err(has_workers(&namespace, count, "deleted"));
    }
    let by = cx.actor()?;
    let (account, id) = (namespace.account, namespace.id);
    cx.store(move |store| store.delete_resource(&account, KIND, &id, &by)).await?;
    Ok(Reply::done())
}

/// The Workers of the namespace; `tags=a:yes,b:no` wants those with `a` and without `b`.
pub(crate) async fn scripts(cx: Cx) -> Answer {
    let (namespace, _) = namespace(&cx).await?;
    let wanted: Vec<(String, bool)> = cx.query("tags").map(filters).unwrap_or_default();
    let items = cx.blocking(move |inner| {
        let mut all = workers(inner, &namespace.account, &namespace.name)?;
        all.retain(|worker| {
            wanted.iter().all(|(tag, has)| worker.settings.tags.contains(tag) == *has)
        });
        Ok(all.iter().map(|worker| in_lists(inner, worker)).collect::<Vec<_>>())
    });
    Ok(Reply::list(items.await?))
}

fn filters(text: &str) -> Vec<(String, bool)> {
    let all = text.split(',').filter(|part| !part.is_empty());
    all.map(|part| match part.rsplit_once(':') {
        Some((tag, "no")) => (tag.to_owned(), false),
        Some((tag, "yes")) => (tag.to_owned(), true),
        _ => (part.to_owned(), true),
    })
    .collect()
}

fn in_lists(inner: &Inner, worker: &WorkerInfo) -> Value {
    scripts::shown(worker, services::current(inner, &worker.key).ok().as_ref())
}

pub(crate) async fn script(cx: Cx) -> Answer {
    let (key, worker) = cx.existing_worker().await?;
    let script = cx.blocking(move |inner| Ok(in_lists(inner, &worker))).await?;
    Ok(Reply::ok(json!({
        "created_on": script["created_on"],
        "modified_on": script["modified_on"],
        "dispatch_namespace": key.namespace().map(|(namespace, _)| namespace),
        "script": script,
    })))
}

/// An upload to a namespace that there is.
pub(crate) async fn put(cx: Cx) -> Answer {
    namespace(&cx).await?;
    scripts::put(cx).await
}

pub(crate) async fn tags(cx: Cx) -> Answer {
    let (_, worker) = cx.existing_worker().await?;
    Ok(Reply::list(worker.settings.tags.into_iter().map(Value::from).collect()))
}

pub(crate) async fn set_tags(mut cx: Cx) -> Answer {
    let tags: Vec<String> = cx.json().await?;
    store_tags(&cx, |own| *own = tags).await
}

pub(crate) async fn add_tag(cx: Cx) -> Answer {
    let tag = cx.param("tag")?.to_owned();
    let added = |own: &mut Vec<String>| {
        if !own.contains(&tag) {
            own.push(tag);
        }
    };
    store_tags(&cx, added).await
}

pub(crate) async fn remove_tag(cx: Cx) -> Answer {
    let tag = cx.param("tag")?.to_owned();
    store_tags(&cx, |own| own.retain(|other| *other != tag)).await
}

async fn store_tags(cx: &Cx, change: impl FnOnce(&mut Vec<String>)) -> Answer {
    let (key, worker) = cx.existing_worker().await?;
    let mut settings = worker.settings;
    change(&mut settings.tags);
    let is_tag = |tag: &String| !tag.is_empty() && tag.chars().count() <= MAX_TAG_CHARS;
    if settings.tags.len() > MOST_TAGS || !settings.tags.iter().all(is_tag) {
        let text =
            format!("a Worker has up to {MOST_TAGS} tags of 1 to {MAX_TAG_CHARS} characters");
        return Err(ApiError::bad(INVALID, text));
    }
    let by = cx.actor()?;
    let tags = settings.tags.iter().cloned().map(Value::from).collect();
    cx.store(move |store| store.set_settings(&key, settings, &by)).await?;
    Ok(Reply::list(tags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_say_which_tags_are_wanted_or_not() {
        let wanted = filters("plan:free:yes,old:no,plain");
        let wanted: Vec<_> = wanted.iter().map(|(tag, has)| (tag.as_str(), *has)).collect();
        assert_eq!(wanted, [("plan:free", true), ("old", false), ("plain", true)]);
        assert_eq!(uuid([0xab; 16]), "abababab-abab-abab-abab-abababababab");
    }
}
