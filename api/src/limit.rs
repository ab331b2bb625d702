//! How often an address may come with tokens that are none.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use selvedge_deployments::UnixMillis;

/// Failures of an address within the window: 20.
const MAX_FAILURES: u32 = 20;
/// The window: a minute.
const WINDOW_MS: UnixMillis = 60_000;
/// Addresses that are remembered; beyond that, those whose window is over go.
const MAX_ADDRESSES: usize = 10_000;

/// The failures of each address. A token that is valid is always taken, for
/// others may share the address.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<HashMap<IpAddr, Window>>);

#[derive(Debug)]
struct Window {
    began: UnixMillis,
    count: u32,
}

impl Failures {
    /// Notes one. Gives the seconds to wait when there were too many.
    pub(crate) fn note(&self, address: IpAddr, now: UnixMillis) -> Option<u32> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_ADDRESSES {
            all.retain(|_, window| now - window.began < WINDOW_MS);
            if all.len() >= MAX_ADDRESSES {
                all.clear();
            }
        }
        let window = all.entry(address).or_insert(Window { began: now, count: 0 });
        if now - window.began >= WINDOW_MS {
            *window = Window { began: now, count: 0 };
        }
        window.count = window.count.saturating_add(1);
        let left = (window.began + WINDOW_MS - now).div_euclid(1000).max(1);
        (window.count > MAX_FAILURES).then(|| u32::try_from(left).unwrap_or(60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_failures_have_to_wait_for_the_next_window() {
        let failures = Failures::default();
        let (one, two) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        for _ in 0..MAX_FAILURES {
            assert_eq!(failures.note(one, 1000), None);
        }
        assert_eq!(failures.note(one, 11_000), Some(50));
        assert_eq!(failures.note(two, 11_000), None);
        assert_eq!(failures.note(one, 61_000), None);
    }
}
