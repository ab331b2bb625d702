//! Why a request or a start ended without a response.

use std::fmt;

/// How an invocation ended; the names are those of `outcome` in tail events
/// (workerd `io/outcome.capnp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    Exception,
    ExceededCpu,
    ExceededMemory,
    ExceededWallTime,
    Canceled,
    ScriptNotFound,
    InternalError,
    LoadShed,
}

impl Outcome {
    /// Cloudflare's spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Exception => "exception",
            Self::ExceededCpu => "exceededCpu",
            Self::ExceededMemory => "exceededMemory",
            Self::ExceededWallTime => "exceededWallTime",
            Self::Canceled => "canceled",
            Self::ScriptNotFound => "scriptNotFound",
            Self::InternalError => "internalError",
            Self::LoadShed => "loadShed",
        }
    }

    /// The code on Cloudflare's error page: 1101 for exceptions, 1102 for limits
    /// (<https://developers.cloudflare.com/workers/observability/errors/>).
    pub fn error_code(self) -> u16 {
        match self {
            Self::ExceededCpu | Self::ExceededMemory | Self::ExceededWallTime => 1102,
            _ => 1101,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A place in a module of the Worker. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The module's name.
    pub module: String,
    pub line: u32,
    pub column: u32,
}

/// Why there is no response, or why a Worker did not start.
#[derive(Debug, Clone)]
pub struct Failure {
    pub outcome: Outcome,
    /// The exception's name and message, or what was exceeded.
    pub message: String,
    /// The stack below the message, one frame a line, internal frames left out.
    pub stack: String,
    /// Where it happened, if in a module of the Worker.
    pub position: Option<Position>,
    /// The lines around the position with a marker, without colour.
    pub code_frame: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a place.
    pub fn new(outcome: Outcome, message: impl Into<String>) -> Self {
        Self {
            outcome,
            message: message.into(),
            stack: String::new(),
            position: None,
            code_frame: None,
            hint: None,
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(position) = &self.position {
            write!(f, "\n  --> {}:{}:{}", position.module, position.line, position.column)?;
        }
        if let Some(frame) = &self.code_frame {
            write!(f, "\n{frame}")?;
        }
        if !self.stack.is_empty() {
            write!(f, "\n{}", self.stack)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// The lines around a position, with a marker under its column.
pub fn code_frame(source: &str, line: u32, column: u32) -> Option<String> {
    const CONTEXT: u32 = 2;
    const MAX_WIDTH: usize = 160;
    let lines = source.lines().count();
    // What is missing at the end of a file is missing after its last line.
    let (line, column) = match source.lines().last() {
        Some(last) if line as usize == lines + 1 => (line - 1, last.chars().count() as u32 + 1),
        _ => (line, column),
    };
    if line == 0 || line as usize > lines {
        return None;
    }
    let first = line.saturating_sub(CONTEXT).max(1);
    let width = (line + CONTEXT).to_string().len();
    let mut out = String::new();
    for (number, text) in (first..=line + CONTEXT).zip(source.lines().skip(first as usize - 1)) {
        let marker = if number == line { '>' } else { ' ' };
        // A bundled file may be one very long line: show the part that matters.
        let (text, shift) = if text.chars().count() > MAX_WIDTH {
            let from =
                if number == line { (column as usize).saturating_sub(MAX_WIDTH / 2) } else { 0 };
            (text.chars().skip(from).take(MAX_WIDTH).collect::<String>(), from)
        } else {
            (text.replace('\t', " "), 0)
        };
        out.push_str(&format!("{marker} {number:>width$} | {text}\n"));
        if number == line && column > 0 {
            let indent = (column as usize - 1).saturating_sub(shift);
            out.push_str(&format!("  {:>width$} | {}^\n", "", " ".repeat(indent)));
        }
    }
    out.pop();
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_frame_marks_the_column() {
        let frame = code_frame("one\ntwo\nthree\nfour", 2, 3).expect("line 2 exists");
        assert_eq!(frame, "  1 | one\n> 2 | two\n    |   ^\n  3 | three\n  4 | four");
    }

    #[test]
    fn a_line_that_is_not_there_has_no_frame() {
        assert_eq!(code_frame("one", 9, 1), None);
        assert_eq!(code_frame("", 0, 0), None);
    }

    #[test]
    fn the_end_of_a_file_is_after_its_last_line() {
        let frame = code_frame("one\ntwo\n", 3, 1).expect("the end");
        assert_eq!(frame, "  1 | one\n> 2 | two\n    |    ^");
    }

    #[test]
    fn a_very_long_line_is_cut_around_the_column() {
        let source = format!("{}X{}", "a".repeat(5000), "b".repeat(5000));
        let frame = code_frame(&source, 1, 5001).expect("line 1 exists");
        assert!(frame.len() < 500 && frame.contains('X'));
    }
}
