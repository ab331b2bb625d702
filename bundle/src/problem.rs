//! An error or a warning about the user's files: what, where, and what to do.

use std::fmt;
use std::path::{Component, Path};

/// What is wrong with a source, as a user reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub message: String,
    /// The file, from the root of the project, with `/`.
    pub file: Option<String>,
    /// Line and column, both from 1; columns count characters.
    pub position: Option<(u32, u32)>,
    /// The lines around the position.
    pub code_frame: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem without a place.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), file: None, position: None, code_frame: None, hint: None }
    }

    /// The same, in this file as a whole.
    pub(crate) fn in_file(mut self, file: impl Into<String>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// The same, at a byte of this file.
    pub(crate) fn at(self, file: impl Into<String>, text: &str, offset: usize) -> Self {
        self.at_position(file, text, line_and_column(text, offset))
    }

    /// The same, at a line and a column of this file.
    pub(crate) fn at_position(
        mut self,
        file: impl Into<String>,
        text: &str,
        position: (u32, u32),
    ) -> Self {
        self.file = Some(file.into());
        self.position = Some(position);
        self.code_frame = code_frame(text, position.0, position.1);
        self
    }

    /// The same with advice.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with advice, if there is any.
    pub(crate) fn with_hint_if(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(file) = &self.file {
            write!(f, "\n  --> {file}")?;
            if let Some((line, column)) = self.position {
                write!(f, ":{line}:{column}")?;
            }
        }
        if let Some(frame) = &self.code_frame {
            write!(f, "\n{frame}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

/// Line and column of a byte, both from 1, columns in characters.
pub(crate) fn line_and_column(text: &str, offset: usize) -> (u32, u32) {
    let before = &text[..text.floor_char_boundary(offset)];
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before[start..].chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

/// A column in characters from 1, of one in UTF-16 units from 0.
pub(crate) fn column_in_characters(text: &str, line: usize, utf16: usize) -> u32 {
    let line = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let mut units = 0;
    let characters = line.chars().take_while(|character| {
        units += character.len_utf16();
        units <= utf16
    });
    u32::try_from(characters.count() + 1).unwrap_or(u32::MAX)
}

/// The lines around a position, with a marker under its column.
fn code_frame(text: &str, line: u32, column: u32) -> Option<String> {
    const CONTEXT: u32 = 2;
    const MAX_WIDTH: usize = 160;
    if line == 0 || line as usize > text.lines().count() {
        return None;
    }
    let first = line.saturating_sub(CONTEXT).max(1);
    let width = (line + CONTEXT).to_string().len();
    let mut frame: Vec<String> = Vec::new();
    for (number, text) in (first..=line + CONTEXT).zip(text.lines().skip(first as usize - 1)) {
        let marker = if number == line { '>' } else { ' ' };
        // A file of a package may be one very long line: show the part that matters.
        let from = if number == line && text.chars().count() > MAX_WIDTH {
            (column as usize).saturating_sub(MAX_WIDTH / 2)
        } else {
            0
        };
        let shown: String = text.replace('\t', " ").chars().skip(from).take(MAX_WIDTH).collect();
        frame.push(format!("{marker} {number:>width$} | {shown}"));
        if number == line && column > 0 {
            let indent = (column as usize - 1).saturating_sub(from);
            frame.push(format!("  {:>width$} | {}^", "", " ".repeat(indent)));
        }
    }
    Some(frame.join("\n"))
}

/// A path as it is said to the user: from the root of the project, with `/`.
pub(crate) fn shown(root: &Path, path: &Path) -> String {
    let relative = relative_to(root, path);
    relative.unwrap_or_else(|| path.to_string_lossy().replace('\\', "/"))
}

/// A path from a folder, with `/` and with `../` where it must be.
pub(crate) fn relative_to(folder: &Path, path: &Path) -> Option<String> {
    if !path.is_absolute() || !folder.is_absolute() {
        return None;
    }
    let (mut from, mut to) = (folder.components().peekable(), path.components().peekable());
    while from.peek().is_some() && from.peek() == to.peek() {
        from.next();
        to.next();
    }
    let up = from.map(|_| "..".to_owned());
    let down = to.filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    });
    Some(up.chain(down).collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        assert_eq!(line_and_column("ab\nc", 3), (2, 1));
        assert_eq!(line_and_column("\u{e9}", 1), (1, 1), "inside of a character");
        assert_eq!(column_in_characters("a\u{1f600}b", 1, 3), 3);
        assert_eq!(column_in_characters("", 1, 0), 1);
        assert_eq!(column_in_characters("x", 9, 5), 1, "the file has changed since");
    }

    #[test]
    fn a_problem_reads_from_what_to_where_to_advice() {
        let problem = Problem::new("it is wrong").at("a.ts", "one\ntwo", 4).with_hint("mend it");
        assert_eq!(
            problem.to_string(),
            "it is wrong\n  --> a.ts:2:1\n  1 | one\n> 2 | two\n    | ^\nhint: mend it"
        );
    }

    #[test]
    fn a_frame_of_a_very_long_line_shows_the_place() {
        let text = format!("{}!{}", "x".repeat(5000), "y".repeat(5000));
        let frame = code_frame(&text, 1, 5001).expect("the line is there");
        let (shown, marked) = frame.split_once('\n').expect("two lines");
        assert_eq!(shown.find('!'), marked.find('^'));
        assert!(shown.len() < 200, "{}", shown.len());
    }

    #[test]
    fn paths_outside_of_the_folder_go_up() {
        let of = |path: &str| relative_to(Path::new("/p/app"), Path::new(path));
        assert_eq!(of("/p/app/src/a.ts").as_deref(), Some("src/a.ts"));
        assert_eq!(of("/p/lib/b.ts").as_deref(), Some("../lib/b.ts"));
        assert_eq!(of("b.ts"), None);
    }
}
