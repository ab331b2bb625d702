//! How many rows a statement wrote, entries of indexes included, as workerd counts
//! them: a row that is inserted is one, and one more for each index of its table; an
//! update is one, and one more for each index that has one of the columns that are
//! set; a deletion is one.
//!
//! SQLite tells the rows of tables, and calls a hook for each with the name of its
//! table. The columns that a statement sets are told to the authorizer when it is
//! prepared. What stock SQLite does not tell: rows of `WITHOUT ROWID` tables one by
//! one, and whether a partial index has a row.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::hooks::Action;
use rusqlite::{Connection, OptionalExtension as _};

use super::authorizer::Author;
use crate::ours;

/// Statements whose columns are remembered, at most.
const STATEMENTS: usize = 256;

/// The columns that a statement sets, with their tables.
pub type Columns = Arc<[(String, String)]>;

/// What is written through a connection.
#[derive(Debug, Default)]
pub struct Written {
    rows: Rows,
    indexes: RefCell<HashMap<String, Arc<[Index]>>>,
    columns: RefCell<HashMap<String, Columns>>,
    /// Tables that virtual ones keep for themselves, once they were asked for.
    shadows: RefCell<Option<HashSet<String>>>,
}

/// Rows by table, since they were asked for last.
#[derive(Debug, Clone, Default)]
struct Rows(Arc<Mutex<Vec<TableRows>>>);

#[derive(Debug)]
struct TableRows {
    table: String,
    inserted: u64,
    updated: u64,
    deleted: u64,
}

/// An index of a table.
#[derive(Debug)]
struct Index {
    /// `None` stands for an expression, or what cannot be told.
    columns: Vec<Option<String>>,
}

impl Rows {
    fn lock(&self) -> MutexGuard<'_, Vec<TableRows>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, action: Action, table: &str) {
        let mut rows = self.lock();
        let at = rows.iter().rposition(|it| it.table == table).unwrap_or_else(|| {
            rows.push(TableRows { table: table.to_owned(), inserted: 0, updated: 0, deleted: 0 });
            rows.len() - 1
        });
        match action {
            Action::SQLITE_INSERT => rows[at].inserted += 1,
            Action::SQLITE_UPDATE => rows[at].updated += 1,
            Action::SQLITE_DELETE => rows[at].deleted += 1,
            _ => {}
        }
    }
}

impl Written {
    /// Counts what a Worker's statements write from now on.
    pub fn watch(connection: &mut Connection, author: &Author) -> rusqlite::Result<Self> {
        let written = Self::default();
        let (rows, author) = (written.rows.clone(), author.clone());
        connection.update_hook(Some(move |action: Action, _: &str, table: &str, _: i64| {
            if author.is_foreign() {
                rows.add(action, table);
            }
        }))?;
        Ok(written)
    }

    /// A statement was prepared: the columns that it sets.
    pub fn prepared(&self, statement: &str, author: &Author) {
        let columns = author.take_updates();
        if columns.is_empty() {
            // It sets none, or was prepared before.
            return;
        }
        let mut known = self.columns.borrow_mut();
        if known.len() >= STATEMENTS {
            known.clear();
        }
        known.insert(statement.to_owned(), columns.into());
    }

    /// What a statement sets.
    pub fn columns(&self, statement: &str) -> Option<Columns> {
        self.columns.borrow().get(statement).cloned()
    }

    /// Forgets what was written before.
    pub fn begin(&self) {
        self.rows.lock().clear();
    }

    /// How many rows and entries of indexes were written by a statement that sets
    /// these columns, of which SQLite counts `changes`.
    pub fn count(
        &self,
        connection: &Connection,
        columns: Option<&Columns>,
        changes: u64,
    ) -> rusqlite::Result<u64> {
        let rows = std::mem::take(&mut *self.rows.lock());
        let mut entries = changes;
        let mut only_shadows = !rows.is_empty();
        for TableRows { table, inserted, updated, deleted } in rows {
            // What a virtual table keeps for itself is not the Worker's.
            if self.is_shadow(connection, &table)? {
                entries = entries.saturating_sub(inserted + updated + deleted);
                continue;
            }
            only_shadows = false;
            let indexes = self.indexes(connection, &table)?;
            entries += inserted * indexes.len() as u64;
            if updated > 0 {
                let set = |index: &&Index| index.is_set(&table, columns);
                entries += updated * indexes.iter().filter(set).count() as u64;
            }
        }
        // A statement on a virtual table: SQLite tells what it changed itself.
        Ok(if only_shadows { connection.changes() } else { entries })
    }

    fn is_shadow(&self, connection: &Connection, table: &str) -> rusqlite::Result<bool> {
        if let Some(shadows) = &*self.shadows.borrow() {
            return Ok(shadows.contains(table));
        }
        let shadows: HashSet<String> = connection
            .prepare_cached(ours!("SELECT name FROM pragma_table_list WHERE type = 'shadow'"))?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        let is_shadow = shadows.contains(table);
        *self.shadows.borrow_mut() = Some(shadows);
        Ok(is_shadow)
    }

    /// The indexes of a table with row ids.
    fn indexes(&self, connection: &Connection, table: &str) -> rusqlite::Result<Arc<[Index]>> {
        if let Some(known) = self.indexes.borrow().get(table) {
            return Ok(known.clone());
        }
        let columns: Vec<(i64, Option<String>, i64)> = connection
            .prepare_cached(ours!(
                "SELECT list.seq, info.name, info.cid FROM pragma_index_list(?1) list,
                     pragma_index_xinfo(list.name) info ORDER BY list.seq"
            ))?
            .query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let id = match columns.is_empty() {
            true => None,
            false => row_id(connection, table)?,
        };
        let mut indexes: Vec<Index> = Vec::new();
        let mut last = None;
        for (index, name, column) in columns {
            if last.replace(index) != Some(index) {
                indexes.push(Index { columns: Vec::new() });
            }
            let name = if column == ROW_ID { id.clone() } else { name };
            if let Some(index) = indexes.last_mut() {
                index.columns.push(name);
            }
        }
        let indexes: Arc<[Index]> = indexes.into();
        self.indexes.borrow_mut().insert(table.to_owned(), indexes.clone());
        Ok(indexes)
    }

    /// Tables may be others from here on.
    pub fn forget_tables(&self) {
        self.indexes.borrow_mut().clear();
        *self.shadows.borrow_mut() = None;
    }
}

/// What `index_xinfo` calls the row's id, which every index has.
const ROW_ID: i64 = -1;

/// The column that is the row's id: an INTEGER PRIMARY KEY, or none that can be set
/// but by its own name.
fn row_id(connection: &Connection, table: &str) -> rusqlite::Result<Option<String>> {
    let column: Option<String> = connection
        .prepare_cached(ours!(
            "SELECT name FROM pragma_table_info(?1)
             WHERE pk = 1 AND NOT EXISTS (SELECT 1 FROM pragma_index_list(?1) WHERE origin = 'pk')"
        ))?
        .query_row([table], |row| row.get(0))
        .optional()?;
    Ok(Some(column.unwrap_or_else(|| "ROWID".to_owned())))
}

impl Index {
    fn is_set(&self, table: &str, set: Option<&Columns>) -> bool {
        // Without a word of its columns, a trigger's or a reference's update: none.
        let Some(set) = set else { return false };
        let is_set = |column: &str| {
            set.iter()
                .any(|(of, it)| of.eq_ignore_ascii_case(table) && it.eq_ignore_ascii_case(column))
        };
        self.columns.iter().any(|column| match column {
            Some(column) => is_set(column),
            None => set.iter().any(|(of, _)| of.eq_ignore_ascii_case(table)),
        })
    }
}
