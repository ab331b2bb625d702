//! Versions that are asked for by a host of their own, deployed or not.

use std::sync::Arc;

use super::core::Core;
use super::deployed::Deployed;
use super::route;
use super::slot::Slot;

/// The slot of the version whose id begins with these digits, if there is one.
pub(super) async fn find(
    core: &Arc<Core>,
    worker: &Arc<Deployed>,
    digits: &str,
) -> Option<Arc<Slot>> {
    if let Some(slot) = core.preview(worker, digits) {
        return Some(slot);
    }
    let (store, key) = (core.store.clone(), worker.live.key.clone());
    let versions = core.control.spawn_blocking(move || store.versions(&key)).await;
    let versions = match versions {
        Ok(Ok(versions)) => versions,
        Ok(Err(error)) => {
            tracing::error!(%error, worker = %worker.name, "versions cannot be read");
            return None;
        }
        Err(_) => return None,
    };
    let found = versions.iter().find(|version| route::begins_with(version.id, digits))?;
    Some(core.add_preview(worker, found.id))
}
