//! The key `ratelimits` of wrangler's configuration
//! (<https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/>).

use serde::Deserialize;

/// One table of `ratelimits`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RateLimitConfig {
    /// The name in `env`.
    pub name: String,
    /// Which counter: equal ones of an account are the same.
    pub namespace_id: String,
    pub simple: Simple,
}

/// How often a key may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Simple {
    /// Calls of a period.
    pub limit: u32,
    /// In seconds.
    pub period: u32,
}

/// The periods that there are, in seconds.
pub const PERIODS: [u32; 2] = [10, 60];

impl Simple {
    /// What is wrong with it.
    ///
    /// # Errors
    /// When the period is another one, or nothing is allowed.
    pub fn check(self) -> Result<(), &'static str> {
        if !PERIODS.contains(&self.period) {
            return Err("\"simple.period\" must be either 10 or 60");
        }
        if self.limit == 0 {
            return Err("\"simple.limit\" must be at least 1");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_ten_or_sixty_seconds() {
        let read = |simple| {
            let table = serde_json::json!({ "name": "L", "namespace_id": "1", "simple": simple });
            serde_json::from_value::<RateLimitConfig>(table).map(|table| table.simple.check())
        };
        for (period, good) in [(10, true), (60, true), (0, false), (61, false)] {
            let simple = serde_json::json!({ "limit": 5, "period": period });
            assert_eq!(read(simple).expect("numbers").is_ok(), good, "{period}");
        }
        let none = serde_json::json!({ "limit": 0, "period": 10 });
        assert!(read(none).expect("numbers").is_err());
        read(serde_json::json!({ "limit": -1, "period": 10 })).expect_err("below zero");
    }
}
