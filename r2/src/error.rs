//! Why a call to a bucket failed.

use crate::rules::Refusal;

/// What a bucket could not do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// What was asked for is against the rules, or not there.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The files.
    #[error(transparent)]
    Storage(#[from] selvedge_storage::Error),
}

impl Error {
    /// What may be told of it: no inside facts.
    pub fn told(&self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal.clone(),
            Self::Storage(selvedge_storage::Error::Unavailable(_)) => Refusal::unavailable(),
            Self::Storage(selvedge_storage::Error::Full(_)) => Refusal::full(),
            Self::Storage(_) => Refusal::internal(),
        }
    }
}
