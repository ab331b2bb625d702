//! Durable Objects, whole: the binding that a Worker sees, Cloudflare's rules,
//! and the storage of the objects.

pub mod binding;
pub mod catalog;
pub mod clone;
pub mod config;
pub mod error;
pub mod facet;
pub mod id;
pub mod placement;
pub mod store;
pub mod visit;

mod ops;
mod sockets;

use deno_core::Extension;

pub use binding::{DurableNamespace, NamespaceData};
pub use error::Error;
pub use id::ObjectId;
pub use placement::{LocalPlacement, Placement};

deno_core::extension!(
    selvedge_durable,
    deps = [selvedge],
    ops = [
        ops::alarm::op_do_alarm_done,
        ops::alarm::op_do_alarm_end,
        ops::alarm::op_do_alarm_start,
        ops::context::op_do_call,
        ops::context::op_do_call_begin,
        ops::context::op_do_call_is,
        ops::context::op_do_event_begin,
        ops::context::op_do_event_end,
        ops::context::op_do_event,
        ops::context::op_do_open,
        ops::facet::op_do_facet,
        ops::facet::op_do_facet_close,
        ops::facet::op_do_facet_copy,
        ops::facet::op_do_facet_delete,
        ops::facet::op_do_facet_end,
        ops::facet::op_do_facet_free,
        ops::facet::op_do_facet_lives,
        ops::facet::op_do_facet_over,
        ops::facet::op_do_facet_start,
        ops::facet::op_do_facet_wait,
        ops::facet::op_do_facets_exist,
        ops::namespace::op_do_class,
        ops::namespace::op_do_host,
        ops::namespace::op_do_id_check,
        ops::namespace::op_do_id_jurisdiction,
        ops::namespace::op_do_id_named,
        ops::namespace::op_do_id_unique,
        ops::namespace::op_do_idle,
        ops::namespace::op_do_is_own,
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
        ops::storage::bookmark::op_do_bookmark_current,
        ops::storage::bookmark::op_do_bookmark_for_time,
        ops::storage::bookmark::op_do_bookmark_restore,
        ops::storage::alarm::op_do_alarm_get,
        ops::storage::alarm::op_do_alarm_set,
        ops::storage::kv::op_do_kv_delete,
        ops::storage::kv::op_do_kv_delete_many,
        ops::storage::kv::op_do_kv_get,
        ops::storage::kv::op_do_kv_get_many,
        ops::storage::kv::op_do_kv_list,
        ops::storage::kv::op_do_kv_put,
        ops::storage::kv::op_do_kv_put_many,
        ops::storage::op_do_storage_close,
        ops::storage::op_do_storage_failed,
        ops::storage::op_do_storage_has_sql,
        ops::storage::op_do_storage_open,
        ops::storage::op_do_storage_unconfirmed,
        ops::storage::op_do_storage_wait,
        ops::storage::sql::op_do_sql_close,
        ops::storage::sql::op_do_sql_exec,
        ops::storage::sql::op_do_sql_next,
        ops::storage::sql::op_do_sql_size,
        ops::storage::transaction::op_do_delete_all,
        ops::storage::transaction::op_do_savepoint_begin,
        ops::storage::transaction::op_do_savepoint_end,
        ops::storage::transaction::op_do_transaction_begin,
        ops::storage::transaction::op_do_transaction_end,
        ops::placement::op_do_leave,
        ops::placement::op_do_leave_all,
        ops::placement::op_do_take,
        ops::placement::op_do_target,
    ],
    lazy_loaded_js = [
        dir "src",
        "actor.js",
        "alarms.js",
        "elsewhere.js",
        "errors.js",
        "connections.js",
        "facets.js",
        "namespace.js",
        "sockets.js",
        "rpc.js",
        "sql.js",
        "state.js",
        "storage.js",
        "stored_errors.js",
        "sync_kv.js",
        "transaction.js",
        "transfer.js",
    ],
);

/// The binding's ops and its scripts, which load in isolates that have a
/// namespace.
pub fn extension() -> Extension {
    selvedge_durable::init()
}
