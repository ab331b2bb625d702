//! The platform that every Worker sees: the fetch classes, console, timers,
//! WebSockets and the modules named `cloudflare:`.
//!
//! JavaScript holds the shape (argument checks, error texts, classes); the ops
//! here are thin and work on the state that the runtime crate keeps.

use std::sync::{Arc, OnceLock};

use deno_core::{Extension, ExtensionFileSource};
use deno_web::{BlobStore, InMemoryBroadcastChannel};

mod html_rewriter;
mod ops;
mod patches;
mod service;

use patches::{DATES, GIVEN, MISUSE, Patch, TEXTS, WORDS, extend_given, patches};

pub use service::ServiceBinding;

/// Ops of deno_web that a Worker's platform uses. The others are not
/// registered in a Worker's isolate at all.
const WEB_OPS: &[&str] = &[
    "op_base64_",
    "op_base64url_",
    "op_blob_",
    "op_compression_",
    "op_console_",
    "op_defer",
    "op_encoding_",
    "op_message_port_",
    "op_now",
    "op_preview_entries",
    "op_readable_stream_resource_",
    "op_time_origin",
    "op_url_",
    "op_urlpattern_",
];

/// deno_web wants one; no Worker can reach it, so that one serves all isolates.
static CHANNEL: OnceLock<InMemoryBroadcastChannel> = OnceLock::new();

/// Ops of deno_web that have an own implementation here.
const REPLACED_OPS: &[&str] = &["op_blob_create_part", "op_blob_remove_part"];

/// Objects of deno_web that a Worker's platform uses.
const WEB_OBJECTS: &[&str] = &["Console"];

deno_core::extension!(
    selvedge,
    deps = [deno_webidl, deno_web, deno_crypto],
    ops = [
        ops::blob::op_blob_create_part,
        ops::blob::op_blob_read_all_sync,
        ops::blob::op_blob_remove_part,
        ops::body::op_body_close,
        ops::body::op_body_head,
        ops::body::op_body_length,
        ops::body::op_body_read,
        ops::body::op_body_read_all,
        ops::body::op_body_take_bytes,
        ops::body::op_body_take_text,
        ops::body::op_request_body,
        ops::body::op_request_take_text,
        ops::console::op_console_emit,
        ops::console::op_console_is_followed,
        ops::console::op_diagnostics_publish,
        ops::console::op_report_exception,
        ops::connection::op_connection_done,
        ops::connection::op_socket_accept,
        ops::connection::op_socket_call,
        ops::connection::op_socket_connected,
        ops::connection::op_socket_hand_on,
        ops::connection::op_socket_pair,
        ops::context::op_context_done,
        ops::context::op_context_error,
        ops::context::op_context_fail,
        ops::context::op_context_gone,
        ops::context::op_context_hold,
        ops::context::op_context_message,
        ops::context::op_context_resumed,
        ops::context::op_context_touch,
        ops::context::op_job_begin,
        ops::context::op_job_end,
        ops::context::op_now_frozen,
        ops::context::op_request_cf,
        ops::context::op_request_ray,
        ops::digest::op_digest_finish,
        ops::digest::op_digest_new,
        ops::digest::op_digest_update,
        ops::digest::op_timing_safe_equal,
        ops::fetch::op_fetch,
        ops::fetch::op_fetch_cancel,
        ops::cipher::op_aes_gcm_open,
        ops::cipher::op_aes_gcm_seal,
        ops::clone::op_clone_kind,
        ops::clone::op_holds_error,
        ops::html_rewriter::op_rewriter_attributes,
        ops::html_rewriter::op_rewriter_check_encoding,
        ops::html_rewriter::op_rewriter_check_selector,
        ops::html_rewriter::op_rewriter_close,
        ops::html_rewriter::op_rewriter_content,
        ops::html_rewriter::op_rewriter_content_end,
        ops::html_rewriter::op_rewriter_continue,
        ops::html_rewriter::op_rewriter_end,
        ops::html_rewriter::op_rewriter_get_attribute,
        ops::html_rewriter::op_rewriter_get_flag,
        ops::html_rewriter::op_rewriter_get_text,
        ops::html_rewriter::op_rewriter_has_attribute,
        ops::html_rewriter::op_rewriter_insert,
        ops::html_rewriter::op_rewriter_insert_stream,
        ops::html_rewriter::op_rewriter_new,
        ops::html_rewriter::op_rewriter_on_end_tag,
        ops::html_rewriter::op_rewriter_output,
        ops::html_rewriter::op_rewriter_pending,
        ops::html_rewriter::op_rewriter_remove,
        ops::html_rewriter::op_rewriter_remove_attribute,
        ops::html_rewriter::op_rewriter_set_attribute,
        ops::html_rewriter::op_rewriter_set_text,
        ops::html_rewriter::op_rewriter_write,
        ops::modules::op_commonjs_compile,
        ops::modules::op_module_resolve,
        ops::modules::op_module_value,
        ops::pipe::op_body_pipe_end,
        ops::pipe::op_body_pipe_new,
        ops::pipe::op_body_pipe_ready,
        ops::pipe::op_body_pipe_write,
        ops::reply::op_reply_bytes,
        ops::reply::op_reply_end,
        ops::reply::op_reply_abort,
        ops::reply::op_reply_kept,
        ops::reply::op_reply_pipe,
        ops::reply::op_reply_plain,
        ops::reply::op_reply_ready,
        ops::reply::op_reply_stream,
        ops::reply::op_reply_text,
        ops::reply::op_reply_upgrade,
        ops::reply::op_reply_write,
        ops::rpc::op_rpc_attach,
        ops::rpc::op_rpc_connect,
        ops::rpc::op_rpc_done,
        ops::rpc::op_rpc_failed,
        ops::rpc::op_rpc_depth,
        ops::rpc::op_rpc_here,
        ops::rpc::op_rpc_open,
        ops::rpc::op_rpc_receive,
        ops::rpc::op_rpc_send,
        ops::rpc::op_rpc_subrequest,
        ops::rpc::op_rpc_take,
        ops::rpc::op_rpc_writable,
        ops::rpc::op_service_again,
        ops::rpc::op_service_open,
        ops::rpc::op_service_parts,
        ops::socket::op_socket_close,
        ops::socket::op_socket_connect,
        ops::socket::op_socket_read,
        ops::socket::op_socket_shutdown,
        ops::socket::op_socket_start_tls,
        ops::socket::op_socket_write,
        ops::text::op_utf8_length,
        ops::text::op_utf8_write,
        ops::tracing::op_span_begin,
        ops::tracing::op_span_change,
        ops::tracing::op_span_end,
        ops::tracing::op_span_ids,
        ops::websocket::op_ws_buffered,
        ops::websocket::op_ws_close,
        ops::websocket::op_ws_drop,
        ops::websocket::op_ws_id,
        ops::websocket::op_ws_send_binary,
        ops::websocket::op_ws_send_text,
    ],
    esm_entry_point = "ext:selvedge/bootstrap.js",
    esm = [
        dir ".",
        "bootstrap.js",
        "commonjs.js",
        "core.js",
        "core/interfaces.js",
        "core/lists.js",
        "core/ticks.js",
        "core/timers.js",
        "dispatch.js",
        "entrypoints.js",
        "gates.js",
        "io_context.js",
        "lazy.js",
        "legacy.js",
        "safety.js",
        "scope.js",
        "shared.js",
        "timers.js",
        "views.js",
        "fetch/body.js",
        "fetch/headers.js",
        "fetch/request.js",
        "fetch/response.js",
        "events/execution_context.js",
        "events/service_worker.js",
    ],
    lazy_loaded_js = [
        dir ".",
        "beacon.js",
        "cloned_errors.js",
        "cloudflare_email.js",
        "cloudflare_workers.js",
        "cloudflare_workflows.js",
        "console.js",
        "crypto.js",
        "crypto/checks.js",
        "crypto/classic.js",
        "crypto/common.js",
        "crypto/digest_stream.js",
        "crypto/import_checks.js",
        "durable_object_class.js",
        "event_source.js",
        "exports.js",
        "fetch/data_url.js",
        "fetch/fetch.js",
        "fetch/form_data.js",
        "fetch/mime_type.js",
        "frames.js",
        "handlers.js",
        "html_rewriter.js",
        "html_rewriter/tokens.js",
        "html_rewriter/transformation.js",
        "legacy/buffers.js",
        "legacy/crypto_keys.js",
        "legacy/decoders.js",
        "legacy/errors.js",
        "legacy/fetch.js",
        "legacy/fetcher.js",
        "legacy/globals.js",
        "legacy/instance_properties.js",
        "legacy/pattern_string.js",
        "legacy/performance.js",
        "legacy/prototypes.js",
        "legacy/stream_constructors.js",
        "legacy/string_tags.js",
        "legacy/sync_throws.js",
        "legacy/url.js",
        "legacy/url_parser.js",
        "legacy/url_pattern.js",
        "legacy/url_search_params.js",
        "plain_clone.js",
        "promises.js",
        "receivers.js",
        "rpc.js",
        "rpc/capabilities.js",
        "rpc/error_values.js",
        "rpc/errors.js",
        "rpc/exceptions.js",
        "rpc/failures.js",
        "rpc/later.js",
        "rpc/lookup.js",
        "rpc/messages.js",
        "rpc/platform_objects.js",
        "rpc/receivers.js",
        "rpc/session.js",
        "rpc/stubs.js",
        "rpc/values.js",
        "service.js",
        "sockets.js",
        "sockets/address.js",
        "sockets/connection.js",
        "sockets/workers.js",
        "streams.js",
        "tail_stream.js",
        "trace_items.js",
        "tracing.js",
        "transfer.js",
        "websocket.js",
        "websocket/client.js",
        "websocket/request_response_pair.js",
        "websocket/traffic.js",
        "wording.js",
    ],
);

/// The platform's extensions in their one order, with sources. The snapshot is
/// made from these.
pub fn extensions_with_sources() -> Vec<Extension> {
    let mut web = deno_web::deno_web::init(
        Arc::new(BlobStore::default()),
        None,
        false,
        CHANNEL.get_or_init(InMemoryBroadcastChannel::default).clone(),
    );
    web.ops.to_mut().retain(|op| {
        WEB_OPS.iter().any(|name| op.name.starts_with(name)) && !REPLACED_OPS.contains(&op.name)
    });
    web.objects.to_mut().retain(|object| {
        let name = (object.type_name)();
        WEB_OBJECTS.iter().any(|wanted| name.ends_with(wanted))
    });
    vec![
        deno_webidl::deno_webidl::init(),
        web,
        deno_crypto::deno_crypto::init(None),
        selvedge::init(),
    ]
}

/// Applies the changes that this platform needs to scripts of others. For the
/// build script: it reads the sources from the build machine.
///
/// # Panics
/// When a script is not what the changes were made for.
pub fn patch_sources(extensions: &mut [Extension]) {
    let mut change = |script: &str, change: &dyn Fn(&str) -> String| {
        let mut found = false;
        for extension in extensions.iter_mut() {
            for file in extension.lazy_loaded_js_files.to_mut() {
                if file.specifier == script {
                    let source = file.load().unwrap_or_else(|error| panic!("{script}: {error}"));
                    let changed = change(source.as_str());
                    *file = ExtensionFileSource::new_computed(file.specifier, changed.into());
                    found = true;
                }
            }
        }
        assert!(found, "{script} is not part of the platform");
    };
    let all = patches().chain(TEXTS).chain(WORDS).chain(MISUSE).chain(DATES);
    for Patch { script, from, to, times } in all {
        change(script, &|source| {
            assert_eq!(source.matches(from).count(), *times, "{script}: {from}");
            source.replace(from, to)
        });
    }
    for (script, classes) in GIVEN {
        change(script, &|source| {
            classes.iter().fold(source.to_owned(), |source, class| extend_given(&source, class))
        });
    }
}

/// Extensions without their sources: what an isolate that starts from the
/// snapshot gets.
pub fn without_sources(mut extensions: Vec<Extension>) -> Vec<Extension> {
    for extension in &mut extensions {
        extension.js_files = Default::default();
        extension.esm_files = Default::default();
        extension.lazy_loaded_js_files = Default::default();
        extension.lazy_loaded_esm_files = Default::default();
        extension.esm_entry_point = None;
    }
    extensions
}
