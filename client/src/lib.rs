//! The client of the deployment API, which is Cloudflare's: one method per call,
//! typed where the command line looks inside.
//!
//! It knows no other crate of the project: what it says on the wire is all that
//! ties it to a server.

pub mod assets;
mod body;
mod calls;
mod client;
mod connector;
mod error;
pub mod models;
mod request;
mod tail;

pub use body::{Body, Multipart, Part, Progress};
pub use calls::{Account, Script};
pub use client::{Client, Options, Retry};
pub use error::{ApiError, Error, code};
pub use request::{Call, Page};
pub use tail::{Tail, TailMessage};
