//! What SQLite says, as Cloudflare words it.

use rusqlite::{Error, ffi};

/// The text for a Worker.
pub fn text_of(error: &Error) -> String {
    match error {
        Error::SqliteFailure(code, message) => {
            let primary = code.extended_code & 0xff;
            let message = message.clone().unwrap_or_else(|| ffi::code_to_str(primary).to_owned());
            format!("{message}: {}{}", name(primary), extended(code.extended_code))
        }
        Error::SqlInputError { error, msg, offset, .. } => {
            format!("{msg} at offset {offset}: {}", name(error.extended_code & 0xff))
        }
        Error::MultipleStatement => {
            "A prepared SQL statement must contain only one statement.".to_owned()
        }
        Error::InvalidParameterCount(..) => {
            "Wrong number of parameter bindings for SQL query.".to_owned()
        }
        Error::InvalidQuery => "SQL code did not contain a statement.".to_owned(),
        other => other.to_string(),
    }
}

/// What more SQLite says of a constraint.
fn extended(code: i32) -> String {
    let name = match code {
        ffi::SQLITE_CONSTRAINT_CHECK => "CHECK",
        ffi::SQLITE_CONSTRAINT_DATATYPE => "DATATYPE",
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => "FOREIGNKEY",
        ffi::SQLITE_CONSTRAINT_FUNCTION => "FUNCTION",
        ffi::SQLITE_CONSTRAINT_NOTNULL => "NOTNULL",
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY => "PRIMARYKEY",
        ffi::SQLITE_CONSTRAINT_ROWID => "ROWID",
        ffi::SQLITE_CONSTRAINT_TRIGGER => "TRIGGER",
        ffi::SQLITE_CONSTRAINT_UNIQUE => "UNIQUE",
        ffi::SQLITE_CONSTRAINT_VTAB => "VTAB",
        _ => return String::new(),
    };
    format!(" (extended: SQLITE_CONSTRAINT_{name})")
}

/// SQLite's name of a code.
fn name(code: i32) -> String {
    const NAMES: [&str; 27] = [
        "SQLITE_OK",
        "SQLITE_ERROR",
        "SQLITE_INTERNAL",
        "SQLITE_PERM",
        "SQLITE_ABORT",
        "SQLITE_BUSY",
        "SQLITE_LOCKED",
        "SQLITE_NOMEM",
        "SQLITE_READONLY",
        "SQLITE_INTERRUPT",
        "SQLITE_IOERR",
        "SQLITE_CORRUPT",
        "SQLITE_NOTFOUND",
        "SQLITE_FULL",
        "SQLITE_CANTOPEN",
        "SQLITE_PROTOCOL",
        "SQLITE_EMPTY",
        "SQLITE_SCHEMA",
        "SQLITE_TOOBIG",
        "SQLITE_CONSTRAINT",
        "SQLITE_MISMATCH",
        "SQLITE_MISUSE",
        "SQLITE_NOLFS",
        "SQLITE_AUTH",
        "SQLITE_FORMAT",
        "SQLITE_RANGE",
        "SQLITE_NOTADB",
    ];
    usize::try_from(code)
        .ok()
        .and_then(|code| NAMES.get(code))
        .map_or_else(|| format!("SQLITE_UNKNOWN_ERROR_CODE({code})"), |name| (*name).to_owned())
}
