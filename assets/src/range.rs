//! `Range`: a part of an asset (RFC 9110, 14).

/// What a request asks of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    /// From the first byte to before the second one.
    Bytes(u64, u64),
    /// None of it is there.
    Outside,
}

impl Part {
    /// The part that a value of `Range` asks for. Several parts at once, other units
    /// and what makes no sense are not honoured: the whole comes.
    pub(crate) fn of(value: &[u8], size: u64) -> Self {
        let Some(range) = parse(value) else { return Self::Whole };
        match range {
            (None, None) => Self::Whole,
            (Some(first), _) if first >= size => Self::Outside,
            (Some(first), Some(last)) if last < first => Self::Whole,
            (Some(first), last) => {
                Self::Bytes(first, last.map_or(size, |last| last.saturating_add(1).min(size)))
            }
            (None, Some(0)) => Self::Outside,
            (None, Some(_)) if size == 0 => Self::Outside,
            (None, Some(suffix)) => Self::Bytes(size.saturating_sub(suffix), size),
        }
    }
}

/// First and last byte; only the last: so many at the end.
fn parse(value: &[u8]) -> Option<(Option<u64>, Option<u64>)> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let (unit, range) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let number = |digits: &str| -> Option<Option<u64>> {
        if digits.is_empty() {
            return Some(None);
        }
        let digits = digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(digits)?;
        // Larger than any content.
        Some(Some(digits.parse().unwrap_or(u64::MAX)))
    };
    Some((number(first)?, number(last)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_is_honoured() {
        for (value, part) in [
            ("bytes=0-0", Part::Bytes(0, 1)),
            ("bytes=2-4", Part::Bytes(2, 5)),
            ("bytes=2-", Part::Bytes(2, 10)),
            ("bytes=-3", Part::Bytes(7, 10)),
            ("bytes=-30", Part::Bytes(0, 10)),
            ("bytes=5-99999999999999999999", Part::Bytes(5, 10)),
            ("bytes=10-", Part::Outside),
            ("bytes=99999999999999999999-", Part::Outside),
            ("bytes=-0", Part::Outside),
            ("bytes=4-2", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("items=0-1", Part::Whole),
            ("", Part::Whole),
        ] {
            assert_eq!(Part::of(value.as_bytes(), 10), part, "{value}");
        }
        assert_eq!(Part::of(b"bytes=0-", 0), Part::Outside);
        assert_eq!(Part::of(b"bytes=-1", 0), Part::Outside);
    }
}
