//! How deep a source is nested. Parser, transformer and printer recurse, and a
//! stack that overflows ends the process.

/// Deeper than any program, generated ones included. Stacks are sized for it.
pub(crate) const MAX_DEPTH: usize = 2_000;

/// The first byte that stands deeper than [`MAX_DEPTH`]. Brackets in strings and
/// comments count too, which no real source minds.
pub(crate) fn too_deep(text: &str) -> Option<usize> {
    let (mut depth, mut prefixes) = (0usize, 0usize);
    for (offset, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        prefixes = if matches!(byte, b'!' | b'~') { prefixes + 1 } else { 0 };
        if depth + prefixes > MAX_DEPTH {
            return Some(offset);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_where_it_gets_too_deep() {
        assert_eq!(too_deep(&"()".repeat(MAX_DEPTH * 2)), None);
        assert_eq!(too_deep(&"[".repeat(MAX_DEPTH)), None);
        assert_eq!(too_deep(&"[".repeat(MAX_DEPTH + 1)), Some(MAX_DEPTH));
        assert_eq!(too_deep(&"!".repeat(MAX_DEPTH + 1)), Some(MAX_DEPTH));
    }
}
