//! `Range` (RFC 9110, 14.1.2).

use http_range_header::RangeUnsatisfiableError;

use crate::rules::Answer;

/// Bytes from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub first: u64,
    pub last: u64,
}

impl Range {
    /// How many bytes.
    pub fn length(self) -> u64 {
        self.last - self.first + 1
    }
}

/// What a `Range` header selects of so many bytes. What is no range, and more than
/// one, select all, as a server may do.
pub(crate) fn select(header: &[u8], length: u64) -> Answer {
    let Ok(text) = std::str::from_utf8(header) else { return Answer::Whole };
    let Ok(parsed) = http_range_header::parse_range_header(text) else { return Answer::Whole };
    if parsed.len() != 1 {
        return Answer::Whole;
    }
    match parsed.validate(length).as_deref() {
        Ok([range]) => Answer::Part(Range { first: *range.start(), last: *range.end() }),
        Ok(_) | Err(RangeUnsatisfiableError::Rejected(_)) => Answer::Whole,
        Err(_) => Answer::Unsatisfiable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_cut_and_others_are_not() {
        let part = |first, last| Answer::Part(Range { first, last });
        assert_eq!(select(b"bytes=1-2", 5), part(1, 2));
        assert_eq!(select(b"bytes=3-", 5), part(3, 4));
        assert_eq!(select(b"bytes=-2", 5), part(3, 4));
        assert_eq!(select(b"bytes=0-0", 5), part(0, 0));
        assert_eq!(select(b"bytes=2-99", 5), part(2, 4));
        assert_eq!(select(b"bytes=100-200", 5), Answer::Unsatisfiable);
        assert_eq!(select(b"bytes=0-0,2-3", 5), Answer::Whole);
        assert_eq!(select(b"lines=1-2", 5), Answer::Whole);
        assert_eq!(select(b"bytes=2-1", 5), Answer::Whole);
        assert_eq!(select(b"bytes=-0", 5), Answer::Unsatisfiable);
        assert_eq!(select(b"bytes=0-", 0), Answer::Unsatisfiable);
    }
}
