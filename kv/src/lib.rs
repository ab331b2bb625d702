//! KV, whole: the binding that a Worker sees, Cloudflare's rules, and the
//! stores that keep the data.

pub mod data_dir;
pub mod error;
pub mod store;

pub use error::Error;
