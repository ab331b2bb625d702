//! Headers as they cross the border to JavaScript.

use std::cell::{Cell, RefCell};

use deno_core::v8;

/// A flat list of headers: `name NUL value NUL name NUL value`, names in lower
/// case, bytes as on the wire (Latin-1 in JavaScript). One string crosses the
/// border instead of a list; most Workers read one or two headers of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct HeaderBlob<'a>(pub &'a [u8]);

impl<'a> HeaderBlob<'a> {
    /// Names and values in order.
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let mut rest = (!self.0.is_empty()).then_some(self.0);
        std::iter::from_fn(move || {
            let bytes = rest?;
            let name_end = memchr::memchr(0, bytes)?;
            let (name, after) = (&bytes[..name_end], &bytes[name_end + 1..]);
            let value_end = memchr::memchr(0, after);
            rest = value_end.map(|end| &after[end + 1..]);
            Some((name, &after[..value_end.unwrap_or(after.len())]))
        })
    }

    /// The first value of a header; `name` is in lower case.
    pub fn get(self, name: &str) -> Option<&'a [u8]> {
        self.iter().find(|(key, _)| *key == name.as_bytes()).map(|(_, value)| value)
    }
}

/// Builds the bytes of a [`HeaderBlob`].
#[derive(Debug, Default, Clone)]
pub struct HeaderBlobBuf(Vec<u8>);

impl HeaderBlobBuf {
    /// An empty list with room for `bytes` bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// A list as [`HeaderBlobBuf::into_bytes`] gave it.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Adds a header; its name is put into lower case.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        if !self.0.is_empty() {
            self.0.push(0);
        }
        let start = self.0.len();
        self.0.extend_from_slice(name);
        self.0[start..].make_ascii_lowercase();
        self.0.push(0);
        self.0.extend_from_slice(value);
    }

    /// Adds a list of headers that was made before.
    pub fn push_blob(&mut self, blob: HeaderBlob<'_>) {
        if !self.0.is_empty() && !blob.0.is_empty() {
            self.0.push(0);
        }
        self.0.extend_from_slice(blob.0);
    }

    /// The list.
    pub fn as_blob(&self) -> HeaderBlob<'_> {
        HeaderBlob(&self.0)
    }

    /// Its bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Empties the list and keeps its memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// Headers that all requests of a connection share: what the edge tells of the
/// client. JavaScript gets them as one string that is made once.
pub struct SharedHeaders {
    blob: HeaderBlobBuf,
    string: RefCell<Option<(u32, v8::Global<v8::String>)>>,
}

impl SharedHeaders {
    /// Headers for all requests of a connection.
    pub fn new(blob: HeaderBlobBuf) -> Self {
        Self { blob, string: RefCell::new(None) }
    }

    /// The same list for whoever does not see it through JavaScript.
    pub fn as_blob(&self) -> HeaderBlob<'_> {
        self.blob.as_blob()
    }

    /// The string in the isolate of this epoch.
    pub(crate) fn local<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        epoch: u32,
    ) -> Option<v8::Local<'s, v8::String>> {
        let mut string = self.string.borrow_mut();
        if let Some((of_epoch, string)) = &*string
            && *of_epoch == epoch
        {
            return Some(v8::Local::new(scope, string));
        }
        let bytes = self.blob.as_blob().0;
        let local = v8::String::new_from_one_byte(scope, bytes, v8::NewStringType::Normal)?;
        *string = Some((epoch, v8::Global::new(scope, local)));
        Some(local)
    }
}

thread_local! {
    static RAY: Cell<u64> = const { Cell::new(0) };
}

/// The name of this place in `CF-Ray` and `request.cf.colo`.
pub const COLO: &str = "SLV";

/// A `CF-Ray`: 16 hex digits, a dash and the place. It names a request and
/// protects nothing.
pub fn next_ray() -> String {
    let count = match RAY.get() {
        0 => seed(),
        count => count.wrapping_add(0x9e37_79b9_7f4a_7c15),
    };
    RAY.set(count.max(1));
    // SplitMix64's finisher spreads the counter.
    let mut bits = count;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    format!("{bits:016x}-{COLO}")
}

fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish() | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_comes_back_in_order_with_lower_case_names() {
        let mut buf = HeaderBlobBuf::default();
        buf.push(b"Host", b"a.example");
        buf.push(b"X-Empty", b"");
        let pairs: Vec<_> = buf.as_blob().iter().collect();
        assert_eq!(pairs, [(&b"host"[..], &b"a.example"[..]), (&b"x-empty"[..], &b""[..])]);
        assert_eq!(buf.as_blob().get("x-empty"), Some(&b""[..]));
    }

    #[test]
    fn rays_differ() {
        assert_ne!(next_ray(), next_ray());
        assert!(next_ray().ends_with("-SLV"));
    }

    #[test]
    fn an_empty_list_has_no_header() {
        assert_eq!(HeaderBlob::default().iter().count(), 0);
    }
}
