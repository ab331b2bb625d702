//! An object without its body: what a Worker, the API and S3 are told of it.

use serde::{Deserialize, Serialize};

use crate::rules::Refusal;

/// Milliseconds since 1970, UTC.
pub type UnixMillis = i64;

/// An object without its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Object {
    pub key: String,
    /// 32 hexadecimal digits; another one for each put.
    pub version: String,
    /// In bytes.
    pub size: u64,
    /// The MD5 in hexadecimal digits; of parts, that of theirs and their number.
    pub etag: String,
    pub uploaded: UnixMillis,
    pub storage_class: StorageClass,
    pub http_metadata: HttpMetadata,
    /// In the order that they were given in.
    pub custom_metadata: Vec<(String, String)>,
    pub checksums: Checksums,
}

/// How much an object costs on Cloudflare; here it is only kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum StorageClass {
    #[default]
    Standard,
    InfrequentAccess,
}

impl StorageClass {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::InfrequentAccess => "InfrequentAccess",
        }
    }
}

impl std::str::FromStr for StorageClass {
    type Err = Refusal;

    /// Takes S3's names, too.
    fn from_str(name: &str) -> Result<Self, Refusal> {
        match name {
            "Standard" | "STANDARD" => Ok(Self::Standard),
            "InfrequentAccess" | "STANDARD_IA" => Ok(Self::InfrequentAccess),
            _ => Err(Refusal::bad_storage_class()),
        }
    }
}

/// Headers that an object is served with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpMetadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_expiry: Option<UnixMillis>,
}

/// Hashes of a body, in hexadecimal digits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Checksums {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha384: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha512: Option<String>,
}

/// What is said of an object when it is put.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Attributes {
    pub http_metadata: HttpMetadata,
    pub custom_metadata: Vec<(String, String)>,
    /// `None`: that of the bucket.
    pub storage_class: Option<StorageClass>,
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// The bytes of hexadecimal digits.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_go_both_ways() {
        assert_eq!(hex(&[0, 0x1f, 0xff]), "001fff");
        assert_eq!(unhex("001FfF"), Some(vec![0, 0x1f, 0xff]));
        assert_eq!(unhex("abc"), None);
        assert_eq!(unhex("zz"), None);
    }

    #[test]
    fn storage_classes_have_two_names() {
        assert_eq!("STANDARD_IA".parse(), Ok(StorageClass::InfrequentAccess));
        assert_eq!("Standard".parse(), Ok(StorageClass::Standard));
        "Glacier".parse::<StorageClass>().expect_err("there is none");
    }
}
