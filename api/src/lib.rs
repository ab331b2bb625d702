//! The API that deploys to a server: `/client/v4` as wrangler speaks it, and
//! `/api/v1` for what Cloudflare has no call for. It keeps what is deployed in a
//! [`selvedge_deployments::DeploymentStore`], and asks a [`Host`] for the rest.
//!
//! [`Api`] answers one request; [`serve`] listens. Calls stand in one table,
//! `table.rs`, with the scope that each needs; nothing is called without it.

pub mod dashboard;
pub mod host;
pub mod options;

mod auth;
mod body;
mod call;
mod calls;
mod error;
mod jwt;
mod limit;
mod locks;
mod reply;
mod s3;
mod serve;
mod table;
mod tails;
mod time;
mod upload;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use selvedge_deployments::DeploymentStore;

pub use calls::queues;
pub use error::ApiError;
pub use host::{Host, HostError};
pub use options::ApiOptions;
pub use reply::Body;
pub use serve::serve;
pub use table::{Need, calls};
pub use tails::redact;

/// The API of a server. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Api(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Arc<dyn DeploymentStore>,
    host: Arc<dyn Host>,
    options: ApiOptions,
    failures: limit::Failures,
    tails: tails::Tails,
    /// Imports and exports of D1 that are under way.
    d1: calls::d1::Transfers,
    /// One change of a Worker at a time.
    locks: locks::Locks,
    /// Signs the tokens of uploads of assets.
    upload_key: [u8; 32],
}

impl Api {
    /// The API over a store and a running server.
    pub fn new(store: Arc<dyn DeploymentStore>, host: Arc<dyn Host>, options: ApiOptions) -> Self {
        let upload_key = store.derive_key("assets upload");
        Self(Arc::new(Inner {
            store,
            host,
            options,
            failures: limit::Failures::default(),
            tails: tails::Tails::default(),
            d1: calls::d1::Transfers::default(),
            locks: locks::Locks::default(),
            upload_key,
        }))
    }
}
