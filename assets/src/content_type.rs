//! The content type of a file, by the extension of its name.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use crate::hash::extension;

/// A type and its extensions per line: the registry of mime-db as npm's `mime`
/// 4.0.7 has it, which wrangler 4 goes by.
const TABLE: &str = include_str!("content_type/table.txt");

/// Types by extension. They are shared, since many files have the same.
static TYPES: LazyLock<HashMap<&'static str, Arc<str>>> = LazyLock::new(|| {
    let mut types = HashMap::new();
    for line in TABLE.lines() {
        let mut words = line.split(' ');
        let name = words.next().unwrap_or_default();
        let full: Arc<str> = match name.starts_with("text/") {
            true => format!("{name}; charset=utf-8").into(),
            false => name.into(),
        };
        types.extend(words.map(|extension| (extension, full.clone())));
    }
    types
});

/// The content type of the file at this path, if its extension tells: with
/// `charset=utf-8` where it is text.
pub fn content_type(path: &str) -> Option<Arc<str>> {
    let extension = extension(path);
    match extension.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => TYPES.get(extension.to_ascii_lowercase().as_str()).cloned(),
        false => TYPES.get(extension).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_tell_the_type() {
        let of = |path| content_type(path);
        assert_eq!(of("/a/index.html").as_deref(), Some("text/html; charset=utf-8"));
        assert_eq!(of("/a.JS").as_deref(), Some("text/javascript; charset=utf-8"));
        assert_eq!(of("/a.json").as_deref(), Some("application/json"));
        assert_eq!(of("/a.b/logo.svg").as_deref(), Some("image/svg+xml"));
        assert_eq!(of("/font.woff2").as_deref(), Some("font/woff2"));
        assert_eq!(of("/bundle.wasm").as_deref(), Some("application/wasm"));
        assert_eq!(
            [of("/README"), of("/a.unheard-of"), of("/.html"), of("/a.")],
            [const { None }; 4]
        );
    }

    #[test]
    fn no_extension_has_two_types() {
        let extensions = TABLE.lines().flat_map(|line| line.split(' ').skip(1));
        assert_eq!(extensions.count(), TYPES.len());
    }
}
