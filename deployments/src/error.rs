//! Why the store refused or failed, by what the caller can do about it.

use crate::ids::{AccountId, VersionId};

/// An error of the store. All but [`Error::Storage`] are about what was asked,
/// and nothing was changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// There is no such account.
    #[error("there is no account {0}")]
    NoAccount(AccountId),
    /// The account has no Worker of this name.
    #[error("there is no Worker \"{0}\"")]
    NoWorker(String),
    /// The Worker has no such version.
    #[error("there is no version {0}")]
    NoVersion(VersionId),
    /// There is nothing of this id (a token, route, zone, namespace, session).
    #[error("there is no {what} {id}")]
    Missing {
        /// What was looked for, such as "route".
        what: &'static str,
        /// By which id or name.
        id: String,
    },
    /// Somebody has it: a name, route, domain, zone or subdomain. Of another
    /// account it is not told which one.
    #[error("{0}")]
    Taken(String),
    /// What was given makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// A secret cannot be read: it was encrypted with a key that is not there.
    #[error("the secret \"{name}\" was encrypted with the key {key_id}, which is not there")]
    NoKey {
        /// The binding.
        name: String,
        /// The key's id.
        key_id: String,
    },
    /// The files.
    #[error(transparent)]
    Storage(#[from] selvedge_storage::Error),
}

impl Error {
    /// Something of this kind is missing.
    pub fn missing(what: &'static str, id: impl Into<String>) -> Self {
        Self::Missing { what, id: id.into() }
    }
}
