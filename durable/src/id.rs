//! Ids of objects: 32 bytes, of which the second half proves that the first one
//! is of a namespace.
//!
//! The proof is a keyed hash, so that an id of another namespace is told from
//! one of this (<https://developers.cloudflare.com/durable-objects/api/namespace/#idfromstring>).
//! Ids depend on the namespace's own id alone: renaming a class keeps them.

use std::fmt;

/// Bytes of each half.
const HALF: usize = 16;
/// What the first byte of an id says: made of a name.
const NAMED: u8 = 0x80;
/// Where objects may be asked to stay
/// (<https://developers.cloudflare.com/durable-objects/reference/data-location/>).
pub const JURISDICTIONS: [&str; 4] = ["eu", "fedramp", "fedramp-high", "us"];

/// Names an object within its namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId([u8; 2 * HALF]);

/// Why a text is no id of a namespace. The texts are Cloudflare's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, deno_error::JsError)]
#[class(type)]
pub enum IdError {
    /// Not 64 hexadecimal digits.
    #[error("Invalid Durable Object ID: must be 64 hex digits")]
    Malformed,
    /// Of another namespace, or made up.
    #[error("Durable Object ID is not valid for this namespace.")]
    Foreign,
    /// The system has no random numbers.
    #[error("internal error")]
    NoRandomness,
}

/// What ids of a namespace are made with: its own id.
#[derive(Clone)]
pub struct IdKey([u8; 32]);

impl fmt::Debug for IdKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdKey")
    }
}

impl IdKey {
    /// The key of the namespace of this id.
    pub fn of_namespace(id: &str) -> Self {
        Self(blake3::derive_key("selvedge durable object ids 1", id.as_bytes()))
    }

    /// The id that a name has. `jurisdiction` is "" without one; each has its own
    /// objects.
    pub fn named(&self, name: &str, jurisdiction: &str) -> ObjectId {
        let mut hash = blake3::Hasher::new_keyed(&self.0);
        hash.update(b"name\0")
            .update(jurisdiction.as_bytes())
            .update(b"\0")
            .update(name.as_bytes());
        let mut half = [0; HALF];
        half.copy_from_slice(&hash.finalize().as_bytes()[..HALF]);
        half[0] |= NAMED;
        self.complete(half, jurisdiction)
    }

    /// An id that no other object has; `jurisdiction` is "" without one.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn unique(&self, jurisdiction: &str) -> Result<ObjectId, IdError> {
        let mut half = [0; HALF];
        getrandom::fill(&mut half).map_err(|_| IdError::NoRandomness)?;
        half[0] &= !NAMED;
        Ok(self.complete(half, jurisdiction))
    }

    /// Reads an id.
    ///
    /// # Errors
    /// When the text is not one of this namespace.
    pub fn parse(&self, text: &str) -> Result<ObjectId, IdError> {
        let id: ObjectId = text.parse()?;
        self.jurisdiction(&id).map(|_| id)
    }

    /// The jurisdiction that an id of this namespace was made for; "" without one.
    ///
    /// # Errors
    /// When it is no id of this namespace.
    pub fn jurisdiction(&self, id: &ObjectId) -> Result<&'static str, IdError> {
        let mut half = [0; HALF];
        half.copy_from_slice(&id.0[..HALF]);
        let mut known = [""].into_iter().chain(JURISDICTIONS);
        known.find(|name| self.complete(half, name) == *id).ok_or(IdError::Foreign)
    }

    /// The proof tells the jurisdiction, too.
    fn complete(&self, half: [u8; HALF], jurisdiction: &str) -> ObjectId {
        let mut hash = blake3::Hasher::new_keyed(&self.0);
        hash.update(b"proof\0").update(&half).update(jurisdiction.as_bytes());
        let mut id = [0; 2 * HALF];
        id[..HALF].copy_from_slice(&half);
        id[HALF..].copy_from_slice(&hash.finalize().as_bytes()[..HALF]);
        ObjectId(id)
    }
}

impl ObjectId {
    /// The bytes of the id.
    pub fn as_bytes(&self) -> &[u8; 2 * HALF] {
        &self.0
    }

    /// The id of these bytes.
    pub fn from_bytes(bytes: [u8; 2 * HALF]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::str::FromStr for ObjectId {
    type Err = IdError;

    /// Reads 64 hexadecimal digits; whose they are is for [`IdKey::parse`] to say.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let digits = text.as_bytes();
        if digits.len() != 4 * HALF {
            return Err(IdError::Malformed);
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(IdError::Malformed);
        let mut id = [0; 2 * HALF];
        for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
        }
        Ok(Self(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_id_in_its_namespace_and_another_in_others() {
        let (one, other) = (IdKey::of_namespace("a"), IdKey::of_namespace("b"));
        let id = one.named("x", "");
        assert_eq!(id, one.named("x", ""));
        assert_ne!(id, one.named("y", ""));
        assert_ne!(id, one.named("x", "eu"));
        assert_ne!(id, other.named("x", ""));
        assert_eq!(one.parse(&id.to_string()), Ok(id));
        assert_eq!(one.parse(&id.to_string().to_uppercase()), Ok(id));
        assert_eq!(other.parse(&id.to_string()), Err(IdError::Foreign));
    }

    #[test]
    fn unique_ids_differ_and_are_of_their_namespace() {
        let key = IdKey::of_namespace("a");
        let id = key.unique("").expect("random numbers");
        assert_ne!(id, key.unique("").expect("random numbers"));
        assert_eq!(key.parse(&id.to_string()), Ok(id));
    }

    #[test]
    fn an_id_tells_its_jurisdiction() {
        let key = IdKey::of_namespace("a");
        for name in ["", "eu", "fedramp", "fedramp-high", "us"] {
            for id in [key.named("x", name), key.unique(name).expect("random numbers")] {
                assert_eq!(key.jurisdiction(&id), Ok(name));
                assert_eq!(key.parse(&id.to_string()), Ok(id));
            }
        }
        let other = IdKey::of_namespace("b").named("x", "eu");
        assert_eq!(key.jurisdiction(&other), Err(IdError::Foreign));
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let key = IdKey::of_namespace("a");
        for text in ["", "00", &"g".repeat(64), &"\u{e9}".repeat(32), &"0".repeat(63)] {
            assert_eq!(key.parse(text), Err(IdError::Malformed), "{text}");
        }
        assert_eq!(key.parse(&"0".repeat(64)), Err(IdError::Foreign));
    }
}
