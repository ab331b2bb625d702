//! What is kept of an event.

use std::sync::Arc;

use serde_json::Value;

use crate::UnixMillis;

/// More of an event's texts is not searched: 8 KiB.
const MAX_TEXT_BYTES: usize = 8 * 1024;

/// How bad something is, as `console` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Debug,
    Log,
    Info,
    Warn,
    Error,
}

impl Level {
    const ALL: [Self; 5] = [Self::Debug, Self::Log, Self::Info, Self::Warn, Self::Error];

    /// The level of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Log => "log",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    pub(crate) fn number(self) -> i64 {
        self as i64
    }
}

/// An event with its logs, as a `TraceItem` of the tail.
#[derive(Debug, Clone)]
pub struct Record {
    /// Whose it is; 32 hexadecimal digits.
    pub account: Arc<str>,
    pub script: Arc<str>,
    pub version: Option<Arc<str>>,
    pub at: UnixMillis,
    pub item: Arc<Value>,
}

impl Record {
    pub(crate) fn outcome(&self) -> &str {
        self.item.get("outcome").and_then(Value::as_str).unwrap_or("unknown")
    }

    /// The worst that it says. What did not end well is an error.
    pub(crate) fn level(&self) -> Level {
        if !matches!(self.outcome(), "ok" | "canceled")
            || !list(&self.item, "exceptions").is_empty()
        {
            return Level::Error;
        }
        let levels = list(&self.item, "logs").iter().filter_map(|log| log.get("level")?.as_str());
        levels.filter_map(Level::named).max().unwrap_or(Level::Log)
    }

    /// What can be searched, in lower case.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let mut add = |part: &str| {
            let room = MAX_TEXT_BYTES.saturating_sub(text.len());
            let end = (0..=part.len().min(room)).rev().find(|at| part.is_char_boundary(*at));
            text.push_str(&part[..end.unwrap_or(0)]);
            text.push('\n');
        };
        for exception in list(&self.item, "exceptions") {
            ["name", "message", "stack"]
                .iter()
                .filter_map(|key| exception.get(key)?.as_str())
                .for_each(&mut add);
        }
        for log in list(&self.item, "logs") {
            match log.get("message") {
                Some(Value::Array(parts)) => parts.iter().for_each(|part| match part {
                    Value::String(text) => add(text),
                    other => add(&other.to_string()),
                }),
                Some(Value::String(text)) => add(text),
                Some(other) => add(&other.to_string()),
                None => {}
            }
        }
        let event = self.item.get("event");
        let request = event.and_then(|event| event.get("request"));
        if let Some(url) = request.and_then(|request| request.get("url")?.as_str()) {
            add(url);
        }
        if let Some(cron) = event.and_then(|event| event.get("cron")?.as_str()) {
            add(cron);
        }
        text.to_lowercase()
    }
}

fn list<'a>(item: &'a Value, key: &str) -> &'a [Value] {
    item.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(item: Value) -> Record {
        let (account, script) = ("a".into(), "s".into());
        Record { account, script, version: None, at: 0, item: Arc::new(item) }
    }

    #[test]
    fn the_level_is_the_worst_of_it() {
        let level = |item| record(item).level();
        assert_eq!(level(json!({ "outcome": "ok" })), Level::Log);
        let logs = json!({ "outcome": "ok", "logs": [{ "level": "debug" }, { "level": "warn" }] });
        assert_eq!(level(logs), Level::Warn);
        assert_eq!(level(json!({ "outcome": "exceededCpu" })), Level::Error);
    }

    #[test]
    fn all_that_was_said_is_searched_and_no_more_than_fits() {
        let item = json!({
            "logs": [{ "message": ["Hello", { "a": 1 }] }],
            "exceptions": [{ "message": "BROKEN" }],
            "event": { "request": { "url": "https://X/y" } },
        });
        assert_eq!(record(item).text(), "broken\nhello\n{\"a\":1}\nhttps://x/y\n");
        let long = "\u{e4}".repeat(MAX_TEXT_BYTES);
        assert!(
            record(json!({ "logs": [{ "message": [long] }] })).text().len() <= MAX_TEXT_BYTES + 1
        );
    }
}
