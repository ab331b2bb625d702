//! Servers in this process, and what talks to them.

mod certificate;
mod client;
mod logs;
mod npm;
mod origin;
#[cfg(unix)]
mod postgres;
mod program;
mod setup;
mod smtp;
mod turn;
mod workerd;

use std::time::{Duration, Instant};

pub(crate) use certificate::Certificate;
pub(crate) use client::{Client, Response};
pub(crate) use logs::Logs;
pub(crate) use npm::{copy_tree, npm_install};
pub(crate) use origin::{Body, Origin, full};
#[cfg(unix)]
pub(crate) use postgres::{PASSWORD, Postgres};
pub(crate) use program::{Ended, Program, checkout, selvedge};
pub(crate) use setup::{Setup, TestServer};
pub(crate) use smtp::{Smtp, Wants, tls as smtp_tls};
pub(crate) use turn::alone;
pub(crate) use workerd::Workerd;

/// Long enough for a machine under load; only a hang takes so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `done` gives something.
pub(crate) fn eventually<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(Instant::now() < end, "it never happened: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Runs async test code, with a limit that only a hang reaches.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("an event loop can be made");
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, work).await.expect("the test does not hang")
    })
}

/// Resident memory of a process, in bytes.
#[cfg(target_os = "linux")]
pub(crate) fn rss(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it has memory");
    let kib: usize =
        line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number");
    kib * 1024
}
