//! The rules by which a path becomes an asset, a redirect, or neither. They know
//! no files and no bodies.

pub(crate) mod headers;
pub(crate) mod html;
pub(crate) mod path;
mod pattern;
pub(crate) mod redirects;
pub(crate) mod worker_first;

/// Lines of `_headers` and `_redirects` may have so many characters.
const MAX_LINE: usize = 2000;

/// A line of a rules file that is not a rule, for people.
fn invalid(file: &str, number: usize, message: &str) -> String {
    format!("{file}:{number}: {message}")
}
