//! Static assets: where they come from, which one answers a request, and with
//! what headers.

#![cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "the plan is made here; the server acts on it with the next change"
    )
)]

pub mod config;
pub mod source;

mod content_type;
mod hash;
mod plan;
mod rules;
mod settings;

pub use content_type::content_type;
pub use hash::{AssetHash, NoHash};
pub use plan::{Asks, Assets, Plan, Request};
pub use settings::{InvalidSettings, Settings, WorkerFacts};
pub use source::{Asset, AssetSource, Error};
