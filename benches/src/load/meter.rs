//! What a load counts: a warm-up, then a window, with the CPU time that the server, the
//! load and everybody else used during the window.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use mio::{Events, Poll};

use super::histogram::Histogram;
use crate::proc::CpuTimes;
use crate::results::Sample;

/// How the load waits for answers.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Waiting {
    /// It asks again and again: with a core of its own. A server's every write to a
    /// sleeping client would have to wake it, which costs the server a tenth of its rate
    /// in a virtual machine, the more the faster the client is.
    Spin,
    /// It sleeps: where server and load share their cores.
    Sleep,
}

pub(crate) struct Meter {
    starts: Instant,
    ends: Instant,
    /// The last time that anything was counted, to notice a server that hangs.
    progress: Instant,
    server_pid: u32,
    waiting: Waiting,
    idle: Duration,
    before: Option<CpuTimes>,
    latencies: Histogram,
    completed: u64,
    bytes: u64,
}

/// How long a server may answer nothing at all before the run fails.
const STALL: Duration = Duration::from_secs(10);

impl Meter {
    pub(crate) fn new(
        warm_up: Duration,
        window: Duration,
        server_pid: u32,
        waiting: Waiting,
    ) -> Self {
        let now = Instant::now();
        Self {
            starts: now + warm_up,
            ends: now + warm_up + window,
            progress: now,
            server_pid,
            waiting,
            idle: Duration::ZERO,
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

    /// A message that somebody else sent arrived at `now`.
    pub(crate) fn arrived(&mut self, now: Instant) {
        self.progress = now;
        if self.before.is_some() {
            self.completed += 1;
        }
    }

    /// `count` bytes of whatever kind arrived at `now`.
    pub(crate) fn received(&mut self, count: usize, now: Instant) {
        self.progress = now;
        if self.before.is_some() {
            self.bytes += count as u64;
        }
    }

    /// Fills `events`, perhaps with none; false when the window is over.
    pub(crate) fn poll(&mut self, poll: &mut Poll, events: &mut Events) -> Result<bool> {
        let now = Instant::now();
        if self.is_over(now)? {
            return Ok(false);
        }
        let timeout = match self.waiting {
            Waiting::Spin => Duration::ZERO,
            Waiting::Sleep => Duration::from_millis(100),
        };
        poll.poll(events, Some(timeout))?;
        if self.before.is_some() && (events.is_empty() || self.waiting == Waiting::Sleep) {
            self.idle += now.elapsed();
        }
        Ok(true)
    }

    fn is_over(&mut self, now: Instant) -> Result<bool> {
        if self.before.is_none() && now >= self.starts {
            self.before = Some(CpuTimes::read(self.server_pid)?);
            self.starts = now;
        }
        ensure!(
            now < self.progress + STALL,
            "the server answered nothing for {} s",
            STALL.as_secs()
        );
        Ok(now >= self.ends)
    }

    pub(crate) fn finish(self) -> Result<Sample> {
        let before = self.before.expect("poll was called until it said false");
        let cpu = CpuTimes::read(self.server_pid)?.since(&before);
        let elapsed = self.starts.elapsed();
        let seconds = elapsed.as_secs_f64();
        Ok(Sample {
            per_second: self.completed as f64 / seconds,
            bytes_per_second: self.bytes as f64 / seconds,
            p50_us: self.latencies.quantile(0.5) as f64 / 1e3,
            p99_us: self.latencies.quantile(0.99) as f64 / 1e3,
            server_cpu: cpu.server / seconds,
            load_busy: 1.0 - self.idle.div_duration_f64(elapsed),
            other_cpu: cpu.others() / seconds,
            hop_ns: [0.0; 2],
        })
    }
}
