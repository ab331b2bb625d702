//! Times as text.

use std::fmt::Write as _;
use std::time::Duration;

/// A Unix time in milliseconds as RFC 3339 in UTC.
pub(crate) fn rfc3339(millis: u64) -> String {
    let mut out = String::new();
    push_rfc3339(&mut out, millis);
    out
}

/// Appends a Unix time in milliseconds as RFC 3339 in UTC.
pub(super) fn push_rfc3339(out: &mut String, millis: u64) {
    let (seconds, millis) = (millis / 1000, millis % 1000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date_of(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let _ =
        write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z");
}

/// Year, month and day of a number of days after 1970-01-01 (Howard Hinnant's
/// `civil_from_days`, <https://howardhinnant.github.io/date_algorithms.html>).
fn date_of(days: u64) -> (u64, u64, u64) {
    // Years start in March, so that the leap day is the last of them.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// Appends a duration as people read it: `0.4 ms`, `12 ms`, `1.3 s`.
pub(super) fn push_duration(out: &mut String, duration: Duration) {
    let millis = duration.as_secs_f64() * 1000.0;
    let (value, unit) = if millis < 999.5 { (millis, "ms") } else { (millis / 1000.0, "s") };
    let start = out.len();
    let _ = match value {
        value if value < 0.095 => write!(out, "{value:.2}"),
        value if value < 9.95 => write!(out, "{value:.1}"),
        value => write!(out, "{value:.0}"),
    };
    let kept = out[start..]
        .contains('.')
        .then(|| out[start..].trim_end_matches('0').trim_end_matches('.').len());
    if let Some(kept) = kept {
        out.truncate(start + kept);
    }
    out.push(' ');
    out.push_str(unit);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_001, "2024-02-29T23:59:59.001Z"),
            (1_704_067_200_000, "2024-01-01T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            let mut out = String::new();
            push_rfc3339(&mut out, millis);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn durations_are_short() {
        for (micros, text) in [
            (0, "0 ms"),
            (40, "0.04 ms"),
            (100, "0.1 ms"),
            (400, "0.4 ms"),
            (3_000, "3 ms"),
            (3_240, "3.2 ms"),
            (9_960, "10 ms"),
            (150_400, "150 ms"),
            (999_700, "1 s"),
            (1_340_000, "1.3 s"),
            (75_000_000, "75 s"),
        ] {
            let mut out = String::new();
            push_duration(&mut out, Duration::from_micros(micros));
            assert_eq!(out, text);
        }
    }
}
