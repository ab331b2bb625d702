//! `selvedge do evict`: objects leave the memory of the server that has them.

use anyhow::bail;
use selvedge_server::control::protocol::{Evictions, Request};

use super::target::{namespace, object_in};
use crate::kv::{Place, say};

/// Has the server end an object's time in memory, or that of all of a namespace.
pub(super) async fn run(
    name: &str,
    object: Option<&str>,
    force: bool,
    place: &Place,
) -> anyhow::Result<()> {
    let open = namespace(name, place, "evict").await?;
    if !open.api.is_server() {
        bail!("nothing to evict: no process has the data folder, so no object lives");
    }
    let id = object.map(|object| object_in(&open.info, object)).transpose()?;
    let request = Request::Evict {
        namespace: open.info.id.clone(),
        object: id.map(|object| object.id),
        force,
    };
    let Evictions { ended, busy } = open.api.ask(request).await?;
    let count = |count: u32| match count {
        1 => "1 object".to_owned(),
        count => format!("{count} objects"),
    };
    if busy > 0 {
        bail!(
            "{} left memory; {} did not, for something goes on in it\nhint: --force resets what is \
             busy, and callers are told",
            count(ended),
            count(busy)
        );
    }
    say(&format!("{} left memory.", count(ended)));
    Ok(())
}
