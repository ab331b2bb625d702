//! Static files as the API wants them: named by a hash that wrangler computes in
//! the same way, so that what is there already is not sent again.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::body::{Multipart, Part, Progress};
use crate::calls::{Account, Script};
use crate::models::AssetSession;

/// A file of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// See [`hash`].
    pub hash: String,
    /// In bytes.
    pub size: u64,
}

/// Paths with a leading `/`, and what is there.
pub type Manifest = BTreeMap<String, Entry>;

/// What names a file's content: the first 32 hexadecimal digits of the BLAKE3
/// hash of its base64 text and its extension without the dot.
pub fn hash(content: &[u8], extension: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(STANDARD.encode(content).as_bytes());
    hasher.update(extension.as_bytes());
    let mut hex = hasher.finalize().to_hex().to_string();
    hex.truncate(32);
    hex
}

/// How many bytes `size` bytes are in base64.
fn encoded_length(size: u64) -> u64 {
    size.div_ceil(3) * 4
}

/// Where an upload reads files from, by their hash.
pub trait Source: Send + Sync + 'static {
    /// Content and type of the file.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self, hash: &str) -> std::io::Result<Bytes>;
    /// Its size in bytes and its type; `None` for a hash that is not ours.
    fn about(&self, hash: &str) -> Option<(u64, String)>;
}

/// Announces a manifest.
///
/// # Errors
/// As [`crate::Call::send`].
pub async fn announce(script: &Script<'_>, manifest: &Manifest) -> Result<AssetSession, Error> {
    let body = serde_json::json!({ "manifest": manifest });
    script.post("/assets-upload-session").json(&body).send().await
}

/// Uploads one bucket of a session. Gives the completion token after the last
/// file.
///
/// # Errors
/// As [`crate::Call::send`], and when the server asks for a file that is not in
/// the manifest.
pub async fn upload<S: Source>(
    account: &Account<'_>,
    session: &str,
    bucket: &[String],
    source: &std::sync::Arc<S>,
    boundary: &str,
    progress: Option<Progress>,
) -> Result<Option<String>, Error> {
    let mut form = Multipart::new(boundary);
    for hash in bucket {
        let (size, content_type) = source.about(hash).ok_or_else(|| {
            Error::Invalid(format!("the server asks for a file that is not here: {hash}"))
        })?;
        let (source, name) = (source.clone(), hash.clone());
        let make = move || Ok(Bytes::from(STANDARD.encode(source.read(&name)?)));
        form = form.part(Part::made(hash, content_type, encoded_length(size), make));
    }
    let call = account.post("/workers/assets/upload").query("base64", true).token(session);
    let answer: AssetSession = call.form(&form, progress).send().await?;
    Ok(answer.jwt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_base64_is_known_before() {
        for size in 0..10_u8 {
            let text = STANDARD.encode(vec![0; usize::from(size)]);
            assert_eq!(encoded_length(size.into()), text.len() as u64);
        }
    }

    // wrangler's hash of the same files, by its blake3-wasm.
    #[test]
    fn hashes_are_wranglers() {
        assert_eq!(hash(b"<h1>hi</h1>\n", "html"), "17453d0cfb9bacc76d9f30d3cb9ca048");
        assert_eq!(hash(b"", ""), "af1349b9f5f9a1a6a0404dea36dcc949");
    }
}
