//! Durable Objects: what a Worker sees of them, their rules, and their storage.

pub mod error;
pub mod store;

pub use error::Error;
