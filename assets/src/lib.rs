//! Static assets: where they come from, which one answers a request, and with
//! what headers.

pub mod config;
pub mod source;

mod body;
mod cache;
mod content_type;
mod encoding;
mod handle;
mod hash;
mod plan;
mod range;
mod respond;
mod response;
mod rules;
mod settings;

pub use cache::{CACHE_BYTES, Cache};
pub use content_type::content_type;
pub use handle::{Handle, Seen};
pub use hash::{AssetHash, NoHash};
pub use plan::{Asks, Assets, Request};
pub use respond::{Outcome, Response, ResponseBody};
pub use settings::{InvalidSettings, Settings, WorkerFacts};
pub use source::{Asset, AssetSource, Error};
