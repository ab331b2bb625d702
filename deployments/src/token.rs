//! API tokens: random secrets of which only a hash is kept, and what they allow.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::UnixMillis;
use crate::ids::{AccountId, TokenId};

/// What every token begins with, so that scanners for leaked secrets know it.
pub const PREFIX: &str = "slv_";
/// The random part: 256 bits.
const SECRET_BYTES: usize = 32;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// To see which account it is for, and its members.
    Account,
    /// To see Workers, versions, deployments, figures, logs and tails.
    Read,
    /// To change Workers: upload, deploy, roll back, delete, routes, secrets.
    /// Brings [`Scope::Read`].
    Deploy,
    /// To read and write the data of KV namespaces and to see objects.
    Storage,
    /// Everything, and to make tokens. Without an account: also accounts.
    Admin,
}

impl Scope {
    /// All there are.
    pub const ALL: [Self; 5] =
        [Self::Account, Self::Read, Self::Deploy, Self::Storage, Self::Admin];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Read => "read",
            Self::Deploy => "deploy",
            Self::Storage => "storage",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = crate::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || crate::Error::Invalid(format!("there is no scope \"{text}\""));
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(unknown)
    }
}

/// Several of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// These, each once.
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Self {
        let mut scopes: Vec<Scope> = scopes.into_iter().collect();
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes)
    }

    /// Whether they allow what needs this one.
    pub fn allow(&self, needed: Scope) -> bool {
        self.0.iter().any(|scope| match scope {
            Scope::Admin => true,
            // Whoever may deploy must see what there is.
            Scope::Deploy => matches!(needed, Scope::Deploy | Scope::Read | Scope::Account),
            Scope::Read | Scope::Storage => *scope == needed || needed == Scope::Account,
            Scope::Account => needed == Scope::Account,
        })
    }

    /// One by one.
    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Token {
    /// What it is called in lists.
    pub id: TokenId,
    /// Whose it is; `None`: of all accounts.
    pub account: Option<AccountId>,
    /// What people call it.
    pub name: String,
    /// What it allows.
    pub scopes: Scopes,
    /// When it was made.
    pub created_on: UnixMillis,
    /// From when on it is not valid.
    pub expires_on: Option<UnixMillis>,
    /// When it was used last, to the hour.
    pub last_used_on: Option<UnixMillis>,
}

impl Token {
    /// Whether it may do what needs this scope in this account.
    pub fn may(&self, needed: Scope, account: &AccountId) -> bool {
        self.account.as_ref().is_none_or(|own| own == account) && self.scopes.allow(needed)
    }

    /// Whether it is the operator's: for all accounts, and with scope admin.
    pub fn is_operator(&self) -> bool {
        self.account.is_none() && self.scopes.allow(Scope::Admin)
    }
}

/// A token to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Whose it is to be; `None`: of all accounts.
    pub account: Option<AccountId>,
    /// What people call it: 1 to 100 characters.
    pub name: String,
    /// At least one.
    pub scopes: Scopes,
    /// From when on it is not valid.
    pub expires_on: Option<UnixMillis>,
}

/// The secret of a token. It is shown once, when the token is made; what is kept
/// is its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSecret(String);

impl TokenSecret {
    /// A new one.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn random() -> Result<Self, crate::Error> {
        let mut bytes = [0; SECRET_BYTES];
        crate::secret::fill_random(&mut bytes)?;
        Ok(Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// The text, for the one who asked for it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of a secret: SHA-256. The secrets are random and long, so
    /// that a slow hash would add nothing.
    pub fn hash(text: &str) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        hash
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(..)")
    }
}
