//! Who did what.

use serde::Serialize;

use crate::UnixMillis;
use crate::ids::{AccountId, TokenId};

/// Who changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The token; `None`: the server's own command line.
    pub token: Option<TokenId>,
    /// The token's name, which is also the author of versions.
    pub name: String,
}

impl Actor {
    /// The server itself, or a command of it on the same machine.
    pub fn operator() -> Self {
        Self { token: None, name: "operator".to_owned() }
    }
}

/// One change, written in the transaction that made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditRow {
    /// When.
    pub at: UnixMillis,
    /// Whose things were changed; `None`: the server's.
    pub account: Option<AccountId>,
    /// By which token.
    pub token: Option<TokenId>,
    /// The token's name at that time.
    pub actor: String,
    /// What was done, such as `deployment.create`.
    pub action: String,
    /// To what, such as the Worker's name. Never a secret.
    pub subject: String,
}
