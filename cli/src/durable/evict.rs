//! `selvedge do evict`: what lives in a server only that server can end, and it
//! takes no such orders yet.

use anyhow::bail;

use super::target::namespace;
use crate::kv::Place;

/// Says why nothing is evicted.
pub(super) fn run(name: &str, place: &Place) -> anyhow::Result<()> {
    // While a server has the folder, this says which one, and fails.
    namespace(name, place, "evict").map_err(|error| {
        error.context("objects that live in another process cannot be evicted from here")
    })?;
    bail!("nothing to evict: no process has the data folder, so no object lives")
}
