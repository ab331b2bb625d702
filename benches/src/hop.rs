//! How far apart the two cores are: the time that one cache line takes to go from one to
//! the other and back.
//!
//! In a virtual machine this changes under a running bench: the host moves the virtual
//! cores between physical ones that share a cache and such that do not. Work on one core
//! keeps its speed, but a server that talks to a load on the other core becomes a fifth
//! slower within the same second, whichever peer it is. So the hop is taken around every
//! measurement, and peers are compared only where they saw equal hops.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::Result;

use crate::pin::{Core, Pins};
use crate::results::median;

const BATCHES: u32 = 50;
const ROUND_TRIPS: u32 = 200;

/// Nanoseconds of one round trip between the two cores; 0 when nothing is pinned.
pub(crate) fn nanoseconds(pins: Pins) -> Result<f64> {
    if !pins.are_set() {
        return Ok(0.0);
    }
    let line = AtomicU32::new(0);
    thread::scope(|scope| {
        let other = scope.spawn(|| -> Result<()> {
            let pinned = pins.pin_thread(Core::Server);
            // Odd is for this side. It takes part even unpinned: the other side waits.
            for turn in 0..BATCHES * ROUND_TRIPS {
                while line.load(Ordering::Acquire) != 2 * turn + 1 {
                    spin_loop();
                }
                line.store(2 * turn + 2, Ordering::Release);
            }
            pinned
        });
        pins.pin_thread(Core::Load)?;
        let mut batches = Vec::new();
        for batch in 0..BATCHES {
            let before = Instant::now();
            for trip in 0..ROUND_TRIPS {
                let turn = batch * ROUND_TRIPS + trip;
                line.store(2 * turn + 1, Ordering::Release);
                while line.load(Ordering::Acquire) != 2 * turn + 2 {
                    spin_loop();
                }
            }
            batches.push(before.elapsed().as_nanos() as f64 / f64::from(ROUND_TRIPS));
        }
        other.join().expect("the other side does not panic")?;
        // The median of the batches: some were interrupted.
        Ok(median(&batches))
    })
}
