//! Records as people read them.

use std::fmt::Write as _;

use http::StatusCode;
use selvedge_runtime::{ConsoleLevel, Outcome};

use super::record::{Event, FailureRecord, Record, Request};
use super::time::push_duration;
use super::{Colors, Level};

/// Where a line goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

const RESET: &str = "\x1b[0m";
const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const CYAN: &str = "\x1b[36m";

/// The stream of a record.
pub(super) fn stream_of(record: &Record) -> Stream {
    let is_problem = match record {
        Record::Console { level, .. } => {
            matches!(level, ConsoleLevel::Warn | ConsoleLevel::Error)
        }
        Record::Failure(_) => true,
        Record::Event(event) => event.level <= Level::Warn,
        Record::Request(_) | Record::Listening { .. } | Record::Flush(_) => false,
    };
    if is_problem { Stream::Stderr } else { Stream::Stdout }
}

/// Appends a record with its line end.
pub(super) fn push(out: &mut String, record: &Record, colors: Colors) {
    let color = match stream_of(record) {
        Stream::Stdout => colors.stdout,
        Stream::Stderr => colors.stderr,
    };
    let mut paint = Paint { out, color };
    match record {
        Record::Request(request) => push_request(&mut paint, request),
        // As the Worker said it: it may want to draw.
        Record::Console { text, .. } => paint.out.push_str(text),
        Record::Failure(record) => push_failure(&mut paint, record),
        Record::Listening { worker, url } => {
            paint.styled(BOLD, worker);
            paint.out.push_str(" is ready on ");
            paint.styled(CYAN, url);
        }
        Record::Event(event) => push_event(&mut paint, event),
        Record::Flush(_) => return,
    }
    out.push('\n');
}

struct Paint<'a> {
    out: &'a mut String,
    color: bool,
}

impl Paint<'_> {
    fn styled(&mut self, style: &str, text: &str) {
        if self.color {
            self.out.push_str(style);
        }
        push_printable(self.out, text);
        if self.color {
            self.out.push_str(RESET);
        }
    }
}

fn push_request(paint: &mut Paint<'_>, request: &Request) {
    let ended = &request.ended;
    push_printable(paint.out, request.method());
    paint.out.push(' ');
    push_printable(paint.out, request.path());
    paint.out.push(' ');
    if ended.status == 0 {
        paint.styled(YELLOW, ended.outcome.as_str());
    } else {
        let reason = StatusCode::from_u16(ended.status).ok().and_then(|it| it.canonical_reason());
        let status = match reason {
            Some(reason) => format!("{} {reason}", ended.status),
            None => ended.status.to_string(),
        };
        paint.styled(style_of(ended.status), &status);
    }
    let mut spent = String::from("(");
    push_duration(&mut spent, ended.wall);
    spent.push_str(", ");
    push_duration(&mut spent, ended.cpu);
    spent.push_str(" CPU)");
    paint.out.push(' ');
    paint.styled(DIM, &spent);
    if ended.status != 0 && ended.outcome != Outcome::Ok {
        paint.out.push(' ');
        paint.styled(RED, ended.outcome.as_str());
    }
}

fn style_of(status: u16) -> &'static str {
    match status {
        200..=299 => GREEN,
        400..=499 => YELLOW,
        500.. => RED,
        _ => CYAN,
    }
}

fn push_failure(paint: &mut Paint<'_>, record: &FailureRecord) {
    paint.styled(RED, "error");
    paint.out.push_str(": ");
    push_printable(paint.out, &record.method);
    paint.out.push(' ');
    push_printable(paint.out, &record.path);
    let _ = write!(paint.out, ": {}", record.failure);
    if let Some(reference) = &record.reference {
        let _ = write!(paint.out, "\nreference: {reference}");
    }
}

fn push_event(paint: &mut Paint<'_>, event: &Event) {
    let style = match event.level {
        Level::Error => RED,
        Level::Warn => YELLOW,
        _ => DIM,
    };
    paint.styled(style, event.level.as_str());
    paint.out.push_str(": ");
    paint.out.push_str(&event.message);
    for field in &event.fields {
        let _ = match &field.value {
            serde_json::Value::String(text) if is_word(text) => {
                write!(paint.out, " {}={text}", field.name)
            }
            value => write!(paint.out, " {}={value}", field.name),
        };
    }
}

/// Whether a value reads as one without quotes.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|it| !it.is_whitespace() && !it.is_control() && it != '"' && it != '=')
}

/// Appends text from the network: nothing in it may move the cursor.
fn push_printable(out: &mut String, text: &str) {
    if text.chars().any(char::is_control) {
        for character in text.chars() {
            match character.is_control() {
                true => out.extend(character.escape_default()),
                false => out.push(character),
            }
        }
    } else {
        out.push_str(text);
    }
}
