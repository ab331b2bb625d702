//! Why a call to the storage of an object failed.

/// An error of the storage of an object.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// What SQLite says of a query, a value or a key, or what is not allowed.
    /// The text is for the Worker, in Cloudflare's words.
    #[error("{0}")]
    Sql(String),
    /// The object lost writes that its code took for done: a commit failed, the
    /// disk refused it, or a statement took its whole transaction with it.
    /// Everything fails with this until the object is opened anew.
    #[error("the object's storage is broken until it is opened again: {0}")]
    Broken(String),
    /// The object's storage is open already, here or on another thread.
    #[error("the object is open already")]
    InUse,
    /// The files: locked, full, damaged, or the disk fails.
    #[error(transparent)]
    Storage(#[from] selvedge_storage::Error),
}
