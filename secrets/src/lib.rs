//! Secrets Store, whole: the binding that a Worker sees, and the secrets of one
//! machine. What a server keeps of its accounts stands elsewhere.

pub mod binding;
pub mod config;
pub mod local;
pub mod rules;
pub mod source;

use deno_core::Extension;

pub use binding::StoreSecret;
pub use local::LocalSecrets;
pub use source::SecretSource;

deno_core::extension!(
    selvedge_secrets,
    deps = [selvedge],
    ops = [binding::op_store_secret_get],
    lazy_loaded_js = [dir "src", "secret.js"],
);

/// The binding's op and its script, which loads in isolates that have a secret.
pub fn extension() -> Extension {
    selvedge_secrets::init()
}
