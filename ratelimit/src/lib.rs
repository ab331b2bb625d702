//! Rate limiting, whole: the binding that a Worker sees, and the counters.

pub mod binding;
pub mod config;
pub mod counter;

use deno_core::Extension;

pub use binding::RateLimit;
pub use counter::Counter;

deno_core::extension!(
    selvedge_ratelimit,
    deps = [selvedge],
    ops = [binding::op_ratelimit_limit],
    lazy_loaded_js = [dir "src", "ratelimit.js"],
);

/// The binding's op and its script, which loads in isolates that have a limit.
pub fn extension() -> Extension {
    selvedge_ratelimit::init()
}
