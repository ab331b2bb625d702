//! SQL of a Worker: what is allowed, the limits, and cursors that step lazily.

use super::object::ObjectStorage;
use crate::error::Error;

/// A value of SQL.
#[derive(Debug, Clone, PartialEq)]
pub enum SqlValue {
    /// `NULL`
    Null,
    /// `INTEGER`. Cloudflare shows it to JavaScript as a number.
    Integer(i64),
    /// `REAL`
    Real(f64),
    /// `TEXT`. What is not UTF-8 was replaced by U+FFFD.
    Text(String),
    /// `BLOB`
    Blob(Vec<u8>),
}

/// The rows of a query, read as they are asked for. While a cursor lives its
/// object's connection stays open.
#[derive(Debug)]
pub struct Cursor(());

impl ObjectStorage {
    /// Runs statements. All but the last run to their end and their rows are
    /// dropped; the last one gets the bindings, and runs to its first row.
    pub fn exec(&self, query: &str, bindings: &[SqlValue]) -> Result<Cursor, Error> {
        let _ = (query, bindings);
        unimplemented!()
    }

    /// The size of the database in bytes, without what deletions left free.
    pub fn database_size(&self) -> Result<u64, Error> {
        unimplemented!()
    }
}

impl Cursor {
    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        unimplemented!()
    }

    /// Shows the next row's values to `read`, in the order of the columns;
    /// `None` after the last.
    pub fn next_with<T>(
        &mut self,
        read: impl FnOnce(&mut dyn Iterator<Item = rusqlite::types::ValueRef<'_>>) -> T,
    ) -> Result<Option<T>, Error> {
        let _ = read;
        unimplemented!()
    }

    /// The next row; `None` after the last.
    pub fn next_row(&mut self) -> Result<Option<Vec<SqlValue>>, Error> {
        unimplemented!()
    }

    /// How many rows were read so far.
    pub fn rows_read(&self) -> u64 {
        unimplemented!()
    }

    /// How many rows were written so far.
    pub fn rows_written(&self) -> u64 {
        unimplemented!()
    }
}
