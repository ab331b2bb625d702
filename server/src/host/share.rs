//! Which version of a Worker a request goes to, where several have shares
//! (<https://developers.cloudflare.com/workers/configuration/versions-and-deployments/gradual-deployments/>).

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

use selvedge_deployments::{Share, VersionId};

/// All requests, in hundredths of a percent.
const ALL: u32 = 10_000;

/// Header: requests with the same value go to the same version while shares stay
/// as they are.
pub(crate) const KEY: &[u8] = b"cloudflare-workers-version-key";
/// Header: a dictionary (RFC 8941) from names of Workers to ids of versions.
pub(crate) const OVERRIDES: &[u8] = b"cloudflare-workers-version-overrides";

/// The shares of a deployment, by the version's id: with two versions, those
/// whose share grows lose nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shares(Vec<(VersionId, u32)>);

impl Shares {
    /// Those of a deployment. Versions without a share can be asked for by name.
    pub(crate) fn new(shares: &[Share]) -> Self {
        let mut sorted: Vec<_> = shares
            .iter()
            .map(|share| (share.version, u32::from(share.percentage.hundredths())))
            .collect();
        sorted.sort_unstable_by_key(|(version, _)| *version);
        Self(sorted)
    }

    /// The version of all requests, if it is only one.
    pub(crate) fn only(&self) -> Option<VersionId> {
        match &*self.0 {
            [(version, _)] => Some(*version),
            _ => None,
        }
    }

    /// Whether the version belongs to the deployment.
    pub(crate) fn has(&self, version: VersionId) -> bool {
        self.0.iter().any(|(other, _)| *other == version)
    }

    /// The version at a place between 0 and [`ALL`].
    fn at(&self, place: u32) -> Option<VersionId> {
        let mut end = 0;
        let found = self.0.iter().find(|(_, share)| {
            end += share;
            place < end
        });
        found.or(self.0.iter().rfind(|(_, share)| *share > 0)).map(|(version, _)| *version)
    }

    /// The version for a request to the Worker `name`; `header` gives the
    /// request's headers by lower-case name.
    pub(crate) fn pick<'a>(
        &self,
        name: &str,
        header: impl Fn(&[u8]) -> Option<&'a [u8]>,
    ) -> Option<VersionId> {
        let wanted = header(OVERRIDES).and_then(|value| overridden(value, name));
        if let Some(version) = wanted.filter(|version| self.has(*version)) {
            return Some(version);
        }
        if let Some(only) = self.only() {
            return Some(only);
        }
        match header(KEY).filter(|key| !key.is_empty()) {
            Some(key) => self.at(place_of(name, key)),
            None => self.at(random_place()),
        }
    }

    /// The same for a request without headers.
    pub(crate) fn any(&self) -> Option<VersionId> {
        self.only().or_else(|| self.at(random_place()))
    }
}

/// The place of a key: the same in every process.
fn place_of(name: &str, key: &[u8]) -> u32 {
    // FNV-1a; its low bits alone are not even enough.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in name.bytes().chain([0]).chain(key.iter().copied()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    (hash % u64::from(ALL)) as u32
}

fn random_place() -> u32 {
    thread_local! {
        static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0) | 1);
    }
    STATE.with(|state| {
        // xorshift64*: fast, and even enough for shares.
        let mut x = state.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        state.set(x);
        ((x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % u64::from(ALL)) as u32
    })
}

/// The version that the header names for a Worker.
fn overridden(value: &[u8], name: &str) -> Option<VersionId> {
    let text = std::str::from_utf8(value).ok()?;
    text.split(',').find_map(|member| {
        let (key, value) = member.split_once('=')?;
        let value = value.split(';').next()?.trim().trim_matches('"');
        (key.trim() == name).then(|| value.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use selvedge_deployments::Percentage;

    fn version(digit: u8) -> VersionId {
        let digit = format!("{digit:x}");
        format!("{}-0000-4000-8000-000000000000", digit.repeat(8)).parse().expect("an id")
    }

    fn shares(of: &[(u8, f64)]) -> Shares {
        let share = |(digit, percent): &(u8, f64)| Share {
            version: version(*digit),
            percentage: Percentage::of(*percent).expect("a percentage"),
        };
        Shares::new(&of.iter().map(share).collect::<Vec<_>>())
    }

    fn count(shares: &Shares, of: u8, keys: impl Iterator<Item = String>) -> usize {
        keys.filter(|key| {
            let header = |name: &[u8]| (name == KEY).then_some(key.as_bytes());
            shares.pick("w", header) == Some(version(of))
        })
        .count()
    }

    #[test]
    fn keys_spread_by_the_percentages() {
        let shares = shares(&[(1, 90.0), (2, 9.5), (3, 0.5)]);
        let keys = || (0..100_000).map(|n| format!("user-{n}"));
        let near = |count: usize, wanted: f64| (count as f64 - wanted).abs() < wanted.sqrt() * 6.0;
        assert!(near(count(&shares, 1, keys()), 90_000.0));
        assert!(near(count(&shares, 2, keys()), 9_500.0));
        assert!(near(count(&shares, 3, keys()), 500.0));
    }

    #[test]
    fn without_a_key_requests_spread_by_the_percentages() {
        let shares = shares(&[(1, 75.0), (2, 25.0)]);
        let first = (0..100_000).filter(|_| shares.any() == Some(version(1))).count();
        assert!((74_000..76_000).contains(&first), "{first}");
    }

    #[test]
    fn who_got_a_version_keeps_it_while_its_share_grows() {
        let (before, after) = (shares(&[(1, 90.0), (2, 10.0)]), shares(&[(1, 40.0), (2, 60.0)]));
        for n in 0..1000 {
            let key = n.to_string();
            let header = |name: &[u8]| (name == KEY).then_some(key.as_bytes());
            if before.pick("w", header) == Some(version(2)) {
                assert_eq!(after.pick("w", header), Some(version(2)), "{n}");
            }
        }
    }

    #[test]
    fn a_version_of_the_deployment_can_be_asked_for() {
        let shares = shares(&[(1, 100.0), (2, 0.0)]);
        let pick = |value: &str| {
            let header = |name: &[u8]| (name == OVERRIDES).then_some(value.as_bytes());
            shares.pick("w", header)
        };
        assert_eq!(pick(&format!("v=\"{}\", w=\"{}\"", version(1), version(2))), Some(version(2)));
        assert_eq!(pick(&format!("w=\"{}\"", version(7))), Some(version(1)), "not deployed");
        assert_eq!(pick(&format!("v=\"{}\"", version(2))), Some(version(1)), "another's");
        assert_eq!(pick("nonsense"), Some(version(1)));
        assert!((0..1000).all(|_| shares.any() == Some(version(1))));
    }
}
