//! Durable Objects, whole: the binding that a Worker sees, Cloudflare's rules,
//! and the storage of the objects.

pub mod binding;
pub mod catalog;
pub mod clone;
pub mod config;
pub mod error;
pub mod id;
pub mod store;

mod ops;
mod sockets;

use deno_core::Extension;

pub use binding::DurableNamespace;
pub use error::Error;
pub use id::ObjectId;

deno_core::extension!(
    selvedge_durable,
    deps = [selvedge],
    ops = [
        ops::context::op_do_call,
        ops::context::op_do_event,
        ops::context::op_do_open,
        ops::namespace::op_do_class,
        ops::namespace::op_do_id_check,
        ops::namespace::op_do_id_named,
        ops::namespace::op_do_id_unique,
        ops::namespace::op_do_idle,
        ops::namespace::op_do_namespace,
        ops::sockets::op_do_auto_response,
        ops::sockets::op_do_auto_response_get,
        ops::sockets::op_do_socket_add,
        ops::sockets::op_do_socket_answered,
        ops::sockets::op_do_socket_attach,
        ops::sockets::op_do_socket_attachment,
        ops::sockets::op_do_socket_owner,
        ops::sockets::op_do_socket_remove,
        ops::sockets::op_do_socket_tags,
        ops::sockets::op_do_sockets,
        ops::sockets::op_do_sockets_cut,
    ],
    lazy_loaded_js = [
        dir "src",
        "actor.js",
        "errors.js",
        "namespace.js",
        "sockets.js",
        "rpc.js",
        "state.js",
        "transfer.js",
    ],
);

/// The binding's ops and its scripts, which load in isolates that have a
/// namespace.
pub fn extension() -> Extension {
    selvedge_durable::init()
}
