//! A Worker beside a hostile one, and how long its answers take.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::harness::{Client, Setup, TestServer};

/// Requests that a measurement takes at least.
const SAMPLES: usize = 300;
/// Below this a difference says nothing on a machine with few cores, where the
/// kernel's time slices alone are some milliseconds.
const FLOOR: Duration = Duration::from_millis(25);

/// A well-behaved Worker.
pub(super) struct Neighbour(TestServer);

impl Neighbour {
    pub(super) fn start() -> Self {
        Self(
            Setup::new(
                r#"export default {
                  async fetch(request) {
                    const body = { path: new URL(request.url).pathname, list: [1, 2, 3] };
                    return Response.json(await Promise.resolve(body));
                  },
                };"#,
            )
            .start(),
        )
    }

    /// The 99th percentile while nothing else runs.
    pub(super) fn quiet(&self) -> Duration {
        let never = AtomicBool::new(true);
        sample(self.0.address, &never);
        sample(self.0.address, &never)
    }

    /// The 99th percentile while `attack` runs.
    pub(super) fn during<T>(&self, attack: impl FnOnce() -> T) -> (T, Duration) {
        let over = Arc::new(AtomicBool::new(false));
        let address = self.0.address;
        let end = over.clone();
        let measured = std::thread::spawn(move || sample(address, &end));
        let result = attack();
        over.store(true, Ordering::SeqCst);
        (result, measured.join().expect("the neighbour answers"))
    }
}

/// Asserts that an attack did not slow the neighbour down.
#[track_caller]
pub(super) fn assert_unharmed(name: &str, before: Duration, during: Duration) {
    let allowed = (before * 2).max(FLOOR);
    assert!(during <= allowed, "{name}: the neighbour's p99 went from {before:?} to {during:?}");
}

fn sample(address: SocketAddr, over: &AtomicBool) -> Duration {
    let mut client = Client::connect(address);
    let mut times = Vec::new();
    while times.len() < SAMPLES || !over.load(Ordering::SeqCst) {
        let begin = Instant::now();
        assert_eq!(client.get("/").status, 200);
        times.push(begin.elapsed());
        // A busy loop of the client's own would be the worst neighbour.
        std::thread::sleep(Duration::from_micros(500));
    }
    times.sort();
    times[times.len() * 99 / 100]
}
