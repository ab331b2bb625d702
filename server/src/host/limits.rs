//! How much a Worker, and all Workers of an account together, may be asked.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// The bounds of one Worker, or of one account. 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Bounds {
    pub(crate) requests_per_second: u32,
    pub(crate) concurrent_requests: u32,
    /// Of a day in UTC.
    pub(crate) requests_per_day: u64,
}

/// Counts what is asked against the bounds.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    rate: Option<DefaultDirectRateLimiter>,
    most: u32,
    under_way: AtomicU32,
    per_day: u64,
    /// Requests of the day, and which day it is since 1970.
    today: AtomicU64,
    day: AtomicU64,
}

/// What holds for a Worker.
#[derive(Debug, Default)]
pub(crate) struct WorkerLimits {
    own: Gauge,
    account: Arc<Gauge>,
}

/// Why a request is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    Rate,
    Concurrency,
    Day,
}

/// A request under way; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay(Arc<WorkerLimits>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.own.under_way.fetch_sub(1, Ordering::Relaxed);
        self.0.account.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gauge {
    /// Nothing was asked yet.
    pub(crate) fn new(bounds: Bounds) -> Self {
        let rate = NonZeroU32::new(bounds.requests_per_second);
        Self {
            rate: rate.map(|rate| RateLimiter::direct(Quota::per_second(rate))),
            most: bounds.concurrent_requests,
            under_way: AtomicU32::new(0),
            per_day: bounds.requests_per_day,
            today: AtomicU64::new(0),
            day: AtomicU64::new(0),
        }
    }

    fn check(&self, now: u64) -> Result<(), Over> {
        // Not counted yet: a burst may pass a bound by the number of threads.
        if self.most > 0 && self.under_way.load(Ordering::Relaxed) >= self.most {
            return Err(Over::Concurrency);
        }
        match &self.rate {
            Some(rate) if rate.check().is_err() => return Err(Over::Rate),
            _ => {}
        }
        if self.per_day > 0 && self.count_today(now / DAY_SECONDS) > self.per_day {
            return Err(Over::Day);
        }
        Ok(())
    }

    /// One more request of this day; gives how many there are.
    fn count_today(&self, day: u64) -> u64 {
        if self.day.swap(day, Ordering::Relaxed) != day {
            self.today.store(0, Ordering::Relaxed);
        }
        self.today.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn is_bound(&self) -> bool {
        self.rate.is_some() || self.most > 0 || self.per_day > 0
    }
}

impl WorkerLimits {
    /// The Worker's own bounds beside those of its account.
    pub(crate) fn new(own: Bounds, account: Arc<Gauge>) -> Arc<Self> {
        Arc::new(Self { own: Gauge::new(own), account })
    }

    /// Whether there is anything to count.
    pub(crate) fn is_bound(&self) -> bool {
        self.own.is_bound() || self.account.is_bound()
    }

    /// Whether one more request may come. `now`: seconds since 1970.
    pub(crate) fn check(&self, now: u64) -> Result<(), Over> {
        self.own.check(now)?;
        self.account.check(now)
    }

    /// Counts a request while it is under way.
    pub(crate) fn begin(self: &Arc<Self>) -> UnderWay {
        self.own.under_way.fetch_add(1, Ordering::Relaxed);
        self.account.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_so_many_requests() {
        let bounds = Bounds { requests_per_second: 5, ..Bounds::default() };
        let limits = WorkerLimits::new(bounds, Arc::default());
        let taken = (0..20).filter(|_| limits.check(0).is_ok()).count();
        assert!((5..=7).contains(&taken), "{taken}");
        assert_eq!(limits.check(0), Err(Over::Rate));
    }

    #[test]
    fn requests_under_way_are_bounded_for_all_workers_of_an_account() {
        let bounds = Bounds { concurrent_requests: 2, ..Bounds::default() };
        let account = Arc::new(Gauge::new(bounds));
        let one = WorkerLimits::new(Bounds::default(), account.clone());
        let two = WorkerLimits::new(Bounds::default(), account);
        let first = one.begin();
        let _second = two.begin();
        assert_eq!(one.check(0), Err(Over::Concurrency));
        drop(first);
        assert_eq!(one.check(0), Ok(()));
    }

    #[test]
    fn a_day_has_so_many_requests() {
        let account = Gauge::new(Bounds { requests_per_day: 3, ..Bounds::default() });
        let limits = WorkerLimits::new(Bounds::default(), Arc::new(account));
        assert!(limits.is_bound());
        let noon = DAY_SECONDS * 20_000 + DAY_SECONDS / 2;
        assert!((0..3).all(|_| limits.check(noon).is_ok()));
        assert_eq!(limits.check(noon), Err(Over::Day));
        assert_eq!(limits.check(noon + DAY_SECONDS), Ok(()), "the next day");
    }
}
