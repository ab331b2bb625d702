//! Hostile Workers: each is stopped, answers again, and does not slow a
//! neighbour down.

mod crypto;
mod hostile;
mod memory;
mod neighbour;
mod replaced;

use std::time::Duration;

use crate::harness::Setup;

/// A Worker with 100 ms of CPU time and 64 MiB for each request.
fn limited(source: &str) -> Setup {
    Setup::new(source).limits(|limits| {
        limits.cpu = Duration::from_millis(100);
        limits.memory_bytes = 64 * 1024 * 1024;
    })
}
