//! What a load counts: a warm-up, then a window, with the CPU time that the server, the
//! load and everybody else used during the window.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::histogram::Histogram;
use crate::proc::CpuTimes;
use crate::results::Sample;

pub(crate) struct Meter {
    starts: Instant,
    ends: Instant,
    /// The last time that anything was counted, to notice a server that hangs.
    progress: Instant,
    server_pid: u32,
    before: Option<CpuTimes>,
    latencies: Histogram,
    completed: u64,
    bytes: u64,
}

/// How long a server may answer nothing at all before the run fails.
const STALL: Duration = Duration::from_secs(10);

impl Meter {
    pub(crate) fn new(warm_up: Duration, window: Duration, server_pid: u32) -> Self {
        let now = Instant::now();
        Self {
            starts: now + warm_up,
            ends: now + warm_up + window,
            progress: now,
            server_pid,
            before: None,
            latencies: Histogram::new(),
            completed: 0,
            bytes: 0,
        }
    }

    /// One request (or message) sent at `sent` was answered at `now`.
    pub(crate) fn completed(&mut self, sent: Instant, now: Instant) {
        self.progress = now;
        if self.before.is_some() {
            self.completed += 1;
            self.latencies.record((now - sent).as_nanos() as u64);
        }
    }

    /// `count` bytes of whatever kind arrived at `now`.
    pub(crate) fn received(&mut self, count: usize, now: Instant) {
        self.progress = now;
        if self.before.is_some() {
            self.bytes += count as u64;
        }
    }

    /// To be called often; true when the window is over.
    pub(crate) fn is_over(&mut self, now: Instant) -> Result<bool> {
        if self.before.is_none() && now >= self.starts {
            self.before = Some(CpuTimes::read(self.server_pid)?);
            self.starts = now;
        }
        anyhow::ensure!(
            now < self.progress + STALL,
            "the server answered nothing for {} s",
            STALL.as_secs()
        );
        Ok(now >= self.ends)
    }

    pub(crate) fn finish(self) -> Result<Sample> {
        let before = self.before.expect("is_over was called until it said so");
        let cpu = CpuTimes::read(self.server_pid)?.since(&before);
        let seconds = self.starts.elapsed().as_secs_f64();
        Ok(Sample {
            per_second: self.completed as f64 / seconds,
            bytes_per_second: self.bytes as f64 / seconds,
            p50_us: self.latencies.quantile(0.5) as f64 / 1e3,
            p99_us: self.latencies.quantile(0.99) as f64 / 1e3,
            server_cpu: cpu.server / seconds,
            load_cpu: cpu.load / seconds,
            other_cpu: cpu.others() / seconds,
        })
    }
}
