//! How much a Worker, and all Workers of an account together, may be asked.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// The bounds of one Worker, or of one account. 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Bounds {
    pub(crate) requests_per_second: u32,
    pub(crate) concurrent_requests: u32,
}

/// Counts what is asked against the bounds.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    rate: Option<DefaultDirectRateLimiter>,
    most: u32,
    under_way: AtomicU32,
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
        }
    }

    fn check(&self) -> Result<(), Over> {
        // Not counted yet: a burst may pass a bound by the number of threads.
        if self.most > 0 && self.under_way.load(Ordering::Relaxed) >= self.most {
            return Err(Over::Concurrency);
        }
        match &self.rate {
            Some(rate) if rate.check().is_err() => Err(Over::Rate),
            _ => Ok(()),
        }
    }
}

impl WorkerLimits {
    /// The Worker's own bounds beside those of its account.
    pub(crate) fn new(own: Bounds, account: Arc<Gauge>) -> Arc<Self> {
        Arc::new(Self { own: Gauge::new(own), account })
    }

    /// Whether there is anything to count.
    pub(crate) fn is_bound(&self) -> bool {
        let of = |gauge: &Gauge| gauge.rate.is_some() || gauge.most > 0;
        of(&self.own) || of(&self.account)
    }

    /// Whether one more request may come.
    pub(crate) fn check(&self) -> Result<(), Over> {
        self.own.check()?;
        self.account.check()
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
        let taken = (0..20).filter(|_| limits.check().is_ok()).count();
        assert!((5..=7).contains(&taken), "{taken}");
        assert_eq!(limits.check(), Err(Over::Rate));
    }

    #[test]
    fn requests_under_way_are_bounded_for_all_workers_of_an_account() {
        let bounds = Bounds { concurrent_requests: 2, ..Bounds::default() };
        let account = Arc::new(Gauge::new(bounds));
        let one = WorkerLimits::new(Bounds::default(), account.clone());
        let two = WorkerLimits::new(Bounds::default(), account);
        let first = one.begin();
        let _second = two.begin();
        assert_eq!(one.check(), Err(Over::Concurrency));
        drop(first);
        assert_eq!(one.check(), Ok(()));
    }
}
