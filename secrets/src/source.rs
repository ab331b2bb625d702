//! Where the text of a secret comes from.

use std::fmt::Debug;

use selvedge_storage::Error;

/// The secrets of an account.
pub trait SecretSource: Debug + Send + Sync {
    /// The text of the secret of this name in a store; `None` if there is none, or
    /// no such store. It may block for a short time.
    ///
    /// # Errors
    /// When it cannot be read.
    fn text(&self, store: &str, name: &str) -> Result<Option<String>, Error>;
}
