//! From the head of a request to the version of a Worker that it is for.

use std::sync::Arc;

use deno_http_h1::CoreRequest;
use selvedge_deployments::VersionId;

use super::core::Core;
use super::deployed::Deployed;
use super::slot::Slot;
use super::table::{Ask, Found, Table, normal_host};

/// The routing table of this server.
pub(crate) type Routes = Table<Deployed>;

/// Where a request goes.
pub(crate) enum Destination {
    Slot {
        slot: Arc<Slot>,
        worker: Arc<Deployed>,
        /// Whether all requests to this host go there, as long as the table stays.
        is_all: bool,
    },
    /// To a version of which only the first digits of its id are known.
    Preview {
        worker: Arc<Deployed>,
        digits: String,
    },
    Nobody,
}

/// What of a request decides where it goes.
pub(crate) struct Asking<'a> {
    pub(crate) authority: &'a [u8],
    pub(crate) target: &'a [u8],
    pub(crate) is_secure: bool,
}

impl<'a> Asking<'a> {
    /// Reads the head of a request. A target with a host of its own goes before
    /// the header (RFC 9112, 3.2.2).
    pub(crate) fn of(request: &CoreRequest<'a>, is_secure: bool) -> Self {
        let target = request.target;
        for scheme in [&b"http://"[..], b"https://"] {
            if let Some(rest) = target.strip_prefix(scheme) {
                let end = memchr::memchr2(b'/', b'?', rest).unwrap_or(rest.len());
                let (authority, target) = rest.split_at(end);
                let target = if target.is_empty() { b"/" } else { target };
                return Self { authority, target, is_secure };
            }
        }
        Self { authority: header(request, b"host").unwrap_or_default(), target, is_secure }
    }
}

/// The first header of this lower-case name.
pub(crate) fn header<'a>(request: &CoreRequest<'a>, name: &[u8]) -> Option<&'a [u8]> {
    let mut headers = request.headers.iter();
    headers.find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

/// Finds the destination of a request. `chosen` is its version, if that was drawn
/// before; `header` gives its headers.
pub(crate) fn destination<'h>(
    core: &Core,
    routes: &Routes,
    asking: &Asking<'_>,
    chosen: Option<VersionId>,
    header: impl Fn(&[u8]) -> Option<&'h [u8]>,
) -> Destination {
    let Some(host) = normal_host(asking.authority) else { return Destination::Nobody };
    let target = String::from_utf8_lossy(asking.target);
    let ask = Ask { host: &host, target: &target, is_secure: asking.is_secure };
    match routes.find(&ask) {
        None => Destination::Nobody,
        Some(Found::Worker { worker, whole_host }) => {
            let chosen = chosen.filter(|version| worker.shares.has(*version));
            let pick = || worker.shares.pick(&worker.live.key.name, header);
            let picked = chosen.or_else(pick);
            match picked.and_then(|version| worker.slot(version)) {
                Some(slot) => Destination::Slot {
                    slot: slot.clone(),
                    worker: worker.clone(),
                    is_all: whole_host && worker.shares.only().is_some(),
                },
                None => Destination::Nobody,
            }
        }
        Some(Found::Preview { worker, version }) => match core.preview(worker, version) {
            Some(slot) => Destination::Slot { slot, worker: worker.clone(), is_all: true },
            None => Destination::Preview { worker: worker.clone(), digits: version.to_owned() },
        },
    }
}

/// Whether a version's id begins with these digits.
pub(crate) fn begins_with(version: VersionId, digits: &str) -> bool {
    version.short() == digits
}
