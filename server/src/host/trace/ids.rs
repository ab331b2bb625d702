//! What names events and their parts outside, as OpenTelemetry has it.

use std::hash::{BuildHasher as _, RandomState};

use selvedge_runtime::SpanNumber;

use super::TraceEvent;

/// Those of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ids {
    /// All that came of one request.
    pub(crate) trace: u128,
    seed: u64,
}

/// What `traceparent` says (<https://www.w3.org/TR/trace-context/>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parent {
    pub(crate) trace: u128,
    pub(crate) span: u64,
    pub(crate) is_sampled: bool,
}

impl Ids {
    /// New ones.
    pub(crate) fn new() -> Self {
        let trace = u128::from(random()) << 64 | u128::from(random());
        Self { trace, seed: random() }
    }

    /// The event belongs to the trace that its request names.
    pub(crate) fn join(&mut self, event: &TraceEvent) {
        if let Some(parent) = Parent::of(event) {
            self.trace = parent.trace;
        }
    }

    /// The name of a part; 0: of the event as a whole.
    pub(crate) fn span(&self, number: SpanNumber) -> u64 {
        // A bijection (the step of SplitMix64), so that no two parts are named the same.
        let mut mixed =
            self.seed.wrapping_add(u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).max(1)
    }
}

/// 64 random bits that are not all zero.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0_u8).max(1)
}

impl Parent {
    /// The caller's span, if the request names it.
    pub(crate) fn of(event: &TraceEvent) -> Option<Self> {
        let TraceEvent::Fetch { headers, .. } = event else { return None };
        let header = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("traceparent"))?;
        Self::parse(&header.1)
    }

    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.trim().split('-').collect();
        let [version, trace, span, flags, ..] = parts[..] else { return None };
        let is_hex = |text: &str, length: usize| {
            text.len() == length
                && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
                && text.bytes().any(|byte| byte != b'0')
        };
        let flags = (flags.len() == 2).then(|| u8::from_str_radix(flags, 16).ok()).flatten()?;
        if version.len() != 2 || version == "ff" || !is_hex(trace, 32) || !is_hex(span, 16) {
            return None;
        }
        Some(Self {
            trace: u128::from_str_radix(trace, 16).ok()?,
            span: u64::from_str_radix(span, 16).ok()?,
            is_sampled: flags & 1 == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traceparent_is_read() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parent = Parent::parse(text).expect("a parent");
        assert_eq!(format!("{:032x}", parent.trace), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!((parent.span, parent.is_sampled), (0x00f0_67aa_0ba9_02b7, true));
        for bad in [
            "",
            "00-0-0-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-\u{e4}",
            &text.replacen("00-", "ff-", 1),
            &text.replacen("4b", "4B", 1),
        ] {
            assert_eq!(Parent::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn parts_have_names_of_their_own() {
        let ids = Ids::new();
        let names: std::collections::HashSet<_> =
            (0..1000).map(|number| ids.span(number)).collect();
        assert_eq!(names.len(), 1000);
    }
}
