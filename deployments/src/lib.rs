//! What is deployed, and by whom: accounts and their tokens, Workers, versions,
//! deployments, routes, domains, crons, secrets, KV namespaces and assets. No V8
//! and no HTTP: [`DeploymentStore`] is the seam, [`SqliteStore`] what stands
//! behind it on one machine.

pub mod account;
pub mod assets;
pub mod audit;
pub mod binding;
pub mod deployment;
pub mod ids;
pub mod names;
pub mod resource;
pub mod secret;
pub mod store;
pub mod token;
pub mod version;
pub mod worker;
pub mod zone;

mod blobs;
mod error;

pub use account::{Account, AccountChange, AccountLimits, NewAccount};
pub use assets::{AssetEntry, AssetsConfig, AssetsRef, AssetsSession};
pub use audit::{Actor, AuditRow};
pub use binding::{Binding, BindingKind, InvalidBinding};
pub use deployment::{Deployment, NewDeployment, Percentage, Share};
pub use error::Error;
pub use ids::{AccountId, BlobHash, DeploymentId, InvalidId, TokenId, VersionId, WorkerKey};
pub use resource::{Resource, ResourceChange, ResourceKind};
pub use secret::{EncryptedSecret, Keyring, SecretText};
pub use store::{DeploymentStore, Options, SqliteStore, Then};
pub use token::{NewToken, Scope, Scopes, Token, TokenSecret};
pub use version::{
    CacheOptions, ModuleKind, ModuleRef, NewVersion, Script, Version, VersionContent,
    VersionSummary,
};
pub use worker::{LiveWorker, Observability, TailConsumer, WorkerInfo, WorkerSettings};
pub use zone::{Domain, KvNamespaceInfo, NewDomain, NewRoute, Route, Zone, ZonePolicy};

/// Milliseconds since 1970, UTC.
pub type UnixMillis = i64;
