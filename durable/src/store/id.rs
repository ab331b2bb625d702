//! The 32 bytes that an object is known by.

use std::fmt;
use std::str::FromStr;

/// The length of an id: 32 bytes, 64 hexadecimal digits.
pub const ID_BYTES: usize = 32;

/// The id of an object in its namespace. What its bytes mean is not the
/// storage's business.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub [u8; ID_BYTES]);

/// The text is not 64 hexadecimal digits in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: it needs 64 hexadecimal digits")]
pub struct InvalidId;

impl ObjectId {
    /// From the bytes of a row.
    pub(super) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectId({self})")
    }
}

impl FromStr for ObjectId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let digits = text.as_bytes();
        if digits.len() != 2 * ID_BYTES {
            return Err(InvalidId);
        }
        let mut id = [0; ID_BYTES];
        for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(id))
    }
}

fn digit(digit: u8) -> Result<u8, InvalidId> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(InvalidId),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back_is_the_same_id() {
        let mut bytes = [0; ID_BYTES];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = index as u8 * 8 + 7;
        }
        let id = ObjectId(bytes);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().len(), 64);
    }

    #[test]
    fn what_is_not_64_digits_in_lower_case_is_no_id() {
        for text in ["", "0", &"A".repeat(64), &"g0".repeat(32), &"0".repeat(63), &"é".repeat(32)]
        {
            assert_eq!(text.parse::<ObjectId>(), Err(InvalidId), "{text}");
        }
    }
}
