//! The headers of responses with an asset.

use selvedge_runtime::headers::HeaderBlobBuf;

use crate::encoding::{Encoding, is_compressible};
use crate::rules::headers::HeaderMap;
use crate::source::Asset;

/// Clients keep assets, and ask each time whether they are still current.
const CACHE_CONTROL: &[u8] = b"public, max-age=0, must-revalidate";

/// Headers that rules may still change.
#[derive(Debug, Default)]
pub(crate) struct List(Vec<(String, Vec<u8>)>);

impl List {
    /// Adds a header; its name is in lower case.
    pub(crate) fn push(&mut self, name: &str, value: &[u8]) {
        self.0.push((name.to_owned(), value.to_vec()));
    }

    pub(crate) fn into_blob(self) -> HeaderBlobBuf {
        let mut blob = HeaderBlobBuf::with_capacity(256);
        for (name, value) in &self.0 {
            blob.push(name.as_bytes(), value);
        }
        blob
    }
}

impl HeaderMap for List {
    fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    fn append(&mut self, name: &str, value: &str) {
        self.push(name, value.as_bytes());
    }
}

/// What the headers of an asset's response say, but for rules.
pub(crate) struct Usual<'a> {
    pub(crate) asset: &'a Asset,
    pub(crate) encoding: Encoding,
    pub(crate) is_cacheable: bool,
}

impl Usual<'_> {
    /// The headers; `is_at_hand`: the content came from memory.
    pub(crate) fn list(&self, is_at_hand: bool) -> List {
        let mut list = List::default();
        let digits = self.asset.hash.digits();
        // Other bytes stand for the same content.
        let weak: &[u8] = if self.encoding == Encoding::Identity { b"" } else { b"W/" };
        list.push("etag", &[weak, b"\"", &digits, b"\""].concat());
        if let Some(content_type) = &self.asset.content_type {
            list.push("content-type", content_type.as_bytes());
        }
        if self.is_cacheable {
            list.push("cache-control", CACHE_CONTROL);
        }
        list.push("cf-cache-status", if is_at_hand { b"HIT" } else { b"MISS" });
        match self.encoding.name() {
            Some(name) => list.push("content-encoding", name.as_bytes()),
            None => list.push("accept-ranges", b"bytes"),
        }
        if is_compressible(self.asset.content_type.as_deref(), self.asset.size) {
            list.push("vary", b"accept-encoding");
        }
        list
    }
}
