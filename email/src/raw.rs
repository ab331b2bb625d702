//! Messages as they go over the wire (RFC 5322).

/// The headers of a message: names and values, folded lines joined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Head(Vec<(String, String)>);

impl Head {
    /// What stands before the first empty line.
    pub(crate) fn of(raw: &[u8]) -> Self {
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in raw.split(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(line);
            let line = line.trim_end_matches('\r');
            if line.is_empty() {
                break;
            }
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = headers.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            } else if let Some((name, value)) = line.split_once(':') {
                headers.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
        Self(headers)
    }

    /// All values of a name, in their order.
    pub(crate) fn all(&self, wanted: &str) -> impl Iterator<Item = &str> {
        let found = self.0.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.as_str())
    }

    /// The first value of a name.
    pub(crate) fn get(&self, wanted: &str) -> Option<&str> {
        self.all(wanted).next()
    }
}

/// The same message with CRLF at the end of each line: what stands alone is no end
/// of a line by SMTP (RFC 5321, 2.3.8), but some relays take it for one, and then a
/// dot alone on such a line for the end of the message.
pub(crate) fn with_line_ends(raw: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(raw.len() + raw.len() / 32);
    let mut rest = raw.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'\r' => {
                rest.next_if_eq(&b'\n');
                lines.extend_from_slice(b"\r\n");
            }
            b'\n' => lines.extend_from_slice(b"\r\n"),
            byte => lines.push(byte),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_lines_are_one_and_bodies_are_no_headers() {
        let head = Head::of(b"A: 1\r\nB: 2\r\n 3\r\na: 4\r\n\r\nC: 5\r\n");
        assert_eq!(head.get("b"), Some("2 3"));
        assert_eq!(head.all("A").collect::<Vec<_>>(), ["1", "4"]);
        assert_eq!(head.get("C"), None);
    }

    #[test]
    fn no_line_feed_stands_alone() {
        assert_eq!(with_line_ends(b"a\nb\rc\r\n\n.\n"), b"a\r\nb\r\nc\r\n\r\n.\r\n");
    }
}
