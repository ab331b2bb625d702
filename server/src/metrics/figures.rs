//! The counters at one moment, as JSON for those who look.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use selvedge_runtime::AmountName;
use serde::Serialize;

use super::histogram::{Histogram, upper_bound};
use super::{Amount, EventKind, OUTCOMES, Operation, VersionCounters, WorkerCounters};

/// All Workers at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// When the counters began, in seconds since the UNIX epoch.
    pub started: u64,
    pub workers: Vec<WorkerFigures>,
}

/// One Worker. All but what is named `_now` only grows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkerFigures {
    pub account: String,
    pub script: String,
    /// All events.
    pub requests: u64,
    /// Those whose outcome is a failure.
    pub errors: u64,
    /// Events by what woke the Worker.
    pub events: BTreeMap<&'static str, u64>,
    /// Events by how they ended.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Responses by the hundreds of their status, such as `2xx`.
    pub statuses: BTreeMap<String, u64>,
    /// Reads and writes.
    pub operations: BTreeMap<&'static str, u64>,
    /// What they came to, by the metric, or the metric, a dot and the label's value:
    /// `d1_rows.read`.
    pub amounts: BTreeMap<String, u64>,
    pub subrequests: u64,
    pub wall: HistogramFigures,
    pub cpu: HistogramFigures,
    pub cold_starts: HistogramFigures,
    pub isolates_now: u64,
    pub websockets_now: u64,
    pub memory_bytes_now: u64,
    pub versions: Vec<VersionFigures>,
}

/// One version of a Worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionFigures {
    pub id: String,
    pub requests: u64,
    pub errors: u64,
    pub isolates_now: u64,
}

/// A histogram without its empty buckets.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct HistogramFigures {
    pub count: u64,
    /// In microseconds.
    pub sum_us: u64,
    /// Pairs of a bucket's upper bound in microseconds and how many are in it.
    pub buckets: Vec<(u64, u64)>,
}

impl HistogramFigures {
    fn of(histogram: &Histogram) -> Self {
        let (counts, sum_us) = histogram.read();
        let count = counts.iter().sum();
        let buckets = counts.into_iter().enumerate().filter(|(_, count)| *count > 0);
        let buckets = buckets.map(|(index, count)| (upper_bound(index), count)).collect();
        Self { count, sum_us, buckets }
    }

    /// How many were below this time.
    pub(super) fn below(&self, micros: u64) -> u64 {
        self.buckets.iter().filter(|(bound, _)| *bound <= micros).map(|(_, count)| count).sum()
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.sum_us += other.sum_us;
        for (bound, count) in &other.buckets {
            match self.buckets.binary_search_by_key(bound, |(known, _)| *known) {
                Ok(at) => self.buckets[at].1 += count,
                Err(at) => self.buckets.insert(at, (*bound, *count)),
            }
        }
    }
}

impl Figures {
    pub(super) fn of(started: u64, workers: &[std::sync::Arc<WorkerCounters>]) -> Self {
        let workers = workers.iter().map(|worker| WorkerFigures::of(worker)).collect();
        Self { started, workers }
    }
}

impl WorkerFigures {
    fn of(worker: &WorkerCounters) -> Self {
        let outcomes: Vec<_> = OUTCOMES.into_iter().zip(&worker.outcomes).collect();
        let errors = outcomes.iter().filter(|(outcome, _)| super::is_error(*outcome));
        let versions = worker.versions.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Self {
            account: worker.account.clone(),
            script: worker.script.clone(),
            requests: worker.events.iter().map(read).sum(),
            errors: errors.map(|(_, count)| read(count)).sum(),
            events: named(EventKind::ALL.map(EventKind::as_str), &worker.events),
            outcomes: named(OUTCOMES.map(selvedge_runtime::Outcome::as_str), &worker.outcomes),
            statuses: (1..)
                .zip(&worker.statuses)
                .map(|(class, count): (u8, _)| (format!("{class}xx"), read(count)))
                .filter(|(_, count)| *count > 0)
                .collect(),
            operations: named(Operation::ALL.map(Operation::as_str), &worker.operations),
            amounts: Amount::ALL
                .into_iter()
                .zip(worker.amounts.iter().map(read))
                .filter(|(_, count)| *count > 0)
                .map(|(amount, count)| (key(amount), count))
                .collect(),
            subrequests: read(&worker.subrequests),
            wall: HistogramFigures::of(&worker.wall),
            cpu: HistogramFigures::of(&worker.cpu),
            cold_starts: HistogramFigures::of(&worker.cold_starts),
            isolates_now: gauge(&worker.isolates),
            websockets_now: gauge(&worker.websockets),
            memory_bytes_now: gauge(&worker.memory_bytes),
            versions: versions.iter().map(|version| VersionFigures::of(version)).collect(),
        }
    }
}

impl VersionFigures {
    fn of(version: &VersionCounters) -> Self {
        Self {
            id: version.version.clone(),
            requests: read(&version.events),
            errors: read(&version.errors),
            isolates_now: gauge(&version.isolates),
        }
    }
}

/// The key of an amount.
pub(super) fn key(amount: Amount) -> String {
    let AmountName { metric, label } = amount.name();
    match label {
        Some((_, value)) => format!("{metric}.{value}"),
        None => metric.to_owned(),
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn gauge(counter: &AtomicI64) -> u64 {
    u64::try_from(counter.load(Ordering::Relaxed)).unwrap_or(0)
}

/// Counters with their names, without those at zero.
fn named<const N: usize>(
    names: [&'static str; N],
    counters: &[AtomicU64; N],
) -> BTreeMap<&'static str, u64> {
    let counted = counters.iter().map(read);
    names.into_iter().zip(counted).filter(|(_, count)| *count > 0).collect()
}
