//! Names of things: ids, and the key of a Worker.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::names;

/// What cannot be an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a valid id")]
pub struct InvalidId(pub String);

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $digits:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if text.len() == $digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                    return Ok(Self(text.into()));
                }
                Err(InvalidId(text.chars().take(80).collect()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

hex_id!(
    /// An account: 32 lower-case hexadecimal digits.
    AccountId, 32
);
hex_id!(
    /// A token, not its secret: 32 lower-case hexadecimal digits.
    TokenId, 32
);
hex_id!(
    /// The content of a blob: its BLAKE3 as 64 lower-case hexadecimal digits.
    BlobHash, 64
);

impl AccountId {
    /// A new one.
    pub fn random() -> Self {
        Self(Uuid::new_v4().simple().to_string().into())
    }
}

impl TokenId {
    /// A new one.
    pub fn random() -> Self {
        Self(Uuid::new_v4().simple().to_string().into())
    }
}

impl BlobHash {
    /// That of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).to_hex().as_str().into())
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new one.
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }

            /// The number itself.
            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let invalid = |_| InvalidId(text.chars().take(80).collect());
                Uuid::try_parse(text).map(Self).map_err(invalid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    };
}

uuid_id!(
    /// A version of a Worker.
    VersionId
);
uuid_id!(
    /// A deployment of a Worker.
    DeploymentId
);

impl VersionId {
    /// The first 8 hexadecimal digits, which name the version's preview host.
    pub fn short(self) -> String {
        let mut text = self.0.simple().to_string();
        text.truncate(8);
        text
    }
}

/// A Worker: its name within its account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WorkerKey {
    /// Whose it is.
    pub account: AccountId,
    /// Its name there: `[a-z0-9_-]{1,63}`; with that of a dispatch namespace and a
    /// slash before it where it is in one.
    pub name: String,
}

impl WorkerKey {
    /// The key of this name.
    ///
    /// # Errors
    /// When it cannot be a name.
    pub fn new(account: AccountId, name: &str) -> Result<Self, InvalidId> {
        if names::is_worker_name(name) {
            return Ok(Self { account, name: name.to_owned() });
        }
        Err(InvalidId(name.chars().take(80).collect()))
    }

    /// The key of a Worker in a dispatch namespace.
    ///
    /// # Errors
    /// When one of them cannot be a name.
    pub fn in_namespace(
        account: AccountId,
        namespace: &str,
        name: &str,
    ) -> Result<Self, InvalidId> {
        let in_account = Self::new(account, name)?;
        if !names::is_worker_name(namespace) {
            return Err(InvalidId(namespace.chars().take(80).collect()));
        }
        Ok(Self { name: format!("{namespace}/{name}"), ..in_account })
    }

    /// The key of `NAME` or `NAMESPACE/NAME`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(account: AccountId, name: &str) -> Result<Self, InvalidId> {
        match name.split_once('/') {
            Some((namespace, name)) => Self::in_namespace(account, namespace, name),
            None => Self::new(account, name),
        }
    }

    /// The dispatch namespace that it is in, and its name there.
    pub fn namespace(&self) -> Option<(&str, &str)> {
        self.name.split_once('/')
    }
}

/// `ACCOUNT/NAME`: unique in the process.
impl fmt::Display for WorkerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_of_namespaces_have_keys_of_their_own() {
        let account = AccountId::random();
        let key = WorkerKey::in_namespace(account.clone(), "customers", "shop").expect("names");
        assert_eq!(key.name, "customers/shop");
        assert_eq!(key.namespace(), Some(("customers", "shop")));
        assert_eq!(WorkerKey::parse(account.clone(), "customers/shop"), Ok(key));
        assert!(WorkerKey::new(account.clone(), "customers/shop").is_err());
        assert_eq!(WorkerKey::new(account.clone(), "shop").expect("a name").namespace(), None);
        for name in ["a/b/c", "/b", "a/", "a/B", "../b"] {
            assert!(WorkerKey::parse(account.clone(), name).is_err(), "{name}");
        }
    }
}
