//! What is set of a queue, as it is stored and shown.

use selvedge_queues::config::{ConsumerConfig, ConsumerKind, Settings};
use selvedge_queues::rules::{DEFAULT_RETENTION, DEFAULT_VISIBILITY_MS, MAX_DELAY};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::INVALID;
use crate::error::ApiError;

/// The shortest and the longest time that messages are kept: 60 s to 14 days.
const RETENTION: std::ops::RangeInclusive<u64> = 60..=14 * 24 * 60 * 60;

/// What is set of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueueSettings {
    /// Seconds, for messages that say nothing.
    pub delivery_delay: u32,
    /// Nothing is delivered.
    pub delivery_paused: bool,
    /// Seconds.
    pub message_retention_period: u64,
    pub consumers: Vec<Consumer>,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            delivery_delay: 0,
            delivery_paused: false,
            message_retention_period: DEFAULT_RETENTION,
            consumers: Vec::new(),
        }
    }
}

/// Who takes the messages of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumer {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: ConsumerKind,
    /// The Worker's name, of the same account.
    pub script: Option<String>,
    pub dead_letter_queue: Option<String>,
    #[serde(default)]
    pub settings: ConsumerSettings,
}

/// What is set of a consumer, in the words of the API.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConsumerSettings {
    pub batch_size: Option<u32>,
    pub max_retries: Option<u32>,
    pub max_wait_time_ms: Option<u32>,
    pub max_concurrency: Option<u32>,
    pub retry_delay: Option<u32>,
    pub visibility_timeout_ms: Option<u64>,
}

impl QueueSettings {
    pub(super) fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Takes over what is given.
    pub(super) fn change(&mut self, given: &Value) -> Result<(), ApiError> {
        let number = |key: &str, value: &Value| {
            let wrong = || ApiError::bad(INVALID, format!("\"{key}\" is not a number of seconds"));
            value.as_u64().ok_or_else(wrong)
        };
        for (key, value) in given.as_object().into_iter().flatten().filter(|(_, it)| !it.is_null())
        {
            match key.as_str() {
                "delivery_delay" => {
                    let delay = u32::try_from(number(key, value)?).unwrap_or(u32::MAX);
                    if delay > MAX_DELAY {
                        let text = format!("\"{key}\" must be between 0 and {MAX_DELAY}");
                        return Err(ApiError::bad(INVALID, text));
                    }
                    self.delivery_delay = delay;
                }
                "message_retention_period" => {
                    let period = number(key, value)?;
                    if !RETENTION.contains(&period) {
                        let (least, most) = (RETENTION.start(), RETENTION.end());
                        let text = format!("\"{key}\" must be between {least} and {most}");
                        return Err(ApiError::bad(INVALID, text));
                    }
                    self.message_retention_period = period;
                }
                "delivery_paused" => self.delivery_paused = value == true,
                _ => {}
            }
        }
        Ok(())
    }
}

impl Consumer {
    /// What a consumer goes by.
    ///
    /// # Errors
    /// What is out of its range: the key and the reason.
    pub fn settings(&self) -> Result<Settings, (&'static str, String)> {
        let ConsumerSettings { batch_size, max_retries, max_wait_time_ms, .. } = self.settings;
        let config = ConsumerConfig {
            queue: String::new(),
            kind: self.kind,
            max_batch_size: batch_size,
            max_batch_timeout: max_wait_time_ms.map(|ms| ms.div_ceil(1000)),
            max_retries,
            dead_letter_queue: self.dead_letter_queue.clone(),
            max_concurrency: self.settings.max_concurrency,
            retry_delay: self.settings.retry_delay,
            visibility_timeout_ms: self.settings.visibility_timeout_ms,
        };
        config.settings()
    }

    /// How long who pulls has for a message, in milliseconds.
    pub(super) fn visibility(&self) -> u64 {
        self.settings.visibility_timeout_ms.unwrap_or(DEFAULT_VISIBILITY_MS)
    }

    pub(super) fn shown(&self, queue: &str) -> Value {
        let mut shown = json!({
            "consumer_id": self.id,
            "type": self.kind,
            "queue_name": queue,
            "settings": self.settings,
        });
        if let Some(script) = &self.script {
            shown["script"] = script.as_str().into();
            shown["script_name"] = script.as_str().into();
        }
        if let Some(dead) = &self.dead_letter_queue {
            shown["dead_letter_queue"] = dead.as_str().into();
        }
        if let Some(settings) = shown["settings"].as_object_mut() {
            settings.retain(|_, value| !value.is_null());
        }
        shown
    }
}
