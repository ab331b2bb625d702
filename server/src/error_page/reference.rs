//! What ties a page that says nothing to a line in the log that says all.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

/// 16 hexadecimal digits that are not used twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference(String);

impl Reference {
    /// A new one. It is no secret, only rare: the hasher's random keys, which
    /// differ each time, are random enough.
    pub fn new() -> Self {
        Self(format!("{:016x}", RandomState::new().hash_one(0)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Reference {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
