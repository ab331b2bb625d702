//! The modules of Node.js: `node:buffer`, `node:crypto` and the others.
//!
//! They are Node's own library (third_party/node/lib), which stands on what Node
//! calls internal bindings. Those are here: JavaScript in `node/bindings/`, over
//! thin ops. Where Node's file would reach for the host, one of the same name in
//! `node/lib/` takes its place. Nothing of this is loaded before a Worker touches it.

mod ops;
mod patches;
mod scripts;

use deno_core::Extension;

pub use scripts::{add_scripts, script_folders};

deno_core::extension!(
    selvedge_node,
    deps = [selvedge],
    ops = [
        ops::buffer::op_node_buffer_compare,
        ops::buffer::op_node_buffer_decode,
        ops::buffer::op_node_buffer_index_of,
        ops::buffer::op_node_buffer_is_ascii,
        ops::buffer::op_node_buffer_is_utf8,
        ops::buffer::op_node_buffer_write_base64,
        ops::buffer::op_node_buffer_write_hex,
        ops::buffer::op_node_buffer_write_utf8,
        ops::bundle::op_node_bundle_files,
        ops::bundle::op_node_bundle_read,
        ops::cipher::op_node_cipher_aad,
        ops::cipher::op_node_cipher_finish,
        ops::cipher::op_node_cipher_info,
        ops::cipher::op_node_cipher_names,
        ops::cipher::op_node_cipher_new,
        ops::cipher::op_node_cipher_padding,
        ops::cipher::op_node_cipher_update,
        ops::derive::op_node_hash_size,
        ops::derive::op_node_hkdf,
        ops::derive::op_node_pbkdf2,
        ops::derive::op_node_prime_check,
        ops::derive::op_node_prime_new,
        ops::derive::op_node_scrypt,
        ops::hash::op_node_hash_copy,
        ops::hash::op_node_hash_finish,
        ops::hash::op_node_hash_names,
        ops::hash::op_node_hash_new,
        ops::hash::op_node_hash_update,
        ops::keys::exchange::op_node_agree,
        ops::keys::exchange::op_node_ecdh_agree,
        ops::keys::exchange::op_node_ecdh_convert,
        ops::keys::exchange::op_node_ecdh_new,
        ops::keys::exchange::op_node_ecdh_public,
        ops::keys::exchange::op_node_mod_pow,
        ops::keys::generate::op_node_key_generate,
        ops::keys::op_node_key_details,
        ops::keys::op_node_key_export,
        ops::keys::op_node_key_from_jwk,
        ops::keys::op_node_key_jwk,
        ops::keys::op_node_key_parse,
        ops::keys::rsa_crypt::op_node_rsa_private,
        ops::keys::rsa_crypt::op_node_rsa_public,
        ops::keys::sign::op_node_sign,
        ops::keys::sign::op_node_verify,
        ops::zlib::op_node_crc32,
        ops::zlib::op_node_zlib_close,
        ops::zlib::op_node_zlib_fault,
        ops::zlib::op_node_zlib_params,
        ops::zlib::op_node_zlib_new,
        ops::zlib::op_node_zlib_write,
    ],
);

/// The ops.
pub fn extension() -> Extension {
    selvedge_node::init()
}
