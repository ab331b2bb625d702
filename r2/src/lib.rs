//! R2, whole: the binding that a Worker sees, Cloudflare's rules, and the files
//! of the buckets.

pub mod binding;
pub mod conditions;
pub mod config;
pub mod error;
pub mod object;
pub mod rules;
pub mod store;

mod ops;

use deno_core::Extension;

pub use binding::R2Bucket;
pub use error::Error;

deno_core::extension!(
    selvedge_r2,
    deps = [selvedge],
    ops = [
        ops::op_r2_delete,
        ops::op_r2_get,
        ops::op_r2_head,
        ops::op_r2_list,
        ops::uploads::op_r2_upload_abort,
        ops::uploads::op_r2_upload_complete,
        ops::uploads::op_r2_upload_create,
        ops::put::op_r2_write_body,
        ops::put::op_r2_write_bytes,
        ops::put::op_r2_write_text,
        ops::put::op_r2_put_open,
        ops::put::op_r2_part_open,
    ],
    lazy_loaded_js = [dir "src", "options.js", "r2_bucket.js"],
);

/// The binding's ops and its script, which loads in isolates that have a bucket.
pub fn extension() -> Extension {
    selvedge_r2::init()
}
