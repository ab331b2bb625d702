//! The hash that names an asset's content.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// Names a content: 16 bytes, written as 32 lower-case hexadecimal digits. It is
/// the key of an uploaded file, and the `ETag` of responses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AssetHash([u8; 16]);

/// Text that is no hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a hash has 32 hexadecimal digits in lower case, not \"{0}\"")]
pub struct NoHash(pub String);

impl AssetHash {
    /// The hash of these bytes as wrangler 4 makes it: BLAKE3 over the content in
    /// base64, followed by the extension of its path without the dot.
    pub fn of_upload(content: &[u8], path: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        // A multiple of three bytes has no padding: the pieces add up to the whole.
        for piece in content.chunks(48 * 1024) {
            hasher.update(BASE64_STANDARD.encode(piece).as_bytes());
        }
        hasher.update(extension(path).as_bytes());
        Self::first_half(&hasher.finalize())
    }

    /// A hash of facts that change when the content does.
    pub(crate) fn of_facts(facts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for fact in facts {
            hasher.update(&(fact.len() as u64).to_le_bytes());
            hasher.update(fact);
        }
        Self::first_half(&hasher.finalize())
    }

    fn first_half(hash: &blake3::Hash) -> Self {
        let mut half = [0; 16];
        half.copy_from_slice(&hash.as_bytes()[..16]);
        Self(half)
    }

    /// The digits, without a trip through a string.
    pub fn digits(&self) -> [u8; 32] {
        let mut digits = [0; 32];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
            pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
        }
        digits
    }
}

/// The part of the last segment after its last dot. A name that begins with its
/// only dot has none (as in Node's `path.extname`).
pub(crate) fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rfind('.') {
        Some(dot) if dot > 0 => &name[dot + 1..],
        _ => "",
    }
}

impl fmt::Display for AssetHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digits().iter().try_for_each(|digit| fmt::Write::write_char(f, char::from(*digit)))
    }
}

impl fmt::Debug for AssetHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AssetHash({self})")
    }
}

impl FromStr for AssetHash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        let wrong = || NoHash(text.chars().take(80).collect());
        let digits: &[u8; 32] = text.as_bytes().try_into().map_err(|_| wrong())?;
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let mut hash = [0; 16];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let (high, low) = (value(pair[0]), value(pair[1]));
            *byte = high.zip(low).map(|(high, low)| high << 4 | low).ok_or_else(wrong)?;
        }
        Ok(Self(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_hash_that_wrangler_uploads_under() {
        // From wrangler 4.125: blake3("aGVsbG8gd29ybGQK" + "txt") and that of no bytes.
        let hash = AssetHash::of_upload(b"hello world\n", "/a/b.txt");
        assert_eq!(hash.to_string(), HELLO);
        let long = vec![b'x'; 200_000];
        let whole = BASE64_STANDARD.encode(&long) + "bin";
        let expected = blake3::hash(whole.as_bytes()).to_hex();
        assert_eq!(AssetHash::of_upload(&long, "/x.bin").to_string(), expected[..32]);
    }

    const HELLO: &str = "64e86c1f4ec071b997f1a6af69931db3";

    #[test]
    fn text_and_bytes_are_the_same_hash() {
        let hash: AssetHash = HELLO.parse().expect("it is one");
        assert_eq!(hash.to_string(), HELLO);
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        for text in ["", "abc", &HELLO.to_uppercase(), "../../../../../../../etc/passwd0"] {
            assert!(text.parse::<AssetHash>().is_err(), "{text}");
        }
    }

    #[test]
    fn extensions_are_those_of_node() {
        let of = |path| extension(path);
        assert_eq!(
            [of("/a/b.tar.gz"), of("/a.b/c"), of("/.x"), of("/a."), of("x.JS")],
            ["gz", "", "", "", "JS"]
        );
    }
}
