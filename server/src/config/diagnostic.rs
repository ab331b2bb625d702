//! An error or a warning about the user's files: what, where, and what to do.

use std::fmt;
use std::path::{Path, PathBuf};

use selvedge_runtime::failure::code_frame;

/// What is wrong with a configuration or a module, as a user reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub message: String,
    /// The file as the user would name it.
    pub file: Option<String>,
    /// Line and column, both from 1.
    pub position: Option<(u32, u32)>,
    /// The lines around the position.
    pub code_frame: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A problem without a place.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), file: None, position: None, code_frame: None, hint: None }
    }

    /// The same, in this file as a whole.
    #[must_use]
    pub fn in_file(mut self, path: &Path) -> Self {
        self.file = Some(shown(path));
        self
    }

    /// The same, at a byte of this file.
    #[must_use]
    pub fn at(mut self, path: &Path, text: &str, offset: usize) -> Self {
        let (line, column) = line_and_column(text, offset);
        self.file = Some(shown(path));
        self.position = Some((line, column));
        self.code_frame = code_frame(text, line, column);
        self
    }

    /// The same with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with advice, if there is any.
    #[must_use]
    pub fn with_hint_if(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    /// All of it on one line but for the frame, as warnings are.
    pub fn line(&self) -> String {
        let place = match (&self.file, self.position) {
            (Some(file), Some((line, column))) => format!("{file}:{line}:{column}: "),
            (Some(file), None) => format!("{file}: "),
            (None, _) => String::new(),
        };
        let hint = self.hint.as_ref().map_or(String::new(), |hint| format!(" ({hint})"));
        format!("{place}{}{hint}", self.message)
    }

    /// The text without the word "error" before it, for a log that has levels.
    pub fn text(&self) -> String {
        use fmt::Write as _;
        let mut text = self.message.clone();
        if let Some(file) = &self.file {
            text.push_str("\n  --> ");
            text.push_str(file);
            if let Some((line, column)) = self.position {
                let _ = write!(text, ":{line}:{column}");
            }
        }
        if let Some(frame) = &self.code_frame {
            text.push('\n');
            text.push_str(frame);
        }
        if let Some(hint) = &self.hint {
            text.push_str("\nhint: ");
            text.push_str(hint);
        }
        text
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.text())
    }
}

impl std::error::Error for Diagnostic {}

/// Line and column of a byte, both from 1, columns in characters.
pub fn line_and_column(text: &str, offset: usize) -> (u32, u32) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before[start..].chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

/// A path as the user would type it: relative when it lies below the current
/// directory.
pub fn shown(path: &Path) -> String {
    let relative = std::env::current_dir()
        .ok()
        .and_then(|here| path.strip_prefix(here).map(Path::to_path_buf).ok())
        .filter(|relative| !relative.as_os_str().is_empty());
    relative.unwrap_or_else(|| PathBuf::from(path)).display().to_string()
}

/// Of `candidates` the one that `given` was most likely meant to be.
pub fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// As similar as clap wants its suggestions to be.
    const ALIKE: f64 = 0.7;
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro(given, candidate), candidate))
        .filter(|(similarity, _)| *similarity > ALIKE)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        assert_eq!(line_and_column("ab\nc", 0), (1, 1));
        assert_eq!(line_and_column("ab\nc", 3), (2, 1));
        assert_eq!(line_and_column("é = x", "é = ".len()), (1, 5));
        assert_eq!(line_and_column("é", 1), (1, 1), "inside of a character");
        assert_eq!(line_and_column("ab", 99), (1, 3));
    }

    #[test]
    fn a_diagnostic_reads_from_what_to_where_to_advice() {
        let text = Diagnostic::new("it is wrong")
            .at(Path::new("/x/a.toml"), "one\ntwo", 4)
            .with_hint("make it right")
            .to_string();
        assert_eq!(
            text,
            "error: it is wrong\n  --> /x/a.toml:2:1\n  1 | one\n> 2 | two\n    | ^\nhint: make it right"
        );
    }

    #[test]
    fn a_typing_error_finds_what_was_meant() {
        assert_eq!(
            nearest("compat_date", ["main", "compatibility_date"]),
            Some("compatibility_date")
        );
        assert_eq!(nearest("zzz", ["main", "compatibility_date"]), None);
    }
}
