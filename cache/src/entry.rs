//! A response as the cache keeps it, and the name that it is kept by.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use selvedge_runtime::body::{BodySource, BytesBody};
use selvedge_runtime::headers::{HeaderBlob, HeaderBlobBuf};
use serde::{Deserialize, Serialize};

use crate::range::Range;
use crate::rules::{self, Lifetime};

/// Milliseconds since 1970, UTC.
pub type UnixMillis = i64;

/// Names a response: a hash over whose it is, which cache it is in, its URL, and
/// what it varies by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; 32]);

impl Key {
    /// A response of an account (empty: that of a process that has only one) in
    /// one of its caches, by its URL or what a Worker put in its place.
    pub fn new(account: &str, cache: &str, url: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in [account, cache, url] {
            // Lengths keep the parts apart, whatever they hold.
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Self(hasher.finalize().into())
    }

    /// A response that is kept before its Worker, by all that it depends on.
    pub fn of_worker<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut hasher = blake3::Hasher::new();
        // No account begins like this: none of `Key::new` is the same.
        for part in std::iter::once(&b"\0worker"[..]).chain(parts) {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// The variant of the response for requests with these values of the
    /// headers that it varies by (RFC 9111, 4.1).
    pub fn variant<'a>(&self, values: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0);
        for value in values {
            hasher.update(&(value.len() as u64).to_le_bytes());
            hasher.update(value);
        }
        Self(hasher.finalize().into())
    }

    /// 64 hexadecimal digits.
    pub fn to_hex(self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// That of a file's name.
    pub fn from_hex(text: &str) -> Option<Self> {
        blake3::Hash::from_hex(text).ok().map(|hash| Self(hash.into()))
    }
}

/// What is kept of a response beside its headers and its body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// Whose it is.
    pub account: String,
    /// As it was put, for purging.
    pub url: String,
    pub status: u16,
    pub status_text: String,
    /// When it came, by this machine's clock.
    pub stored: UnixMillis,
    /// How old it was by then, in seconds (RFC 9111, 4.2.3).
    pub age: u64,
    /// Until when it is fresh.
    pub fresh_until: UnixMillis,
    /// Until when it may be given while another one is fetched (RFC 5861, 3).
    pub stale_until: UnixMillis,
    /// Until when it may be given in place of an error (RFC 5861, 4).
    pub error_until: UnixMillis,
    /// Until when it is kept to ask whether it is still right (RFC 9111, 4.3).
    #[serde(default)]
    pub keep_until: UnixMillis,
    /// By which it is purged.
    pub tags: Vec<String>,
    /// Not a response, but the names of the headers that it varies by: the
    /// response itself is kept as a variant of the key.
    pub varies_by: Vec<String>,
}

impl Meta {
    /// The facts of a response that comes now.
    pub fn new(
        account: &str,
        url: String,
        status: u16,
        status_text: &str,
        lifetime: Lifetime,
        now: UnixMillis,
        headers: HeaderBlob<'_>,
    ) -> Self {
        let usual = || StatusCode::from_u16(status).ok()?.canonical_reason();
        let status_text = match status_text {
            // As it would have come over the network.
            "" => usual().unwrap_or_default(),
            given => given,
        };
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4);
        let fresh_until = now.saturating_add(millis(lifetime.fresh));
        Self {
            account: account.to_owned(),
            url,
            status,
            status_text: status_text.to_owned(),
            stored: now,
            age: lifetime.age.as_secs(),
            fresh_until,
            stale_until: fresh_until.saturating_add(millis(lifetime.while_revalidating)),
            error_until: fresh_until.saturating_add(millis(lifetime.if_error)),
            keep_until: 0,
            tags: rules::tags(headers),
            varies_by: Vec::new(),
        }
    }

    /// Until when it is of any use.
    pub fn useful_until(&self) -> UnixMillis {
        self.fresh_until.max(self.stale_until).max(self.error_until).max(self.keep_until)
    }

    /// The `Age` of the response now, in seconds.
    pub fn age_at(&self, now: UnixMillis) -> u64 {
        self.age + u64::try_from((now - self.stored) / 1000).unwrap_or_default()
    }
}

/// A response in the cache.
#[derive(Debug)]
pub struct Entry {
    pub meta: Meta,
    headers: HeaderBlobBuf,
    pub body: Body,
}

/// Where a body lies.
#[derive(Debug, Clone)]
pub enum Body {
    Memory(Bytes),
    /// In the entry's file, from this byte on.
    File {
        path: PathBuf,
        offset: u64,
        length: u64,
    },
}

impl Entry {
    /// An entry with these headers.
    pub fn new(meta: Meta, headers: HeaderBlobBuf, body: Body) -> Self {
        Self { meta, headers, body }
    }

    /// The response's headers, without `Age` and the like.
    pub fn headers(&self) -> HeaderBlob<'_> {
        self.headers.as_blob()
    }

    /// The body's length in bytes.
    pub fn length(&self) -> u64 {
        match &self.body {
            Body::Memory(bytes) => bytes.len() as u64,
            Body::File { length, .. } => *length,
        }
    }

    /// The body, or a part of it, if it lies in memory.
    pub fn ready_body(&self, range: Option<Range>) -> Option<Box<dyn BodySource>> {
        let Body::Memory(bytes) = &self.body else { return None };
        let (from, to) = match range {
            Some(range) => {
                (usize::try_from(range.first).ok()?, usize::try_from(range.last).ok()? + 1)
            }
            None => (0, bytes.len()),
        };
        (to <= bytes.len()).then(|| Box::new(BytesBody::new(bytes.slice(from..to))) as _)
    }

    /// What it takes in memory, about.
    pub fn memory_bytes(&self) -> usize {
        let body = match &self.body {
            Body::Memory(bytes) => bytes.len(),
            Body::File { .. } => 128,
        };
        let tags: usize = self.meta.tags.iter().map(|tag| tag.len() + 24).sum();
        body + self.headers.as_blob().0.len() + self.meta.url.len() + tags + 512
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_different_accounts_caches_and_urls_differ() {
        let key = Key::new("a", "default", "http://x/");
        assert_ne!(key, Key::new("b", "default", "http://x/"));
        assert_ne!(key, Key::new("a", "other", "http://x/"));
        assert_ne!(key, Key::new("a", "default", "http://x/y"));
        assert_ne!(Key::new("ab", "c", "d"), Key::new("a", "bc", "d"));
        assert_eq!(Key::from_hex(&key.to_hex()), Some(key));
    }

    #[test]
    fn keys_before_workers_differ_by_every_part() {
        let of = |parts: &[&str]| Key::of_worker(parts.iter().map(|part| part.as_bytes()));
        assert_eq!(of(&["w", "/a"]), of(&["w", "/a"]));
        assert_ne!(of(&["w", "/a"]), of(&["w", "", "/a"]));
        assert_ne!(of(&["wa", "b"]), of(&["w", "ab"]));
        assert_ne!(of(&["w", "/a"]), Key::new("\0worker", "w", "/a?"));
    }

    #[test]
    fn variants_differ_by_their_values() {
        let key = Key::new("", "fetch", "http://x/");
        let of = |values: &[&str]| key.variant(values.iter().map(|value| value.as_bytes()));
        assert_ne!(of(&["de"]), of(&["en"]));
        assert_ne!(of(&["a", ""]), of(&["", "a"]));
        assert_eq!(of(&["de"]), of(&["de"]));
    }
}
