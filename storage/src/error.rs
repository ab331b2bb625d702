//! Why a call to a store failed, by what the caller can do about it.

/// An error of a store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// It may work in a moment: the store is starting, stopping or overloaded.
    #[error("storage is not available: {0}")]
    Unavailable(String),
    /// There is no room for the write. What was there before is intact.
    #[error("no space is left for it: {0}")]
    Full(String),
    /// What is stored cannot be read: not a file of ours, or a broken one. It
    /// is left as it is.
    #[error("{0}")]
    Data(String),
    /// A bug or a failing disk.
    #[error("internal error: {0}")]
    Internal(String),
}
