//! Headers as they cross the border to JavaScript.

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
    fn an_empty_list_has_no_header() {
        assert_eq!(HeaderBlob::default().iter().count(), 0);
    }
}
