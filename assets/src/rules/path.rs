//! Paths of requests: as URLs have them, as files have them, and back.

use std::borrow::Cow;

use url::Url;

/// What the rules need of a request's URL.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    url: &'a str,
    /// The path as the URL standard has it: no dot segments, no backslashes.
    pub(crate) path: Cow<'a, str>,
    /// With `?`, or empty.
    pub(crate) search: &'a str,
}

impl<'a> Target<'a> {
    /// The parts of an absolute URL of HTTP without a fragment; `None`: it is none.
    pub(crate) fn of(url: &'a str) -> Option<Self> {
        let begin = url.find("://")? + 3;
        let rest = &url[begin..];
        let path_begin = rest.find(['/', '\\', '?']).unwrap_or(rest.len());
        let after = &rest[path_begin..];
        let (path, search) = match after.find('?') {
            Some(at) => after.split_at(at),
            None => (after, ""),
        };
        if is_plain(path) {
            return Some(Self { url, path: Cow::Borrowed(path), search });
        }
        let path = Url::parse(url).ok()?.path().to_owned();
        Some(Self { url, path: Cow::Owned(path), search })
    }

    /// The whole URL, parsed.
    pub(crate) fn parsed(&self) -> Option<Url> {
        Url::parse(self.url).ok()
    }
}

/// Whether a path is what the URL parser would make of it.
fn is_plain(path: &str) -> bool {
    let bytes = path.as_bytes();
    bytes.first() == Some(&b'/')
        && bytes.iter().all(|byte| {
            byte.is_ascii_alphanumeric() || b"/-_~!$&'()*+,;=:@%.[]|".contains(byte)
        })
        // Dot segments, also encoded ones.
        && !bytes.windows(2).any(|pair| pair == b"/.")
        && !bytes.windows(3).any(|three| three.eq_ignore_ascii_case(b"%2e"))
}

/// The path as files have it. A segment that is not the encoding of UTF-8 stays as
/// it is; slashes in a row become one.
pub(crate) fn decode(path: &str) -> Cow<'_, str> {
    if !path.contains('%') && !path.contains("//") {
        return Cow::Borrowed(path);
    }
    let mut decoded = String::with_capacity(path.len());
    for segment in path.split('/') {
        if !decoded.is_empty() || !std::ptr::eq(segment.as_ptr(), path.as_ptr()) {
            decoded.push('/');
        }
        match decode_segment(segment) {
            Some(segment) => decoded.push_str(&segment),
            None => decoded.push_str(segment),
        }
    }
    let mut last = None;
    decoded.retain(|character| last.replace(character) != Some('/') || character != '/');
    Cow::Owned(decoded)
}

/// As `decodeURIComponent`; `None` where that throws.
fn decode_segment(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains('%') {
        return Some(Cow::Borrowed(segment));
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        if *byte != b'%' {
            bytes.push(*byte);
            rest = after;
            continue;
        }
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        bytes.push((digit(0)? * 16 + digit(1)?) as u8);
        rest = &after[2..];
    }
    // Overlong forms and surrogates are no UTF-8.
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// The path as its URL has it: each segment as `encodeURIComponent` has it.
pub(crate) fn encode(path: &str) -> Cow<'_, str> {
    let stays = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.!~*'()".contains(&byte);
    if path.bytes().all(stays) {
        return Cow::Borrowed(path);
    }
    let mut encoded = String::with_capacity(path.len() + 16);
    for byte in path.bytes() {
        if stays(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(b"0123456789ABCDEF"[usize::from(byte >> 4)]));
            encoded.push(char::from(b"0123456789ABCDEF"[usize::from(byte & 15)]));
        }
    }
    Cow::Owned(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_the_path_that_the_url_standard_gives_it() {
        for (url, path, search) in [
            ("http://a/x/y.txt", "/x/y.txt", ""),
            ("http://a/x?y=/z", "/x", "?y=/z"),
            ("http://a:80?q", "/", "?q"),
            ("http://a", "/", ""),
            ("http://a/x/../y", "/y", ""),
            ("http://a/x/%2E%2e/y", "/y", ""),
            ("http://a/x/./y", "/x/y", ""),
            ("http://a/../../etc/passwd", "/etc/passwd", ""),
            ("http://a/..%2f..%2fetc", "/..%2f..%2fetc", ""),
            ("http://a/x\\..\\y", "/y", ""),
            ("http://a\\x", "/x", ""),
            ("http://a//b//c", "//b//c", ""),
            ("http://a/a b\"<>{}", "/a%20b%22%3C%3E%7B%7D", ""),
            ("http://a/%5c..%5c", "/%5c..%5c", ""),
            ("http://a/.well-known/x", "/.well-known/x", ""),
        ] {
            let target = Target::of(url).unwrap_or_else(|| panic!("{url}"));
            assert_eq!((&*target.path, target.search), (path, search), "{url}");
            let parsed = Url::parse(url).expect("it is a URL");
            assert_eq!(target.path, parsed.path(), "{url}");
        }
        assert!(Target::of("nonsense").is_none());
    }

    #[test]
    fn segments_are_decoded_if_they_are_utf8() {
        for (path, decoded) in [
            ("/a/b", "/a/b"),
            ("/a%20b/%C3%BC", "/a b/\u{fc}"),
            ("/%ff/%20", "/%ff/ "),
            ("/%zz%20", "/%zz%20"),
            ("/%", "/%"),
            ("/%4", "/%4"),
            ("/..%2f..%2fetc", "/../../etc"),
            ("/%c0%ae%c0%ae/", "/%c0%ae%c0%ae/"),
            ("/%ed%a0%80", "/%ed%a0%80"),
            ("/%00", "/\0"),
            ("/%5c", "/\\"),
            ("//a///b", "/a/b"),
            ("/a%2f%2fb", "/a/b"),
            ("/%2541", "/%41"),
            ("//", "/"),
        ] {
            assert_eq!(decode(path), decoded, "{path}");
        }
    }

    #[test]
    fn encoding_is_that_of_encode_uri_component() {
        assert_eq!(encode("/a-b_c.d!e~f*g'h(i)j"), "/a-b_c.d!e~f*g'h(i)j");
        assert_eq!(encode("/a b@\u{fc}%[x]\\\0"), "/a%20b%40%C3%BC%25%5Bx%5D%5C%00");
    }
}
