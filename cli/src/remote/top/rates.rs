//! From two looks at the counters to rates and percentiles of the time between.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

/// The counters at one moment.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Snapshot {
    /// In seconds since the UNIX epoch.
    pub(super) started: u64,
    workers: Vec<Worker>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Worker {
    account: String,
    script: String,
    requests: u64,
    errors: u64,
    wall: Histogram,
    cpu: Histogram,
    isolates_now: u64,
    memory_bytes_now: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Histogram {
    sum_us: u64,
    /// Upper bounds in microseconds, and how many are below each and above the
    /// one before.
    buckets: Vec<(u64, u64)>,
}

/// One Worker's line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) account: String,
    pub(super) script: String,
    /// Per second.
    pub(super) requests: f64,
    pub(super) errors: f64,
    /// In milliseconds.
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
    /// Cores.
    pub(super) cpu: f64,
    pub(super) memory: u64,
    pub(super) isolates: u64,
}

/// What happened between two looks; without a first one, nothing did.
pub(super) fn rows(before: Option<&Snapshot>, after: &Snapshot, since: Duration) -> Vec<Row> {
    let key = |worker: &Worker| (worker.account.clone(), worker.script.clone());
    // A server that started again counts from zero.
    let before = before.filter(|before| before.started == after.started);
    let known: BTreeMap<_, _> =
        before.iter().flat_map(|it| &it.workers).map(|worker| (key(worker), worker)).collect();
    let seconds = since.as_secs_f64().max(1e-3);
    let row = |worker: &Worker| {
        let none = Worker::default();
        let first = match (known.get(&key(worker)), before) {
            (Some(first), _) => first,
            (None, Some(_)) => &none,
            (None, None) => worker,
        };
        let rate = |after: u64, before: u64| after.saturating_sub(before) as f64 / seconds;
        let times = difference(&worker.wall, &first.wall);
        Row {
            account: worker.account.clone(),
            script: worker.script.clone(),
            requests: rate(worker.requests, first.requests),
            errors: rate(worker.errors, first.errors),
            p50: percentile(&times, 0.5),
            p99: percentile(&times, 0.99),
            cpu: rate(worker.cpu.sum_us, first.cpu.sum_us) / 1e6,
            memory: worker.memory_bytes_now,
            isolates: worker.isolates_now,
        }
    };
    after.workers.iter().map(row).collect()
}

fn difference(after: &Histogram, before: &Histogram) -> Vec<(u64, u64)> {
    let before: BTreeMap<_, _> = before.buckets.iter().copied().collect();
    let count = |(bound, count): &(u64, u64)| {
        let earlier = before.get(bound).copied().unwrap_or(0);
        (*bound, count.saturating_sub(earlier))
    };
    after.buckets.iter().map(count).filter(|(_, count)| *count > 0).collect()
}

/// The bound in milliseconds below which that share of the times lies.
fn percentile(buckets: &[(u64, u64)], share: f64) -> Option<f64> {
    let total: u64 = buckets.iter().map(|(_, count)| count).sum();
    let wanted = (total as f64 * share).ceil().max(1.0);
    let mut seen = 0;
    let found = buckets.iter().find(|(_, count)| {
        seen += count;
        seen as f64 >= wanted
    });
    found.map(|(bound, _)| *bound as f64 / 1000.0)
}

/// How long a server runs, in the two largest units.
pub(super) fn uptime(started: u64, now: u64) -> String {
    let seconds = now.saturating_sub(started);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m{}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h{minutes}m"),
        (days, hours, _) => format!("{days}d{hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(requests: u64, fast: u64, slow: u64) -> Snapshot {
        let wall = Histogram { sum_us: 0, buckets: vec![(1000, fast), (8000, slow)] };
        let cpu = Histogram { sum_us: requests * 1000, buckets: Vec::new() };
        let script = "w".to_owned();
        Snapshot {
            started: 1,
            workers: vec![Worker { script, requests, wall, cpu, ..Worker::default() }],
        }
    }

    #[test]
    fn rates_are_of_the_time_between() {
        let (before, after) = (snapshot(100, 100, 0), snapshot(300, 299, 1));
        let row = &rows(Some(&before), &after, Duration::from_secs(2))[0];
        assert_eq!((row.requests, row.cpu), (100.0, 0.1));
        assert_eq!((row.p50, row.p99), (Some(1.0), Some(1.0)));
        let slower =
            &rows(Some(&snapshot(0, 0, 0)), &snapshot(10, 9, 1), Duration::from_secs(1))[0];
        assert_eq!(slower.p99, Some(8.0));
    }

    #[test]
    fn the_first_look_and_one_at_a_new_server_have_no_rates() {
        let after = snapshot(300, 300, 0);
        let first = &rows(None, &after, Duration::from_secs(1))[0];
        assert_eq!((first.requests, first.p50), (0.0, None));
        let other = Snapshot { started: 0, ..snapshot(1000, 1000, 0) };
        assert_eq!(rows(Some(&other), &after, Duration::from_secs(1))[0].requests, 0.0);
    }

    #[test]
    fn uptimes_are_short() {
        assert_eq!(uptime(0, 59), "59s");
        assert_eq!(uptime(0, 61), "1m1s");
        assert_eq!(uptime(0, 90_000), "1d1h");
        assert_eq!(uptime(10, 0), "0s");
    }
}
