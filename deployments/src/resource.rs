//! What an account has beside Workers, by id and name: its data is kept by others.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::UnixMillis;
use crate::ids::AccountId;
use crate::secret::SecretText;

/// What sort of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// A D1 database.
    D1Database,
    /// A queue.
    Queue,
    /// A namespace of Workers to dispatch to.
    DispatchNamespace,
    /// A store of secrets that all Workers of the account may read.
    SecretsStore,
    /// A secret in one: its name is `STORE/NAME`, and its text is the resource's
    /// secret.
    StoreSecret,
    /// A database behind Hyperdrive: its password is the resource's secret.
    Hyperdrive,
}

impl ResourceKind {
    /// How it stands in the store and in the audit log.
    pub fn name(self) -> &'static str {
        match self {
            Self::D1Database => "d1",
            Self::Queue => "queue",
            Self::DispatchNamespace => "dispatch_namespace",
            Self::SecretsStore => "secrets_store",
            Self::StoreSecret => "secrets_store_secret",
            Self::Hyperdrive => "hyperdrive",
        }
    }

    /// What messages call it.
    pub fn what(self) -> &'static str {
        match self {
            Self::D1Database => "D1 database",
            Self::Queue => "queue",
            Self::DispatchNamespace => "dispatch namespace",
            Self::SecretsStore => "store of secrets",
            Self::StoreSecret => "secret",
            Self::Hyperdrive => "Hyperdrive configuration",
        }
    }
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Unique on the server.
    pub id: String,
    /// What people call it; unique among those of its kind in the account.
    pub name: String,
    /// Whose it is.
    pub account: AccountId,
    /// When it was made.
    pub created: UnixMillis,
    /// What those who keep its data want to know of it: JSON of theirs.
    pub settings: Value,
}

/// What becomes of one; what is absent stays as it is.
#[derive(Debug, Clone, Default)]
pub struct ResourceChange {
    /// Its next name.
    pub name: Option<String>,
    /// Its settings, all of them.
    pub settings: Option<Value>,
    /// Its secret, which is kept encrypted and never shown with it.
    pub secret: Option<SecretText>,
}
