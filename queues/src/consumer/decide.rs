//! What becomes of the messages of a batch
//! (<https://developers.cloudflare.com/queues/configuration/batching-retries/>).

use std::collections::HashMap;

use serde::Deserialize;

use crate::config::Settings;
use crate::rules::MAX_DELAY;
use crate::store::{Settled, Taken};

/// What a handler said, in the words of `dispatchNamespace().queue()` and miniflare.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Delivered {
    /// `ok`, or why the handler failed.
    pub outcome: String,
    pub ack_all: bool,
    pub retry_batch: RetryBatch,
    /// Ids.
    pub explicit_acks: Vec<String>,
    pub retry_messages: Vec<Retry>,
}

/// What was said of the whole batch.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RetryBatch {
    pub retry: bool,
    pub delay_seconds: Option<f64>,
}

/// What was said of one message.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    pub msg_id: String,
    #[serde(default)]
    pub delay_seconds: Option<f64>,
}

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) settled: Settled,
    /// Those that were delivered often enough, by their places in the batch.
    pub(super) spent: Vec<usize>,
}

/// What was said of a message counts more than what was said of the batch. Nothing
/// said: it is done if the handler went well, and comes again if not. `None` is a
/// handler that was not reached, or gave no answer.
pub(super) fn decide(
    messages: &[Taken],
    delivered: Option<&Delivered>,
    settings: &Settings,
) -> Decision {
    let failed = Delivered::default();
    let delivered = delivered.unwrap_or(&failed);
    let is_ok = delivered.outcome == "ok";
    let retries: HashMap<&str, Option<f64>> =
        delivered.retry_messages.iter().map(|it| (it.msg_id.as_str(), it.delay_seconds)).collect();
    let common = delivered.retry_batch.delay_seconds;
    let mut decision = Decision::default();
    for (at, message) in messages.iter().enumerate() {
        let retry = match retries.get(message.id.as_str()) {
            Some(delay) => Some(delay.or(common)),
            None if delivered.explicit_acks.contains(&message.id) || delivered.ack_all => None,
            None => (delivered.retry_batch.retry || !is_ok).then_some(common),
        };
        match retry {
            None => decision.settled.done.push(message.lease),
            Some(_) if message.attempts > settings.retries => decision.spent.push(at),
            Some(delay) => decision.settled.again.push((message.lease, millis(delay, settings))),
        }
    }
    decision
}

/// Milliseconds until a message comes again.
fn millis(delay: Option<f64>, settings: &Settings) -> i64 {
    let seconds = delay.filter(|it| it.is_finite()).unwrap_or(f64::from(settings.retry_delay));
    (seconds.clamp(0.0, f64::from(MAX_DELAY)) * 1000.0) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{ContentType, Lease};

    fn settings() -> Settings {
        Settings {
            batch_size: 10,
            batch_timeout: 5,
            retries: 3,
            dead_letter_queue: None,
            concurrency: 1,
            retry_delay: 7,
        }
    }

    fn message(number: i64, attempts: u32) -> Taken {
        Taken {
            id: number.to_string(),
            body: "x".into(),
            content_type: ContentType::Text,
            sent: 0,
            attempts,
            lease: Lease { number, attempt: attempts },
        }
    }

    /// Which are done, which come again after how long, which are spent.
    fn decided(said: Option<serde_json::Value>) -> (Vec<i64>, Vec<(i64, i64)>, Vec<usize>) {
        let messages = [message(1, 1), message(2, 1), message(3, 4)];
        let said = said.map(|said| serde_json::from_value(said).expect("valid"));
        let Decision { settled, spent } = decide(&messages, said.as_ref(), &settings());
        let done = settled.done.iter().map(|lease| lease.number).collect();
        let again = settled.again.iter().map(|(lease, delay)| (lease.number, *delay)).collect();
        (done, again, spent)
    }

    #[test]
    fn what_went_well_is_done_unless_it_was_to_come_again() {
        assert_eq!(
            decided(Some(serde_json::json!({ "outcome": "ok" }))),
            (vec![1, 2, 3], vec![], vec![])
        );
        let said = serde_json::json!({ "outcome": "ok",
            "retryMessages": [{ "msgId": "2", "delaySeconds": 9 }, { "msgId": "3" }] });
        assert_eq!(decided(Some(said)), (vec![1], vec![(2, 9000)], vec![2]));
    }

    #[test]
    fn what_failed_comes_again_but_for_what_was_acknowledged() {
        assert_eq!(decided(None), (vec![], vec![(1, 7000), (2, 7000)], vec![2]));
        let said = serde_json::json!({ "outcome": "exception", "explicitAcks": ["2", "3"] });
        assert_eq!(decided(Some(said)), (vec![2, 3], vec![(1, 7000)], vec![]));
        let said = serde_json::json!({ "outcome": "exception", "ackAll": true });
        assert_eq!(decided(Some(said)), (vec![1, 2, 3], vec![], vec![]));
    }

    #[test]
    fn what_is_said_of_a_message_counts_more_than_what_is_said_of_the_batch() {
        let said = serde_json::json!({ "outcome": "ok", "explicitAcks": ["1"],
            "retryBatch": { "retry": true, "delaySeconds": 1 } });
        assert_eq!(decided(Some(said)), (vec![1], vec![(2, 1000)], vec![2]));
        let said = serde_json::json!({ "outcome": "ok", "ackAll": true,
            "retryMessages": [{ "msgId": "1" }] });
        assert_eq!(decided(Some(said)), (vec![2, 3], vec![(1, 7000)], vec![]));
    }
}
