//! Times as the API writes them.

use chrono::{DateTime, SecondsFormat};
use selvedge_deployments::UnixMillis;

/// RFC 3339 in UTC, such as `2026-08-01T12:00:00.000Z`.
pub(crate) fn iso(at: UnixMillis) -> String {
    let time = DateTime::from_timestamp_millis(at).unwrap_or(DateTime::UNIX_EPOCH);
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The time that such a text names.
pub(crate) fn parse(text: &str) -> Option<UnixMillis> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_back() {
        assert_eq!(iso(1_785_585_600_123), "2026-08-01T12:00:00.123Z");
        assert_eq!(parse("2026-08-01T14:00:00.123+02:00"), Some(1_785_585_600_123));
        assert_eq!(parse("yesterday"), None);
    }
}
