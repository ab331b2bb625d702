//! The one list of extensions: the platform, then each binding. The build script
//! makes the snapshot of it, and isolates start with the same.

/// All extensions in their one order, with sources.
pub(crate) fn extensions_with_sources() -> Vec<deno_core::Extension> {
    let mut all = selvedge_js::extensions_with_sources();
    all.push(selvedge_kv::extension());
    all.push(selvedge_durable::extension());
    all.push(selvedge_cache::extension());
    all.push(selvedge_d1::extension());
    all.push(selvedge_queues::extension());
    all.push(selvedge_r2::extension());
    all.push(selvedge_node::extension());
    all.push(selvedge_ratelimit::extension());
    all.push(selvedge_analytics::extension());
    all.push(selvedge_secrets::extension());
    all.push(selvedge_hyperdrive::extension());
    all.push(selvedge_workflows::extension());
    all.push(selvedge_dynamic::extension());
    all.push(selvedge_email::extension());
    all
}
