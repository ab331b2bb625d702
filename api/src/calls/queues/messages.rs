//! Messages over HTTP: sending, pulling and settling them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use selvedge_queues::config::ConsumerKind;
use selvedge_queues::rules::{
    DEFAULT_BATCH_SIZE, MAX_BATCH_BYTES, MAX_BATCH_SIZE, MAX_VISIBILITY_MS, check_delay,
    check_sizes,
};
use selvedge_queues::store::{ContentType, Lease, NewMessage, QueueStore as _, Settled, Taken};
use serde::Deserialize;
use serde_json::{Value, json};

use super::settings::Consumer;
use super::{INVALID, Queue, data, queue};
use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};

#[derive(Deserialize)]
struct Given {
    body: Value,
    content_type: Option<String>,
    delay_seconds: Option<i64>,
}

impl Given {
    fn message(self, queue: &Queue, delay: Option<i64>) -> Result<NewMessage, ApiError> {
        let Self { body, content_type, delay_seconds } = self;
        let refused = |text: &str| ApiError::bad(INVALID, text);
        let name = content_type.as_deref().unwrap_or("json");
        let content_type = match ContentType::of(name) {
            Some(it @ (ContentType::Json | ContentType::Text)) => it,
            _ => return Err(refused("the content_type of a message is \"json\" or \"text\"")),
        };
        let body: Bytes = match (content_type, body) {
            (ContentType::Text, Value::String(text)) => text.into(),
            (ContentType::Text, _) => return Err(refused("the body of a text is a string")),
            (_, body) => body.to_string().into(),
        };
        let default = i64::from(queue.settings.delivery_delay);
        let delay = check_delay("send", delay_seconds.or(delay).unwrap_or(default));
        let delay = delay.map_err(|error| refused(&error.to_string()))?;
        Ok(NewMessage { body, content_type, delay: i64::from(delay) * 1000, former: None })
    }
}

pub(crate) async fn send(mut cx: Cx) -> Answer {
    let queue = queue(&cx).await?;
    let given: Given = cx.json().await?;
    let message = given.message(&queue, None)?;
    send_all(&cx, &queue, "send", vec![message]).await
}

#[derive(Deserialize)]
struct Many {
    messages: Vec<Given>,
    delay_seconds: Option<i64>,
}

pub(crate) async fn send_batch(mut cx: Cx) -> Answer {
    let queue = queue(&cx).await?;
    let Many { messages, delay_seconds } = cx.json().await?;
    let messages = messages.into_iter().map(|given| given.message(&queue, delay_seconds));
    let messages = messages.collect::<Result<Vec<_>, _>>()?;
    send_all(&cx, &queue, "sendBatch", messages).await
}

async fn send_all(cx: &Cx, queue: &Queue, call: &'static str, messages: Vec<NewMessage>) -> Answer {
    let sizes: Vec<usize> = messages.iter().map(|message| message.body.len()).collect();
    check_sizes(call, &sizes).map_err(|error| ApiError::bad(INVALID, error.to_string()))?;
    data(cx, queue).await?.send(messages).await?;
    Ok(Reply::ok(json!({ "successful_message_count": sizes.len() })))
}

/// The consumer that lets messages be pulled.
fn puller(queue: &Queue) -> Result<&Consumer, ApiError> {
    let found = queue.settings.consumers.iter().find(|it| it.kind == ConsumerKind::HttpPull);
    found.ok_or_else(|| {
        ApiError::bad(INVALID, "the queue has no consumer of the type \"http_pull\"")
    })
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Pull {
    batch_size: Option<u32>,
    #[serde(alias = "visibility_timeout")]
    visibility_timeout_ms: Option<u64>,
}

pub(crate) async fn pull(mut cx: Cx) -> Answer {
    let queue = queue(&cx).await?;
    let consumer = puller(&queue)?;
    let Pull { batch_size, visibility_timeout_ms } = cx.json().await?;
    let size = batch_size.unwrap_or(DEFAULT_BATCH_SIZE);
    if !(1..=MAX_BATCH_SIZE).contains(&size) {
        let text = format!("\"batch_size\" must be between 1 and {MAX_BATCH_SIZE}");
        return Err(ApiError::bad(INVALID, text));
    }
    let time = visibility_timeout_ms.unwrap_or(consumer.visibility());
    if time > MAX_VISIBILITY_MS {
        let text = format!("\"visibility_timeout_ms\" must be between 0 and {MAX_VISIBILITY_MS}");
        return Err(ApiError::bad(INVALID, text));
    }
    let store = data(&cx, &queue).await?;
    let messages = match queue.settings.delivery_paused {
        true => Vec::new(),
        false => take(&store, consumer, &cx, &queue, (size as usize, time)).await?,
    };
    let waits = store.metrics()?.count;
    let messages: Vec<Value> = messages.iter().map(shown).collect();
    Ok(Reply::ok(json!({ "messages": messages, "message_backlog_count": waits })))
}

/// Takes messages; those that were pulled often enough go where dead letters go.
async fn take(
    store: &selvedge_queues::store::SqliteStore,
    consumer: &Consumer,
    cx: &Cx,
    queue: &Queue,
    (size, time): (usize, u64),
) -> Result<Vec<Taken>, ApiError> {
    let settings = consumer.settings().map_err(|(_, text)| ApiError::bad(INVALID, text))?;
    let time = i64::try_from(time).unwrap_or(i64::MAX);
    let taken = store.take(size, MAX_BATCH_BYTES, time).await?;
    let (spent, good): (Vec<Taken>, Vec<Taken>) =
        taken.into_iter().partition(|message| message.attempts > settings.retries + 1);
    if spent.is_empty() {
        return Ok(good);
    }
    if let Some(dead) = &settings.dead_letter_queue {
        let (account, name) = (queue.resource.account.clone(), dead.clone());
        let dead = cx.blocking(move |inner| {
            let kind = selvedge_deployments::ResourceKind::Queue;
            let found = inner.store.resource(&account, kind, &name)?;
            Ok(found.map(|found| inner.host.queue(&found.id)).transpose()?)
        });
        if let Some(dead) = dead.await? {
            let moved = spent.iter().map(|message| NewMessage {
                body: message.body.clone(),
                content_type: message.content_type,
                delay: 0,
                former: Some((message.id.clone(), message.sent)),
            });
            dead.send(moved.collect()).await?;
        }
    }
    let done = spent.iter().map(|message| message.lease).collect();
    store.settle(Settled { done, again: Vec::new() }).await?;
    Ok(good)
}

/// A message as who pulls gets it: bytes and JSON in base64, as on Cloudflare.
fn shown(message: &Taken) -> Value {
    let Taken { id, body, content_type, sent, attempts, lease } = message;
    let text = match content_type {
        ContentType::Text => String::from_utf8_lossy(body).into_owned(),
        _ => BASE64_STANDARD.encode(body),
    };
    json!({
        "id": id,
        "body": text,
        "timestamp_ms": sent,
        "attempts": attempts,
        "lease_id": format!("{}.{}", lease.number, lease.attempt),
        "metadata": { "CF-Content-Type": content_type.name() },
    })
}

#[derive(Deserialize)]
struct Ack {
    #[serde(default)]
    acks: Vec<Named>,
    #[serde(default)]
    retries: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    lease_id: String,
    delay_seconds: Option<i64>,
}

pub(crate) async fn ack(mut cx: Cx) -> Answer {
    let queue = queue(&cx).await?;
    let retry_delay = i64::from(puller(&queue)?.settings.retry_delay.unwrap_or(0));
    let Ack { acks, retries } = cx.json().await?;
    let mut settled = Settled::default();
    let mut warnings = serde_json::Map::new();
    for Named { lease_id, .. } in &acks {
        match lease(lease_id) {
            Some(lease) => settled.done.push(lease),
            None => drop(warnings.insert(lease_id.clone(), "this is no lease".into())),
        }
    }
    for Named { lease_id, delay_seconds } in &retries {
        let delay = check_delay("retry", delay_seconds.unwrap_or(retry_delay));
        let delay = delay.map_err(|error| ApiError::bad(INVALID, error.to_string()))?;
        match lease(lease_id) {
            Some(lease) => settled.again.push((lease, i64::from(delay) * 1000)),
            None => drop(warnings.insert(lease_id.clone(), "this is no lease".into())),
        }
    }
    let (done, again) = (settled.done.len(), settled.again.len());
    data(&cx, &queue).await?.settle(settled).await?;
    Ok(Reply::ok(json!({ "ackCount": done, "retryCount": again, "warnings": warnings })))
}

fn lease(text: &str) -> Option<Lease> {
    let (number, attempt) = text.split_once('.')?;
    Some(Lease { number: number.parse().ok()?, attempt: attempt.parse().ok()? })
}
