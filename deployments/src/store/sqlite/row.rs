//! Columns that hold more than SQLite knows: ids, JSON.

use std::str::FromStr;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Fallible;
use crate::error::Error;
use crate::ids::{InvalidId, WorkerKey};

/// An id.
pub(super) fn id<T: FromStr<Err = InvalidId>>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error: InvalidId| senseless(column, error))
}

/// An id, or nothing.
pub(super) fn optional_id<T: FromStr<Err = InvalidId>>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| text.parse().map_err(|error: InvalidId| senseless(column, error))).transpose()
}

/// JSON.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| senseless(column, error))
}

/// JSON, or nothing.
pub(super) fn optional_json<T: DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| serde_json::from_str(&text).map_err(|error| senseless(column, error)))
        .transpose()
}

pub(super) fn senseless(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

/// A number that is not negative.
pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

/// A number that SQLite can hold; what is larger becomes the largest.
pub(super) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// As JSON.
pub(super) fn to_json(value: &impl Serialize) -> Fallible<String> {
    Ok(serde_json::to_string(value)?)
}

/// 32 random hexadecimal digits.
pub(super) fn random_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// The row of a Worker.
pub(super) fn worker_row(sql: &Connection, key: &WorkerKey) -> Fallible<Option<i64>> {
    let found = sql
        .prepare_cached("SELECT id FROM workers WHERE account = ?1 AND name = ?2")?
        .query_row([key.account.as_str(), &key.name], |row| row.get(0))
        .optional()?;
    Ok(found)
}

/// The row of a Worker that must be there.
pub(super) fn need_worker(sql: &Connection, key: &WorkerKey) -> Fallible<i64> {
    Ok(worker_row(sql, key)?.ok_or_else(|| Error::NoWorker(key.name.clone()))?)
}

/// The name of a thing for people: 1 to 100 characters, none of which controls.
pub(super) fn check_name(what: &str, name: &str) -> Fallible<()> {
    if (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::Invalid(format!("the name of {what} has 1 to 100 characters")).into())
}
