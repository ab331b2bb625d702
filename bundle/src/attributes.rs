//! Import attributes of modules that stay apart. A rule has decided what such a
//! module is, and the runtime knows no `with { type: "text" }`.

/// Blanks the attributes of imports of `name`. Positions stay, for the source map.
pub(crate) fn blank(code: &mut String, name: &str) {
    let literal = format!("\"./{name}\"");
    let mut from = 0;
    while let Some(at) = code[from..].find(&literal) {
        from += at + literal.len();
        if let Some(length) = clause(&code[from..]) {
            let blanks = " ".repeat(length);
            code.replace_range(from..from + length, &blanks);
        }
    }
}

/// How long the `with { .. }` is that a text starts with. It is all ASCII, as it was
/// printed.
fn clause(text: &str) -> Option<usize> {
    let inside = text.trim_start_matches(' ').strip_prefix("with")?;
    let inside = inside.trim_start_matches(' ').strip_prefix('{')?;
    let (attributes, rest) = inside.split_once('}')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" \t\n:\",_-".contains(&byte);
    attributes.bytes().all(plain).then(|| text.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_go_and_positions_stay() {
        let mut code =
            "import a from \"./x.txt\" with { type: \"text\" };f(\"./x.txt\")".to_owned();
        blank(&mut code, "x.txt");
        let blanks = " ".repeat(" with { type: \"text\" }".len());
        assert_eq!(code, format!("import a from \"./x.txt\"{blanks};f(\"./x.txt\")"));
        let mut code = "import a from\"./x.txt\"with{type:\"text\"};".to_owned();
        blank(&mut code, "x.txt");
        assert!(!code.contains("with"), "{code}");
    }

    #[test]
    fn other_imports_keep_theirs() {
        let text = "import a from \"./y\" with { type: \"json\" }; with (\"./x.txt\") {}";
        let mut code = text.to_owned();
        blank(&mut code, "x.txt");
        assert_eq!(code, text);
    }
}
