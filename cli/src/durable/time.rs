//! Times as people write them.

use anyhow::{Context as _, bail};
use chrono::{DateTime, SecondsFormat};

/// A time as JavaScript's `toISOString` gives it; the number where it has no date.
pub(super) fn iso(unix_ms: i64) -> String {
    match DateTime::from_timestamp_millis(unix_ms) {
        Some(time) => time.to_rfc3339_opts(SecondsFormat::Millis, true),
        None => unix_ms.to_string(),
    }
}

/// Reads a time: `2026-11-20T20:00:00Z`, or milliseconds since 1970.
pub(super) fn parse(text: &str) -> anyhow::Result<i64> {
    if let Ok(unix_ms) = text.parse::<i64>() {
        if unix_ms < 0 {
            bail!("an alarm cannot be before 1970");
        }
        return Ok(unix_ms);
    }
    let time = DateTime::parse_from_rfc3339(text).with_context(|| {
        format!(
            "\"{text}\" is no time\nhint: e.g. 2026-11-20T20:00:00Z, or milliseconds since 1970"
        )
    })?;
    Ok(time.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_printed() {
        assert_eq!(iso(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert_eq!(iso(i64::MAX), i64::MAX.to_string());
        for text in ["1700000000123", "2023-11-14T22:13:20.123Z", "2023-11-14T23:13:20.123+01:00"] {
            assert_eq!(parse(text).expect(text), 1_700_000_000_123);
        }
        for text in ["", "-5", "tomorrow", "2023-11-14"] {
            parse(text).expect_err(text);
        }
    }
}
