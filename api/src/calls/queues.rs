//! Queues: what there is, who consumes, and messages over HTTP.

mod consumers;
mod messages;
mod settings;

pub(crate) use consumers::{add, consumer, list_of, remove, replace};
pub(crate) use messages::{ack, pull, send, send_batch};

use std::sync::Arc;

use selvedge_deployments::{Resource, ResourceKind};
use selvedge_queues::store::{QueueStore as _, SqliteStore};
use serde::Deserialize;
use serde_json::{Value, json};

pub use self::settings::{Consumer, QueueSettings};

use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};
use crate::time::iso;

/// Something about a queue is not valid.
pub(super) const INVALID: u32 = 100_127;
/// The name of a queue is taken.
const NAME_TAKEN: u32 = 11_009;
/// There is no such queue.
const NOT_FOUND: u32 = 11_000;

/// A queue and what is set of it.
pub(super) struct Queue {
    pub(super) resource: Resource,
    pub(super) settings: QueueSettings,
}

impl Queue {
    fn of(resource: Resource) -> Self {
        let settings = serde_json::from_value(resource.settings.clone()).unwrap_or_default();
        Self { resource, settings }
    }

    fn shown(&self) -> Value {
        let Self { resource, settings } = self;
        let consumers: Vec<Value> =
            settings.consumers.iter().map(|it| it.shown(&resource.name)).collect();
        json!({
            "queue_id": resource.id,
            "queue_name": resource.name,
            "created_on": iso(resource.created),
            "modified_on": iso(resource.created),
            "settings": {
                "delivery_delay": settings.delivery_delay,
                "delivery_paused": settings.delivery_paused,
                "message_retention_period": settings.message_retention_period,
            },
            "producers": [],
            "producers_total_count": 0,
            "consumers_total_count": consumers.len(),
            "consumers": consumers,
        })
    }
}

pub(crate) async fn list(cx: Cx) -> Answer {
    let account = cx.account()?;
    let all = cx.store(move |store| store.resources(&account, ResourceKind::Queue)).await?;
    let wanted = cx.query("name").filter(|name| !name.is_empty()).map(str::to_owned);
    let all: Vec<_> = all
        .into_iter()
        .filter(|queue| wanted.as_ref().is_none_or(|name| queue.name == *name))
        .map(Queue::of)
        .collect();
    let (page, per_page) = cx.page(100, 1000)?;
    let items = all.iter().skip((page - 1) * per_page).take(per_page).map(Queue::shown);
    Ok(Reply::page(items.collect(), page, per_page, all.len()))
}

#[derive(Deserialize)]
struct New {
    queue_name: String,
    #[serde(default)]
    settings: Value,
}

pub(crate) async fn create(mut cx: Cx) -> Answer {
    let account = cx.account()?;
    let New { queue_name: name, settings: given } = cx.json().await?;
    check_name(&name)?;
    let mut settings = QueueSettings::default();
    settings.change(&given)?;
    let by = cx.actor()?;
    let made = cx
        .blocking(move |inner| {
            let mut bytes = [0; 16];
            getrandom::fill(&mut bytes).map_err(|error| ApiError::internal(&error.to_string()))?;
            let id = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let settings = settings.to_json();
            let new = Resource { id, name, account, created: 0, settings };
            let made = inner.store.create_resource(ResourceKind::Queue, new, &by);
            made.map_err(|error| ApiError::from(error).with_code(NAME_TAKEN))
        })
        .await?;
    Ok(Reply::ok(Queue::of(made).shown()))
}

/// Cloudflare's rule.
fn check_name(name: &str) -> Result<(), ApiError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_name = (1..=63).contains(&name.len())
        && name.chars().all(|c| plain(c) || c == '_' || c.is_ascii_uppercase())
        && !name.starts_with('-')
        && !name.ends_with('-');
    if is_name {
        return Ok(());
    }
    let text =
        "a queue's name has 1 to 63 letters, digits, \"-\" and \"_\", and no \"-\" at its ends";
    Err(ApiError::bad(INVALID, text))
}

/// The queue of the path, by id or name. That of another account is none.
pub(super) async fn queue(cx: &Cx) -> Result<Queue, ApiError> {
    let account = cx.account()?;
    let id = cx.param("queue")?.to_owned();
    let found = cx.store(move |store| store.resource(&account, ResourceKind::Queue, &id)).await?;
    let missing = || ApiError::not_found(NOT_FOUND, "Queue does not exist");
    Ok(Queue::of(found.ok_or_else(missing)?))
}

/// Stores what is set of a queue, and has it hold.
pub(super) async fn store(cx: &Cx, queue: &Queue) -> Result<(), ApiError> {
    let by = cx.actor()?;
    let (account, id) = (queue.resource.account.clone(), queue.resource.id.clone());
    let settings = queue.settings.to_json();
    cx.blocking(move |inner| {
        inner.store.set_resource_settings(&account, ResourceKind::Queue, &id, &settings, &by)?;
        Ok(inner.host.apply_queues()?)
    })
    .await
}

pub(super) async fn data(cx: &Cx, queue: &Queue) -> Result<Arc<SqliteStore>, ApiError> {
    let id = queue.resource.id.clone();
    cx.blocking(move |inner| Ok(inner.host.queue(&id)?)).await
}

pub(crate) async fn get(cx: Cx) -> Answer {
    let queue = queue(&cx).await?;
    let metrics = data(&cx, &queue).await?.metrics().map_err(ApiError::from)?;
    let mut shown = queue.shown();
    shown["backlog_count"] = metrics.count.into();
    shown["backlog_bytes"] = metrics.bytes.into();
    Ok(Reply::ok(shown))
}

#[derive(Deserialize)]
struct Change {
    queue_name: Option<String>,
    #[serde(default)]
    settings: Value,
}

pub(crate) async fn update(mut cx: Cx) -> Answer {
    let mut queue = queue(&cx).await?;
    let Change { queue_name, settings } = cx.json().await?;
    if queue_name.is_some_and(|name| name != queue.resource.name) {
        return Err(ApiError::bad(INVALID, "the name of a queue cannot be changed here"));
    }
    queue.settings.change(&settings)?;
    store(&cx, &queue).await?;
    Ok(Reply::ok(queue.shown()))
}

/// The messages go too.
pub(crate) async fn delete(cx: Cx) -> Answer {
    let queue = queue(&cx).await?;
    let by = cx.actor()?;
    cx.blocking(move |inner| {
        let Resource { id, account, .. } = &queue.resource;
        inner.store.delete_resource(account, ResourceKind::Queue, id, &by)?;
        inner.host.apply_queues()?;
        Ok(inner.host.delete_queue(id)?)
    })
    .await?;
    Ok(Reply::done())
}

pub(crate) async fn purge(cx: Cx) -> Answer {
    let queue = queue(&cx).await?;
    data(&cx, &queue).await?.purge().await.map_err(ApiError::from)?;
    Ok(Reply::ok(json!({ "started_at": iso(cx.now()), "completed": true })))
}
