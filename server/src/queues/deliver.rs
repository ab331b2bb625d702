//! A batch on its way to a Worker: a request over the switchboard, to the handler
//! that no client reaches (`js/handlers.js`).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use selvedge_queues::consumer::{Batch, Deliver, Delivered};
use selvedge_queues::rules::MAX_DELIVERY_MS;
use selvedge_queues::store::{ContentType, SqliteStore, Taken};

use crate::handler_call;
use crate::log::Log;
use crate::switchboard::Switchboard;

/// Opens the queue for messages that were delivered often enough.
pub(crate) type DeadLetters =
    Arc<dyn Fn(&str) -> Result<Arc<SqliteStore>, selvedge_storage::Error> + Send + Sync>;

/// The Worker at the end of a queue.
pub(super) struct QueueWorker {
    pub(super) worker: String,
    pub(super) switchboard: Arc<Switchboard>,
    pub(super) dead_letters: DeadLetters,
    pub(super) log: Arc<Log>,
}

impl fmt::Debug for QueueWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueWorker").field("worker", &self.worker).finish_non_exhaustive()
    }
}

impl Deliver for QueueWorker {
    fn is_there(&self) -> bool {
        self.switchboard.serves(&self.worker)
    }

    fn deliver(
        &self,
        batch: Arc<Batch>,
    ) -> Pin<Box<dyn Future<Output = Option<Delivered>> + Send>> {
        let stream = self.switchboard.connect(&handler_call::target(&self.worker));
        let (log, worker) = (self.log.clone(), self.worker.clone());
        let most = Duration::from_millis(u64::try_from(MAX_DELIVERY_MS).unwrap_or_default());
        Box::pin(async move {
            let asked = async {
                let stream = stream.map_err(|error| error.to_string())?;
                ask(stream, &batch).await
            };
            let answer = tokio::time::timeout(most, asked).await;
            let answer =
                answer.unwrap_or_else(|_| Err("it took longer than 15 minutes".to_owned()));
            let what = format!("queue {}: {} messages", batch.queue, batch.messages.len());
            match answer {
                Ok(delivered) => {
                    if delivered.outcome != "ok" {
                        log.warn(&format!("{what}: the handler of {worker} failed"));
                    }
                    Some(delivered)
                }
                Err(error) => {
                    log.warn(&format!("{what} did not reach {worker}: {error}"));
                    None
                }
            }
        })
    }

    fn dead_letters(&self, name: &str) -> Result<Arc<SqliteStore>, selvedge_storage::Error> {
        (self.dead_letters)(name)
    }

    fn say(&self, text: &str) {
        self.log.warn(text);
    }
}

async fn ask(stream: tokio::io::DuplexStream, batch: &Batch) -> Result<Delivered, String> {
    let (queue, size) = (handler_call::encoded(&batch.queue), batch.messages.len());
    let query = format!("?queue={queue}&size={size}");
    let answer = handler_call::call(stream, "queue", &query, body(batch)).await?;
    serde_json::from_slice(&answer).map_err(|error| error.to_string())
}

/// The batch as JSON. JSON in it is as it was sent, and not read here.
fn body(batch: &Batch) -> Bytes {
    let metrics = serde_json::json!({ "metrics": {
        "backlogCount": batch.metrics.count, "backlogBytes": batch.metrics.bytes,
        "oldestMessageTimestamp": batch.metrics.oldest,
    } });
    let mut json = format!("{{\"isOwn\":true,\"metadata\":{metrics},\"messages\":[").into_bytes();
    for (at, message) in batch.messages.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        write(&mut json, message);
    }
    json.extend_from_slice(b"]}");
    json.into()
}

fn write(json: &mut Vec<u8>, message: &Taken) {
    let Taken { id, body, content_type, sent, attempts, .. } = message;
    json.extend_from_slice(
        format!(
            "{{\"id\":\"{id}\",\"timestamp\":{sent},\"attempts\":{attempts},\"type\":\"{}\",\"body\":",
            content_type.name()
        )
        .as_bytes(),
    );
    match content_type {
        ContentType::Json => json.extend_from_slice(body),
        ContentType::Text => {
            let text = serde_json::Value::from(String::from_utf8_lossy(body));
            json.extend_from_slice(text.to_string().as_bytes());
        }
        ContentType::Bytes | ContentType::V8 => {
            json.push(b'"');
            json.extend_from_slice(BASE64_STANDARD.encode(body).as_bytes());
            json.push(b'"');
        }
    }
    json.push(b'}');
}

#[cfg(test)]
mod tests {
    use selvedge_queues::store::{Lease, Metrics};

    use super::*;

    #[test]
    fn a_batch_is_json_with_its_bodies_by_their_types() {
        let message = |content_type, body: &'static [u8]| Taken {
            id: "0f".to_owned(),
            body: Bytes::from_static(body),
            content_type,
            sent: 5,
            attempts: 1,
            lease: Lease { number: 1, attempt: 1 },
        };
        let batch = Batch {
            queue: "q".to_owned(),
            messages: vec![
                message(ContentType::Json, b"{\"a\":[1]}"),
                message(ContentType::Text, b"a\"b"),
                message(ContentType::Bytes, &[0, 255]),
            ],
            metrics: Metrics::default(),
        };
        let json: serde_json::Value = serde_json::from_slice(&body(&batch)).expect("JSON");
        let bodies: Vec<_> = (0..3).map(|at| json["messages"][at]["body"].clone()).collect();
        assert_eq!(
            bodies,
            [serde_json::json!({ "a": [1] }), serde_json::json!("a\"b"), serde_json::json!("AP8=")]
        );
        assert_eq!(json["messages"][0]["timestamp"], 5);
    }
}
