//! Which events are kept when not all are.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Decides by chance. Clones would repeat its decisions, so there are none.
#[derive(Debug, Default)]
pub struct Sampler {
    state: RandomState,
    count: AtomicU64,
}

impl Sampler {
    /// Whether one more event is kept, of which `rate` (0 to 1) are.
    pub fn keeps(&self, rate: f64) -> bool {
        if rate >= 1.0 {
            return true;
        }
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let random = self.state.hash_one(number) >> 11;
        (random as f64) / ((1_u64 << 53) as f64) < rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_as_many_are_kept_as_the_rate_says() {
        let sampler = Sampler::default();
        let kept = (0..10_000).filter(|_| sampler.keeps(0.2)).count();
        assert!((1700..2300).contains(&kept), "{kept}");
        assert!((0..100).all(|_| sampler.keeps(1.0)));
        assert!(!(0..100).any(|_| sampler.keeps(0.0)));
    }
}
