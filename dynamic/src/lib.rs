//! Workers that somebody else's code decides on at run time: a Worker Loader makes
//! them of code, a dispatch namespace finds them by name. Both give stubs whose calls
//! have terms: limits, and a way out.

mod code;
pub mod config;
mod dispatch;
mod env;
mod loader;
mod ops;

use deno_core::Extension;

pub use dispatch::{DispatchNamespace, OutboundWorker};
pub use loader::{LoadError, Loaded, Loads, Running, WorkerLoader};

deno_core::extension!(
    selvedge_dynamic,
    deps = [selvedge],
    ops = [
        dispatch::op_dispatch_target,
        env::op_loaded_value,
        ops::op_loader_begin,
        ops::op_loader_fail,
        ops::op_loader_find,
        ops::op_loader_module,
        ops::op_loader_ready,
        ops::op_loader_target,
        ops::op_loader_value,
    ],
    lazy_loaded_js = [
        dir "src",
        "dispatch_namespace.js",
        "limits.js",
        "loaded_env.js",
        "loaded_stub.js",
        "worker_code.js",
        "worker_loader.js",
    ],
);

/// The ops of the bindings and their scripts, which load in isolates that have one.
pub fn extension() -> Extension {
    selvedge_dynamic::init()
}
