//! Questions about points, in SQL
//! (<https://developers.cloudflare.com/analytics/analytics-engine/sql-api/>).

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use selvedge_storage::failure::failure;
use selvedge_storage::file;
use serde_json::{Map, Value, json};

use crate::Error;
use crate::sql::{Format, translate};
use crate::store::{POINTS, columns};

/// How long a question may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Rows of an answer.
const MAX_ROWS: usize = 100_000;
/// What all texts of an answer may have: 32 MiB.
const MAX_BYTES: usize = 32 * 1024 * 1024;
/// SQLite's steps between two looks at the clock.
const STEPS: i32 = 10_000;

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Names and types of the columns.
    pub columns: Vec<(String, &'static str)>,
    pub rows: Vec<Vec<Value>>,
    pub format: Format,
}

/// Answers a question about an account's points. Blocks.
///
/// # Errors
/// [`Error::Sql`] when it is not one that may be asked.
pub fn ask(path: &Path, sql: &str) -> Result<Answer, Error> {
    let (sql, format) = translate(sql).map_err(Error::Sql)?;
    if !path.exists() {
        // Nothing was written yet.
        let mut connection = Connection::open_in_memory().map_err(|error| failure(path, &error))?;
        connection.execute_batch(POINTS.schema).map_err(|error| failure(path, &error))?;
        return run(&mut connection, path, &sql, format);
    }
    file::check(path, &POINTS)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection =
        Connection::open_with_flags(path, flags).map_err(|error| failure(path, &error))?;
    connection.busy_timeout(PATIENCE).map_err(|error| failure(path, &error))?;
    run(&mut connection, path, &sql, format)
}

fn run(
    connection: &mut Connection,
    path: &Path,
    sql: &str,
    format: Format,
) -> Result<Answer, Error> {
    views(connection).map_err(|error| failure(path, &error))?;
    let begun = Instant::now();
    let mut guard = || -> rusqlite::Result<()> {
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.progress_handler(STEPS, Some(move || begun.elapsed() > PATIENCE))?;
        connection.authorizer(Some(|context: AuthContext<'_>| may(&context.action)))
    };
    guard().map_err(|error| failure(path, &error))?;
    let answer =
        read(connection, sql, format).map_err(|error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::OperationInterrupted) => Error::TooLong,
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::SystemIoFailure) => {
                failure(path, &error).into()
            }
            _ => Error::Sql(error.to_string()),
        })?;
    let large = || Error::Sql("the answer is too large: ask for less with LIMIT".to_owned());
    answer.ok_or_else(large)
}

/// One view for each dataset, of its name.
fn views(connection: &Connection) -> rusqlite::Result<()> {
    let names = connection
        .prepare("SELECT DISTINCT dataset FROM points")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    let columns = columns().join(", ");
    for name in names {
        let (view, text) = (name.replace('"', "\"\""), name.replace('\'', "''"));
        connection.execute_batch(&format!(
            "CREATE TEMP VIEW \"{view}\" AS SELECT {columns} FROM main.points WHERE dataset = '{text}'"
        ))?;
    }
    Ok(())
}

/// Only reading, and functions that reach nothing else.
fn may(action: &AuthAction<'_>) -> Authorization {
    match action {
        AuthAction::Select | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Read { table_name, .. } if !table_name.starts_with("sqlite_") => {
            Authorization::Allow
        }
        AuthAction::Function { function_name } if *function_name != "load_extension" => {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}

/// `None`: the answer is too large.
fn read(connection: &Connection, sql: &str, format: Format) -> rusqlite::Result<Option<Answer>> {
    let mut statement = connection.prepare(sql)?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut rows = Vec::new();
    let mut bytes = 0;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let mut values = Vec::with_capacity(names.len());
        for column in 0..names.len() {
            let value = row.get_ref(column)?;
            bytes += value.as_bytes().map_or(8, <[u8]>::len);
            values.push(shown(value));
        }
        rows.push(values);
        if rows.len() > MAX_ROWS || bytes > MAX_BYTES {
            return Ok(None);
        }
    }
    let kinds = (0..names.len()).map(|column| kind(&rows, column));
    let columns = names.iter().cloned().zip(kinds).collect();
    Ok(Some(Answer { columns, rows, format }))
}

fn shown(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into(),
    }
}

/// The type of a column, in ClickHouse's words.
fn kind(rows: &[Vec<Value>], column: usize) -> &'static str {
    let first = rows.iter().map(|row| &row[column]).find(|value| !value.is_null());
    match first {
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => "Int64",
        Some(Value::Number(_)) => "Float64",
        _ => "String",
    }
}

impl Answer {
    fn object(&self, row: &[Value]) -> Value {
        let names = self.columns.iter().map(|(name, _)| name.clone());
        Value::Object(names.zip(row.iter().cloned()).collect::<Map<_, _>>())
    }

    /// Its content type, and itself as it was asked for.
    pub fn write(&self) -> (&'static str, String) {
        match self.format {
            Format::Json => {
                let meta: Vec<Value> = self
                    .columns
                    .iter()
                    .map(|(name, kind)| json!({ "name": name, "type": kind }))
                    .collect();
                let data: Vec<Value> = self.rows.iter().map(|row| self.object(row)).collect();
                let rows = self.rows.len();
                let all = json!({ "meta": meta, "data": data, "rows": rows, "rows_before_limit_at_least": rows });
                ("application/json", all.to_string())
            }
            Format::JsonEachRow => {
                let lines = self.rows.iter().map(|row| format!("{}\n", self.object(row)));
                ("application/x-ndjson", lines.collect())
            }
            Format::TabSeparated => {
                let lines = self.rows.iter().map(|row| {
                    let cells: Vec<String> = row.iter().map(cell).collect();
                    format!("{}\n", cells.join("\t"))
                });
                ("text/tab-separated-values; charset=UTF-8", lines.collect())
            }
        }
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "\\N".to_owned(),
        Value::String(text) => text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n"),
        other => other.to_string(),
    }
}
