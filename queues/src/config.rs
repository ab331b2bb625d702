//! The key `queues` of wrangler's configuration
//! (<https://developers.cloudflare.com/workers/wrangler/configuration/#queues>).

use serde::{Deserialize, Serialize};

use crate::rules::{
    DEFAULT_BATCH_SIZE, DEFAULT_BATCH_TIMEOUT, DEFAULT_RETRIES, MAX_BATCH_SIZE, MAX_BATCH_TIMEOUT,
    MAX_CONCURRENCY, MAX_DELAY, MAX_RETRIES,
};

/// The table `queues`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct QueuesConfig {
    pub producers: Vec<ProducerConfig>,
    pub consumers: Vec<ConsumerConfig>,
}

/// One of `queues.producers`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ProducerConfig {
    /// The name in `env`.
    pub binding: String,
    /// The queue's name.
    pub queue: String,
    /// Seconds that messages wait before they are delivered, unless they say more
    /// or less.
    pub delivery_delay: Option<u32>,
    /// Asks wrangler to use Cloudflare's queue.
    #[serde(default)]
    pub remote: bool,
}

/// Who takes messages from a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsumerKind {
    /// The `queue()` handler of a Worker.
    #[default]
    Worker,
    /// Whoever asks over HTTP.
    HttpPull,
}

/// One of `queues.consumers`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ConsumerConfig {
    /// The queue's name.
    pub queue: String,
    #[serde(default, rename = "type")]
    pub kind: ConsumerKind,
    /// Messages of a batch, at most.
    pub max_batch_size: Option<u32>,
    /// Seconds that a batch waits until it is full.
    pub max_batch_timeout: Option<u32>,
    /// How often a message is delivered again.
    pub max_retries: Option<u32>,
    /// The queue for messages that were delivered often enough; else they are gone.
    pub dead_letter_queue: Option<String>,
    /// Batches that are delivered at the same time, at most.
    pub max_concurrency: Option<u32>,
    /// Seconds until a message is delivered again.
    pub retry_delay: Option<u32>,
    /// Milliseconds that who pulled a message has for it.
    pub visibility_timeout_ms: Option<u64>,
}

/// What a consumer goes by, with all that is not said filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub batch_size: usize,
    /// Seconds.
    pub batch_timeout: u32,
    pub retries: u32,
    pub dead_letter_queue: Option<String>,
    pub concurrency: usize,
    /// Seconds.
    pub retry_delay: u32,
}

impl ConsumerConfig {
    /// What is not valid of it, with the key that it is about.
    ///
    /// # Errors
    /// The key and the reason.
    pub fn settings(&self) -> Result<Settings, (&'static str, String)> {
        let within =
            |key: &'static str, value: Option<u32>, default: u32, least: u32, most: u32| {
                let value = value.unwrap_or(default);
                if (least..=most).contains(&value) {
                    return Ok(value);
                }
                Err((key, format!("\"{key}\" must be between {least} and {most}")))
            };
        let concurrency = MAX_CONCURRENCY;
        Ok(Settings {
            batch_size: within(
                "max_batch_size",
                self.max_batch_size,
                DEFAULT_BATCH_SIZE,
                1,
                MAX_BATCH_SIZE,
            )? as usize,
            batch_timeout: within(
                "max_batch_timeout",
                self.max_batch_timeout,
                DEFAULT_BATCH_TIMEOUT,
                0,
                MAX_BATCH_TIMEOUT,
            )?,
            retries: within("max_retries", self.max_retries, DEFAULT_RETRIES, 0, MAX_RETRIES)?,
            dead_letter_queue: self.dead_letter_queue.clone(),
            concurrency: within("max_concurrency", self.max_concurrency, concurrency, 1, 250)?
                as usize,
            retry_delay: within("retry_delay", self.retry_delay, 0, 0, MAX_DELAY)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: serde_json::Value) -> QueuesConfig {
        serde_json::from_value(json).expect("valid")
    }

    #[test]
    fn what_is_not_said_is_cloudflares_default() {
        let config = read(serde_json::json!({
            "producers": [{ "binding": "Q", "queue": "jobs" }],
            "consumers": [{ "queue": "jobs" }, { "queue": "old", "type": "http_pull" }],
        }));
        assert_eq!(config.producers[0].queue, "jobs");
        assert_eq!(config.consumers[1].kind, ConsumerKind::HttpPull);
        let settings = config.consumers[0].settings().expect("valid");
        assert_eq!((settings.batch_size, settings.batch_timeout, settings.retries), (10, 5, 3));
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        for (key, value) in [
            ("max_batch_size", 101),
            ("max_batch_size", 0),
            ("max_batch_timeout", 61),
            ("max_retries", 101),
            ("retry_delay", 86_401),
            ("max_concurrency", 251),
        ] {
            let config = read(serde_json::json!({ "consumers": [{ "queue": "a", key: value }] }));
            let (named, _) = config.consumers[0].settings().expect_err("refused");
            assert_eq!(named, key);
        }
    }
}
