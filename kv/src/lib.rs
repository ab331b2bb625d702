//! KV, whole: the binding that a Worker sees, Cloudflare's rules, and the
//! stores that keep the data.

pub mod binding;
pub mod config;
pub mod namespace;
pub mod store;

mod ops;

use deno_core::Extension;

pub use binding::KvNamespace;
pub use selvedge_storage::Error;

deno_core::extension!(
    selvedge_kv,
    deps = [selvedge],
    ops = [
        ops::delete::op_kv_delete,
        ops::delete::op_kv_delete_bulk,
        ops::delete::op_kv_delete_bulk_on,
        ops::get::op_kv_get,
        ops::get::op_kv_get_bulk,
        ops::get::op_kv_get_later,
        ops::large::op_kv_large_bytes,
        ops::large::op_kv_large_free,
        ops::large::op_kv_large_length,
        ops::large::op_kv_large_string,
        ops::large::op_kv_large_text,
        ops::large::op_kv_large_wide,
        ops::list::op_kv_list,
        ops::list::op_kv_list_later,
        ops::put::op_kv_put_body,
        ops::put::op_kv_put_bytes,
        ops::put::op_kv_put_open,
        ops::put::op_kv_put_text,
    ],
    lazy_loaded_js = [dir "src", "kv_namespace.js"],
);

/// The binding's ops and its script, which loads in isolates that have a
/// namespace.
pub fn extension() -> Extension {
    selvedge_kv::init()
}
