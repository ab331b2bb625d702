//! Keys and values of an object, in the table `_cf_KV`. Values are bytes; keys
//! are in the order of their bytes in UTF-8.

use std::rc::Rc;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};
use selvedge_storage::ours;
use selvedge_storage::sql::ours::OURS;

use super::database::Database;
use super::object::{Inner, ObjectStorage};
use crate::error::Error;

const MAKE_TABLE: &str = "CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID";
const PUT: &str =
    ours!("INSERT INTO _cf_KV VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value");

/// A key with its value.
pub type Entry = (String, Vec<u8>);

/// What `list` is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// Only keys from this one on.
    pub start: Option<String>,
    /// Only keys after this one.
    pub start_after: Option<String>,
    /// Only keys before this one.
    pub end: Option<String>,
    /// Only keys that begin with this.
    pub prefix: Option<String>,
    /// From the last key to the first.
    pub reverse: bool,
    /// At most this many.
    pub limit: Option<usize>,
}

impl ObjectStorage {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.get_with(key, <[u8]>::to_vec)
    }

    /// Shows the value of a key to `read`, without copying it. `read` must not
    /// use this object's storage.
    pub fn get_with<T>(
        &self,
        key: &str,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, Error> {
        self.0.read_kv(None, |connection| {
            let mut statement =
                connection.prepare_cached(ours!("SELECT value FROM _cf_KV WHERE key = ?1"))?;
            let mut rows = statement.query([key])?;
            match rows.next()? {
                Some(row) => Ok(Some(read(blob(row.get_ref(0)?)?))),
                None => Ok(None),
            }
        })
    }

    /// The values of several keys, in their order.
    pub fn get_many<K: AsRef<str>>(&self, keys: &[K]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        keys.iter().map(|key| self.get(key.as_ref())).collect()
    }

    /// Sets the value of a key.
    pub fn put(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        let database = self.0.to_write_kv()?;
        self.0.run(&database, |connection| {
            connection.prepare_cached(PUT)?.execute((key, value)).map(drop)
        })
    }

    /// Sets several values: all of them, or none if one is refused.
    pub fn put_many<K: AsRef<str>, V: AsRef<[u8]>>(&self, entries: &[(K, V)]) -> Result<(), Error> {
        self.all_or_none(|| {
            entries.iter().try_for_each(|(key, value)| self.put(key.as_ref(), value.as_ref()))
        })
    }

    /// Deletes a key. Tells whether it was there.
    pub fn delete(&self, key: &str) -> Result<bool, Error> {
        let exists = self.0.read_kv(false, |connection| {
            connection.prepare_cached(ours!("SELECT 1 FROM _cf_KV WHERE key = ?1"))?.exists([key])
        })?;
        // What deletes nothing is no write.
        if exists {
            let database = self.0.to_write_kv()?;
            self.0.run(&database, |connection| {
                connection
                    .prepare_cached(ours!("DELETE FROM _cf_KV WHERE key = ?1"))?
                    .execute([key])
                    .map(drop)
            })?;
        }
        Ok(exists)
    }

    /// Deletes several keys. Tells how many were there.
    pub fn delete_many<K: AsRef<str>>(&self, keys: &[K]) -> Result<usize, Error> {
        let mut deleted = 0;
        self.all_or_none(|| {
            keys.iter().try_for_each(|key| {
                deleted += usize::from(self.delete(key.as_ref())?);
                Ok(())
            })
        })?;
        Ok(deleted)
    }

    /// The keys of a range with their values.
    pub fn list(&self, options: &ListOptions) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        self.list_with(options, |key, value| entries.push((key.to_owned(), value.to_vec())))?;
        Ok(entries)
    }

    /// Shows the keys of a range with their values to `each`, without copying
    /// them. `each` must not use this object's storage.
    pub fn list_with(
        &self,
        options: &ListOptions,
        mut each: impl FnMut(&str, &[u8]),
    ) -> Result<(), Error> {
        let (sql, bounds) = query(options);
        self.0.read_kv((), |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params_from_iter(bounds))?;
            while let Some(row) = rows.next()? {
                each(row.get_ref(0)?.as_str()?, blob(row.get_ref(1)?)?);
            }
            Ok(())
        })
    }

    /// Does writes that must not be done in part.
    fn all_or_none(&self, write: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
        self.savepoint()?;
        match write() {
            Ok(()) => self.release_savepoint(),
            Err(error) => {
                if self.failure().is_none() {
                    self.rollback_savepoint()?;
                }
                Err(error)
            }
        }
    }
}

impl Inner {
    /// Runs SQL of ours, and sees what became of the transaction if it fails.
    #[inline]
    pub(super) fn run<T>(
        self: &Rc<Self>,
        database: &Database,
        run: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        database.run(run).map_err(|error| self.check(database, error))
    }

    /// Reads the table, or answers `none` where there is no table.
    #[inline]
    fn read_kv<T>(
        self: &Rc<Self>,
        none: T,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        match self.to_read()? {
            Some(database) if database.tables()?.kv => self.run(&database, read),
            _ => Ok(none),
        }
    }

    fn to_write_kv(self: &Rc<Self>) -> Result<Rc<Database>, Error> {
        let database = self.to_write()?;
        if !database.tables()?.kv {
            self.run(&database, |connection| connection.execute_batch(MAKE_TABLE))?;
            database.forget_tables();
        }
        Ok(database)
    }
}

/// The bytes of a value. `NULL` is the empty one.
fn blob(value: ValueRef<'_>) -> rusqlite::Result<&[u8]> {
    match value {
        ValueRef::Null => Ok(&[]),
        value => Ok(value.as_bytes()?),
    }
}

/// The statement of a list, and its bounds.
fn query(options: &ListOptions) -> (String, Vec<Value>) {
    let mut conditions = Vec::new();
    let mut bounds = Vec::new();
    let mut bound = |condition: &str, value: Value| {
        bounds.push(value);
        conditions.push(format!("{condition} ?{}", bounds.len()));
    };
    let text = |text: &String| Value::Text(text.clone());
    if let Some(start) = &options.start {
        bound("key >=", text(start));
    }
    if let Some(after) = &options.start_after {
        bound("key >", text(after));
    }
    if let Some(end) = &options.end {
        bound("key <", text(end));
    }
    if let Some(prefix) = &options.prefix {
        bound("key >=", text(prefix));
        if let Some(end) = end_of_prefix(prefix) {
            bound("key <", Value::Text(end));
        }
    }
    let filter = match conditions.is_empty() {
        true => String::new(),
        false => format!(" WHERE {}", conditions.join(" AND ")),
    };
    let order = if options.reverse { "DESC" } else { "ASC" };
    bounds.push(match options.limit {
        Some(limit) => Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)),
        None => Value::Integer(-1),
    });
    let last = bounds.len();
    (
        format!("{OURS}SELECT key, value FROM _cf_KV{filter} ORDER BY key {order} LIMIT ?{last}"),
        bounds,
    )
}

/// The first text after all that begin with this one: its last character that
/// has a next one, replaced by that. `None` if all texts are before it.
fn end_of_prefix(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // The range of characters steps over the surrogates.
        if let Some(next) = (last..=char::MAX).nth(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}
