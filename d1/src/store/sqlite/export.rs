//! What a database has, as statements or as a file.

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::backup::Progress;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use selvedge_storage::connect::{Role, connect};
use selvedge_storage::failure::{failure, io_failure};
use selvedge_storage::sql::authorizer::is_free;
use selvedge_storage::{Error, ours};

use super::db::Db;
use crate::rules::MAX_DUMP_BYTES;

/// What of a database is exported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DumpOptions {
    /// Only these tables; none named are all.
    pub tables: Vec<String>,
    pub no_schema: bool,
    pub no_data: bool,
}

impl DumpOptions {
    fn has(&self, table: &str) -> bool {
        self.tables.is_empty() || self.tables.iter().any(|it| it.eq_ignore_ascii_case(table))
    }
}

/// Something of the schema.
struct Item {
    kind: String,
    name: String,
    table: String,
    sql: String,
}

/// Writes statements that make what the connection sees, all of one moment.
pub(super) fn export(db: &Db, options: &DumpOptions, to: &mut dyn Write) -> io::Result<()> {
    let connection = &db.connection;
    let sql = io::Error::other::<rusqlite::Error>;
    connection.execute_batch(ours!("BEGIN")).map_err(sql)?;
    let items = items(connection).map_err(sql)?;
    if let Some(virtual_table) =
        items.iter().find(|it| it.kind == "table" && is_virtual(&it.sql) && options.has(&it.name))
    {
        return Err(io::Error::other(format!(
            "cannot export databases with Virtual Tables (fts5): {}",
            virtual_table.name
        )));
    }
    writeln!(to, "PRAGMA defer_foreign_keys=TRUE;")?;
    // All tables stand before the first row: a row may refer to any of them.
    let is_ours = |it: &&Item| it.name == "sqlite_sequence" || !options.has(&it.name);
    let tables: Vec<&Item> = items.iter().filter(|it| it.kind == "table" && !is_ours(it)).collect();
    if !options.no_schema {
        for table in &tables {
            writeln!(to, "{};", table.sql)?;
        }
    }
    if !options.no_data {
        for table in &tables {
            rows(connection, &table.name, to)?;
        }
    }
    let has_sequence = items.iter().any(|it| it.name == "sqlite_sequence");
    if has_sequence && !options.no_data && options.tables.is_empty() {
        writeln!(to, "DELETE FROM sqlite_sequence;")?;
        rows(connection, "sqlite_sequence", to)?;
    }
    if !options.no_schema {
        let others = items.iter().filter(|it| it.kind != "table" && options.has(&it.table));
        for item in others {
            writeln!(to, "{};", item.sql)?;
        }
    }
    connection.execute_batch(ours!("COMMIT")).map_err(sql)
}

fn items(connection: &Connection) -> rusqlite::Result<Vec<Item>> {
    let mut statement = connection.prepare(ours!(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"
    ))?;
    let items = statement.query_map([], |row| {
        let (kind, name) = (row.get(0)?, row.get(1)?);
        Ok(Item { kind, name, table: row.get(2)?, sql: row.get(3)? })
    })?;
    let items: rusqlite::Result<Vec<Item>> = items.collect();
    let own = |item: &Item| is_free(&item.name) && !item.name.starts_with("sqlite_stat");
    Ok(items?.into_iter().filter(own).collect())
}

fn is_virtual(sql: &str) -> bool {
    let mut words = sql.split_whitespace().take(2);
    words.nth(1).is_some_and(|word| word.eq_ignore_ascii_case("VIRTUAL"))
}

fn rows(connection: &Connection, table: &str, to: &mut dyn Write) -> io::Result<()> {
    let sql = io::Error::other::<rusqlite::Error>;
    let columns = columns(connection, table).map_err(sql)?;
    let names = columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(",");
    let table = quoted(table);
    let mut statement =
        connection.prepare(&format!("/*_cf_*/SELECT {names} FROM {table}")).map_err(sql)?;
    let mut found = statement.query([]).map_err(sql)?;
    while let Some(row) = found.next().map_err(sql)? {
        write!(to, "INSERT INTO {table} ({names}) VALUES(")?;
        values(row, columns.len(), to)?;
        writeln!(to, ");")?;
    }
    Ok(())
}

/// The columns that can be set: generated ones cannot.
fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare(ours!("SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0 ORDER BY cid"))?
        .query_map([table], |row| row.get(0))?
        .collect()
}

fn values(row: &Row<'_>, columns: usize, to: &mut dyn Write) -> io::Result<()> {
    for at in 0..columns {
        if at > 0 {
            write!(to, ",")?;
        }
        match row.get_ref(at).map_err(io::Error::other)? {
            ValueRef::Null => write!(to, "NULL")?,
            ValueRef::Integer(value) => write!(to, "{value}")?,
            ValueRef::Real(value) if value.is_infinite() => {
                write!(to, "{}9e999", if value < 0.0 { "-" } else { "" })?;
            }
            // With its point or exponent: it is to be no integer again.
            ValueRef::Real(value) => write!(to, "{value:?}")?,
            ValueRef::Text(value) => text(&String::from_utf8_lossy(value), to)?,
            ValueRef::Blob(value) => {
                write!(to, "X'")?;
                for byte in value {
                    write!(to, "{byte:02X}")?;
                }
                write!(to, "'")?;
            }
        }
    }
    Ok(())
}

/// A string on one line.
fn text(text: &str, to: &mut dyn Write) -> io::Result<()> {
    if text.contains('\0') {
        // No literal can have it.
        write!(to, "CAST(X'")?;
        for byte in text.as_bytes() {
            write!(to, "{byte:02X}")?;
        }
        return write!(to, "' AS TEXT)");
    }
    let plain = text.replace('\'', "''");
    if !plain.contains(['\n', '\r']) {
        return write!(to, "'{plain}'");
    }
    // Marks for the ends of lines that the text does not have.
    let mark = |name: &str| {
        let mut mark = format!("\\{name}");
        while plain.contains(&mark) {
            mark.push('_');
        }
        mark
    };
    let (line, cr) = (mark("n"), mark("r"));
    let marked = plain.replace('\n', &line).replace('\r', &cr);
    write!(to, "replace(replace('{marked}','{cr}',char(13)),'{line}',char(10))")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A file of SQLite with what the database has, of one moment.
pub(super) fn file(path: &Path) -> Result<Vec<u8>, Error> {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    let copy = path.with_extension(format!("dump-{}-{number}", std::process::id()));
    let sql = |error: rusqlite::Error| failure(path, &error);
    let made = (|| {
        let from = connect(path, Role::Read).map_err(sql)?;
        let pages: i64 = from.query_row("PRAGMA page_count", [], |row| row.get(0)).map_err(sql)?;
        if u64::try_from(pages).unwrap_or(0) * 4096 > MAX_DUMP_BYTES {
            return Err(Error::Unavailable("the database is too large to be dumped".to_owned()));
        }
        from.backup(rusqlite::MAIN_DB, &copy, None::<fn(Progress)>).map_err(sql)?;
        // The mark of the log in the header would ask readers for one.
        let target = Connection::open(&copy).map_err(sql)?;
        target.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).map_err(sql)?;
        target.close().map_err(|(_, error)| sql(error))?;
        std::fs::read(&copy).map_err(|error| io_failure(&copy, &error))
    })();
    // What is left of a copy is nobody's.
    let _ = selvedge_storage::file::remove(&copy);
    made
}
