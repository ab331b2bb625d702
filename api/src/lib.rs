//! The API that deploys to a server: `/client/v4` as wrangler speaks it, and
//! `/api/v1` for what Cloudflare has no call for. It keeps what is deployed in a
//! [`selvedge_deployments::DeploymentStore`], and asks a [`Host`] for the rest.

pub mod host;

pub use host::{Host, HostError};
