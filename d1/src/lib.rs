//! D1, whole: the binding that a Worker sees, Cloudflare's rules, and the store
//! that keeps the data.

pub mod binding;
pub mod config;
pub mod json;
pub mod rules;
pub mod store;

mod ops;

use deno_core::Extension;

pub use binding::D1Database;
pub use selvedge_storage::Error;

deno_core::extension!(
    selvedge_d1,
    deps = [selvedge],
    ops = [
        ops::op_d1_batch,
        ops::op_d1_batch_later,
        ops::op_d1_bookmark,
        ops::op_d1_dump,
        ops::op_d1_query,
        ops::op_d1_query_later,
    ],
    lazy_loaded_js = [dir "src", "d1_database.js"],
);

/// The binding's ops and its script, which loads in isolates that have a
/// database.
pub fn extension() -> Extension {
    selvedge_d1::init()
}
