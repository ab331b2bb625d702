//! Consumers of a queue: one at most.

use selvedge_deployments::{ResourceKind, WorkerKey};
use selvedge_queues::config::ConsumerKind;
use serde::Deserialize;

use super::settings::{Consumer, ConsumerSettings};
use super::{INVALID, Queue, queue, store};
use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};

/// The queue has a consumer already.
const HAS_CONSUMER: u32 = 11_004;
/// There is no such consumer.
const NO_CONSUMER: u32 = 11_001;

#[derive(Deserialize)]
struct Given {
    #[serde(default, rename = "type")]
    kind: ConsumerKind,
    #[serde(alias = "script", alias = "service")]
    script_name: Option<String>,
    dead_letter_queue: Option<String>,
    #[serde(default)]
    settings: ConsumerSettings,
}

impl Given {
    /// The consumer, if the account has what it names.
    async fn check(self, cx: &Cx, id: String) -> Result<Consumer, ApiError> {
        let Self { kind, script_name, dead_letter_queue, settings } = self;
        let script = match kind {
            ConsumerKind::HttpPull => None,
            ConsumerKind::Worker => {
                Some(script_name.filter(|name| !name.is_empty()).ok_or_else(|| {
                    ApiError::bad(INVALID, "a consumer of the type \"worker\" has a script_name")
                })?)
            }
        };
        let account = cx.account()?;
        let (wanted, dead) = (script.clone(), dead_letter_queue.clone());
        cx.blocking(move |inner| {
            if let Some(script) = &wanted {
                let key = WorkerKey::new(account.clone(), script).ok();
                let found = key.map(|key| inner.store.worker(&key)).transpose()?.flatten();
                if found.is_none() {
                    return Err(ApiError::no_script());
                }
            }
            if let Some(dead) = &dead
                && inner.store.resource(&account, ResourceKind::Queue, dead)?.is_none()
            {
                let text = format!("the dead letter queue \"{dead}\" does not exist");
                return Err(ApiError::not_found(super::NOT_FOUND, text));
            }
            Ok(())
        })
        .await?;
        let consumer = Consumer { id, kind, script, dead_letter_queue, settings };
        match consumer.settings() {
            Ok(_) => Ok(consumer),
            Err((_, text)) => Err(ApiError::bad(INVALID, text)),
        }
    }
}

pub(crate) async fn list_of(cx: Cx) -> Answer {
    let queue = queue(&cx).await?;
    let name = &queue.resource.name;
    Ok(Reply::list(queue.settings.consumers.iter().map(|it| it.shown(name)).collect()))
}

pub(crate) async fn add(mut cx: Cx) -> Answer {
    let mut queue = queue(&cx).await?;
    let given: Given = cx.json().await?;
    if !queue.settings.consumers.is_empty() {
        let text = format!("Queue '{}' already has a consumer", queue.resource.name);
        return Err(ApiError::conflict(HAS_CONSUMER, text));
    }
    let consumer = given.check(&cx, uuid::Uuid::new_v4().simple().to_string()).await?;
    let shown = consumer.shown(&queue.resource.name);
    queue.settings.consumers.push(consumer);
    store(&cx, &queue).await?;
    Ok(Reply::ok(shown))
}

/// Where in the list the consumer of the path is: by its id, or its Worker's name.
fn position(cx: &Cx, queue: &Queue) -> Result<usize, ApiError> {
    let id = cx.param("consumer")?;
    let is_it = |it: &Consumer| it.id == id || it.script.as_deref() == Some(id);
    let missing = || ApiError::not_found(NO_CONSUMER, "Consumer does not exist");
    queue.settings.consumers.iter().position(is_it).ok_or_else(missing)
}

pub(crate) async fn consumer(cx: Cx) -> Answer {
    let queue = queue(&cx).await?;
    let at = position(&cx, &queue)?;
    Ok(Reply::ok(queue.settings.consumers[at].shown(&queue.resource.name)))
}

pub(crate) async fn replace(mut cx: Cx) -> Answer {
    let mut queue = queue(&cx).await?;
    let at = position(&cx, &queue)?;
    let given: Given = cx.json().await?;
    let consumer = given.check(&cx, queue.settings.consumers[at].id.clone()).await?;
    let shown = consumer.shown(&queue.resource.name);
    queue.settings.consumers[at] = consumer;
    store(&cx, &queue).await?;
    Ok(Reply::ok(shown))
}

pub(crate) async fn remove(cx: Cx) -> Answer {
    let mut queue = queue(&cx).await?;
    let at = position(&cx, &queue)?;
    queue.settings.consumers.remove(at);
    store(&cx, &queue).await?;
    Ok(Reply::done())
}
