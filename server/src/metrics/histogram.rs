//! Times, counted in buckets that grow with the time: four to each doubling, so
//! that a percentile is off by a fifth at most.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets: up to 2^27 us, which is 134 s; the last one holds all above.
pub(super) const BUCKETS: usize = 104;

/// How often each time was seen.
#[derive(Debug)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    /// In microseconds.
    sum: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [const { AtomicU64::new(0) }; BUCKETS], sum: AtomicU64::new(0) }
    }
}

impl Histogram {
    /// Counts one time.
    pub fn record(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket_of(micros)].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(micros, Ordering::Relaxed);
    }

    /// The counts of all buckets, and the sum in microseconds.
    pub(super) fn read(&self) -> (Vec<u64>, u64) {
        let counts = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        (counts, self.sum.load(Ordering::Relaxed))
    }
}

/// The bucket that a time in microseconds belongs to.
fn bucket_of(micros: u64) -> usize {
    if micros < 4 {
        return micros as usize;
    }
    let octave = micros.ilog2();
    let quarter = (micros >> (octave - 2)) & 3;
    let index = ((octave - 1) as usize) << 2 | quarter as usize;
    index.min(BUCKETS - 1)
}

/// The first microsecond that is above a bucket.
pub(super) fn upper_bound(bucket: usize) -> u64 {
    let next = bucket as u64 + 1;
    if next < 4 {
        return next;
    }
    let octave = (next >> 2) + 1;
    (4 | (next & 3)) << (octave - 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_is_below_the_bound_of_its_bucket_and_not_below_the_one_before() {
        for micros in (0..5000).chain([1 << 20, (1 << 26) + 12_345, (1 << 27) - 1]) {
            let bucket = bucket_of(micros);
            assert!(micros < upper_bound(bucket), "{micros} in {bucket}");
            assert!(bucket == 0 || micros >= upper_bound(bucket - 1), "{micros} in {bucket}");
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn bounds_grow() {
        let bounds: Vec<_> = (0..BUCKETS).map(upper_bound).collect();
        assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]), "{bounds:?}");
    }
}
