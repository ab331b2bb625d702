//! How often keys were seen.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Keys are kept as hashes: their lengths are up to Workers.
type KeyHash = [u8; 16];

/// Counts calls by key, in windows of time. All who share it count together.
#[derive(Debug, Default)]
pub struct Counter {
    /// One for each period that is asked for: there are two.
    windows: Mutex<HashMap<u32, Window>>,
}

#[derive(Debug, Default)]
struct Window {
    number: u64,
    counts: HashMap<KeyHash, u32>,
}

/// Whether a call is within its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Within,
    Over,
}

impl Counter {
    /// Counts a call, if it is within the limit of its window: so many calls in
    /// the `period` seconds that `now`, in Unix ms, lies in.
    pub fn count(&self, key: &str, limit: u32, period: u32, now: u64) -> Verdict {
        let hash = blake3::hash(key.as_bytes());
        let mut short = KeyHash::default();
        let length = short.len();
        short.copy_from_slice(&hash.as_bytes()[..length]);
        let number = now / (u64::from(period.max(1)) * 1000);
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(period).or_default();
        if window.number != number {
            // The next window has about as many keys, but not for ever.
            window.counts.clear();
            window.counts.shrink_to(1024);
            window.number = number;
        }
        let count = window.counts.entry(short).or_default();
        if *count >= limit {
            return Verdict::Over;
        }
        *count += 1;
        Verdict::Within
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Over, Within};

    #[test]
    fn a_key_has_its_limit_in_each_window() {
        let counter = Counter::default();
        let at = |key, now| counter.count(key, 2, 10, now);
        assert_eq!([at("a", 0), at("a", 9_999), at("a", 5)], [Within, Within, Over]);
        assert_eq!(at("b", 5), Within);
        assert_eq!([at("a", 10_000), at("a", 10_001), at("a", 19_999)], [Within, Within, Over]);
        assert_eq!(counter.count("a", 3, 10, 19_999), Within, "others may have other limits");
        assert_eq!(counter.count("a", 2, 60, 19_999), Within, "periods are counted apart");
    }

    #[test]
    fn it_is_exact_however_many_count() {
        let counter = Counter::default();
        let within = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        if counter.count("a", 777, 60, 1) == Within {
                            within.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(within.into_inner(), 777);
    }
}
