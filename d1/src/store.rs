//! What a backend of D1 must do. The doc comments of [`D1Store`] are the contract.

mod sqlite;

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

pub use selvedge_storage::sql::SqlValue;
pub use sqlite::{
    Catalog, CatalogError, Clock, DatabaseInfo, DumpOptions, HistoryLimits, Restored, SqliteStore,
    TravelError,
};

use crate::Error;

/// An answer that another thread works on.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// An answer that may be at hand already.
pub enum Answer<T> {
    Ready(T),
    Later(Later<T>),
}

/// A text of SQL, and what is bound to the parameters of its last statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub sql: String,
    pub params: Vec<SqlValue>,
}

/// The statements of a text without parameters, each as a query of its own. What is
/// after the last semicolon and empty is none.
pub fn split(sql: &str) -> Vec<Query> {
    let statements = selvedge_storage::sql::split::statements(sql);
    let some = statements.filter(|statement| !statement.is_empty());
    some.map(|it| Query { sql: it.text.to_owned(), params: Vec::new() }).collect()
}

/// How many statements a text has.
pub fn count(sql: &str) -> usize {
    selvedge_storage::sql::split::statements(sql).filter(|it| !it.is_empty()).count()
}

/// How many of the rows somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    All,
    /// The first one alone. What only reads may stop there.
    First,
}

/// What a query gave: that of its last statement.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResultSet {
    pub columns: Vec<String>,
    /// Row by row, as many as there are columns for each.
    pub values: Vec<SqlValue>,
    pub rows: usize,
    pub meta: Meta,
}

/// The figures of a query.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Meta {
    /// In milliseconds.
    pub duration: f64,
    /// Rows that were inserted, updated or deleted.
    pub changes: u64,
    /// The id of the row that was inserted last into the database.
    pub last_row_id: i64,
    /// Whether the database is another one than before.
    pub changed: bool,
    /// In bytes, without what deletions left free.
    pub size_after: u64,
    /// An estimate: rows of full scans, or those that were returned.
    pub rows_read: u64,
    /// Entries of indexes included.
    pub rows_written: u64,
}

/// Why nothing came of a call. Nothing of it was written.
#[derive(Debug, Clone)]
pub enum Refusal {
    /// What Cloudflare says of the query with this number.
    Sql(usize, String),
    /// The store.
    Store(Error),
}

/// What came of a call.
pub type Results = Result<Vec<ResultSet>, Refusal>;

/// The data of one database.
///
/// - The queries of one call see one moment of the database, and are done all or
///   none: if one fails, nothing was written.
/// - What was acknowledged outlives the process and the machine's power, where the
///   backend keeps anything at all; after that every call sees it.
/// - What a query may do is what [`selvedge_storage::sql`] allows; one that takes
///   longer than [`crate::rules::MAX_QUERY`] is stopped.
pub trait D1Store: Debug + Send + Sync {
    /// Runs queries.
    fn run(&self, queries: Vec<Query>, wanted: Wanted) -> Answer<Results>;

    /// A file of SQLite with all that is in the database.
    fn dump(&self) -> Later<Result<Bytes, Refusal>>;

    /// A name of the present state. Later ones sort after it.
    fn bookmark(&self) -> String;
}
