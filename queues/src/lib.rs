//! Queues, whole: the binding that a Worker sees, Cloudflare's rules, the store
//! that keeps the messages, and what delivers them to consumers.

pub mod binding;
pub mod config;
pub mod consumer;
pub mod rules;
pub mod store;

mod ops;

use deno_core::Extension;

pub use binding::Producer;
pub use selvedge_storage::Error;

deno_core::extension!(
    selvedge_queues,
    deps = [selvedge],
    ops = [ops::op_queue_default_type, ops::op_queue_metrics, ops::op_queue_send],
    lazy_loaded_js = [dir "src", "queue.js"],
);

/// The binding's ops and its script, which loads in isolates that send to a queue.
pub fn extension() -> Extension {
    selvedge_queues::init()
}
