//! Hyperdrive, whole: the binding that a Worker sees, and pools of connections to
//! PostgreSQL. A client speaks to us as it would to the database; each of its
//! transactions gets a connection to the origin for as long as it lasts.

pub mod binding;
pub mod config;
pub mod origin;

mod pool;
mod server;
mod session;
mod wire;

use deno_core::Extension;

pub use binding::{Hyperdrive, OriginSource};
pub use origin::{Origin, SslMode};
pub use pool::{Dialer, Io, Later, Pools, Verify};

deno_core::extension!(
    selvedge_hyperdrive,
    deps = [selvedge],
    ops = [binding::op_hyperdrive_describe],
    lazy_loaded_js = [dir "src", "hyperdrive.js"],
);

/// The binding's op and its script, which loads in isolates that have one.
pub fn extension() -> Extension {
    selvedge_hyperdrive::init()
}
