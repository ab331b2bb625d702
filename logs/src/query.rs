//! Looking for events: newest first, a page at a time.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};
use selvedge_storage::failure::failure;
use serde_json::Value;

use crate::file::File;
use crate::record::Level;
use crate::{Error, UnixMillis};

/// Items of a page at most.
pub(crate) const MAX_ITEMS: usize = 1000;
/// How long one may look: 3 s.
const PATIENCE: Duration = Duration::from_secs(3);
/// Steps of SQLite between two looks at the clock.
const STEPS: i32 = 10_000;

/// Which events of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    pub script: Option<String>,
    pub version: Option<String>,
    /// Not before.
    pub since: Option<UnixMillis>,
    /// Before.
    pub until: Option<UnixMillis>,
    pub outcome: Option<String>,
    /// This level or worse.
    pub level: Option<Level>,
    /// In a message, an exception or the URL, in any case.
    pub text: Option<String>,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// At most so many, 1,000 at most.
    pub limit: usize,
}

/// Some events.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// The newest first.
    pub items: Vec<Value>,
    /// Where the next page begins; `None`: there is none.
    pub cursor: Option<String>,
}

/// Looks into an account's file.
pub(crate) fn run(path: &Path, query: &Query) -> Result<Page, Error> {
    let (sql, values) = sql(query)?;
    let Some(mut connection) = File::read(path)? else { return Ok(Page::default()) };
    let end = Instant::now() + PATIENCE;
    let stop = move || Instant::now() > end;
    let fail = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::OperationInterrupted) => Error::TooLong,
        _ => Error::Storage(failure(path, &error)),
    };
    connection.progress_handler(STEPS, Some(stop)).map_err(fail)?;
    rows(&connection, &sql, values, limit(query)).map_err(fail)
}

fn limit(query: &Query) -> usize {
    query.limit.clamp(1, MAX_ITEMS)
}

fn rows(
    connection: &Connection,
    sql: &str,
    values: Vec<Sql>,
    limit: usize,
) -> rusqlite::Result<Page> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut page = Page::default();
    let mut last = None;
    while let Some(row) = rows.next()? {
        if page.items.len() == limit {
            page.cursor = last;
            break;
        }
        let (id, at, item): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        // What was written was JSON.
        page.items.push(serde_json::from_str(&item).unwrap_or(Value::Null));
        last = Some(format!("{at}.{id}"));
    }
    Ok(page)
}

/// The statement and its values.
fn sql(query: &Query) -> Result<(String, Vec<Sql>), Error> {
    let mut sql = "SELECT id, at, item FROM events WHERE 1".to_owned();
    let mut values: Vec<Sql> = Vec::new();
    let mut and = |condition: &str, value: Sql| {
        values.push(value);
        // Writing to a string does not fail.
        let _ = write!(sql, " AND {}", condition.replace('?', &format!("?{}", values.len())));
    };
    if let Some(script) = &query.script {
        and("script = ?", script.clone().into());
    }
    if let Some(version) = &query.version {
        and("version = ?", version.clone().into());
    }
    if let Some(since) = query.since {
        and("at >= ?", since.into());
    }
    if let Some(until) = query.until {
        and("at < ?", until.into());
    }
    if let Some(outcome) = &query.outcome {
        and("outcome = ?", outcome.clone().into());
    }
    if let Some(level) = query.level {
        and("level >= ?", level.number().into());
    }
    if let Some(text) = query.text.as_ref().filter(|text| !text.is_empty()) {
        and("instr(text, ?) > 0", text.to_lowercase().into());
    }
    if let Some(cursor) = &query.cursor {
        let parts = cursor.split_once('.');
        let numbers = parts.and_then(|(at, id)| Some((at.parse().ok()?, id.parse().ok()?)));
        let (at, id): (i64, i64) =
            numbers.ok_or_else(|| Error::Invalid("this is no cursor of a list of logs".into()))?;
        and("at <= ?", at.into());
        and(&format!("(at < {at} OR id < ?)"), id.into());
    }
    values.push(Sql::Integer(i64::try_from(limit(query) + 1).unwrap_or(i64::MAX)));
    // Writing to a string does not fail.
    let _ = write!(sql, " ORDER BY at DESC, id DESC LIMIT ?{}", values.len());
    Ok((sql, values))
}
