//! The HTTP cache, whole: `caches` as a Worker sees it, the rules of RFC 9111,
//! and the store that keeps responses in memory and on disk.
//!
//! One [`Cache`] serves a process. Each account has a part of its own, which
//! its name keeps apart ([`Key`]). Nothing in it is needed: its folder may be
//! deleted at any time.

pub mod binding;
pub mod entry;
pub mod front;
pub mod purge;
pub mod rules;
pub mod store;

pub mod range;

mod ops;

use deno_core::Extension;

pub use binding::CacheBinding;
pub use entry::{Entry, Key};
pub use store::{Cache, CacheLimits, Error};

deno_core::extension!(
    selvedge_cache,
    deps = [selvedge],
    ops = [
        ops::op_cache_body,
        ops::op_cache_delete,
        ops::op_cache_head,
        ops::op_cache_match,
        ops::op_cache_match_later,
        ops::op_cache_purge,
        ops::op_cache_put,
    ],
    lazy_loaded_js = [dir "src", "cache.js"],
);

/// The ops of `caches` and its script, which loads when a Worker touches it.
pub fn extension() -> Extension {
    selvedge_cache::init()
}
