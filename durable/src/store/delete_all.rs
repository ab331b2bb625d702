//! Deleting all that an object has, which leaves an empty database.

use rusqlite::Connection;

use super::database::Database;
use super::object::{DeleteAlarm, Inner, ObjectStorage};
use super::sql::cursor::Cancel;
use crate::error::Error;

impl ObjectStorage {
    /// Deletes all keys, all tables and the like. It is a write of the implicit
    /// transaction. Cursors are canceled.
    ///
    /// # Errors
    /// [`Error::Sql`] while a transaction or savepoint is open.
    pub fn delete_all(&self, alarm: DeleteAlarm) -> Result<(), Error> {
        if self.depth() > 0 {
            return Err(Error::Sql("Cannot call deleteAll() within a transaction".to_owned()));
        }
        self.0.cursors.cancel(Cancel::Deleted);
        let Some(database) = self.0.to_read()? else { return Ok(()) };
        if !self.0.dirty.get() {
            // References between tables do not matter, and whether they do can be
            // changed between transactions only.
            database.commit()?;
            database.run(|it| it.pragma_update(None, "foreign_keys", false))?;
            database.begin()?;
            self.0.foreign_keys_off.set(true);
        }
        self.0.wrote(&database)?;
        let dropped = self.0.run(&database, |connection| drop_all(connection, alarm));
        database.forget_tables();
        if alarm == DeleteAlarm::Yes {
            self.0.alarm_dirty.set(true);
            self.0.alarm_changed.set(true);
        }
        dropped
    }
}

impl Inner {
    pub(super) fn restore_foreign_keys(&self, database: &Database) -> Result<(), Error> {
        if self.foreign_keys_off.replace(false) {
            database.run(|it| it.pragma_update(None, "foreign_keys", true))?;
        }
        Ok(())
    }
}

fn drop_all(connection: &Connection, alarm: DeleteAlarm) -> rusqlite::Result<()> {
    // If it is done within a transaction that wrote, references are checked when
    // it ends: none is left then.
    connection.execute_batch("PRAGMA defer_foreign_keys = ON")?;
    // A virtual table takes its tables along; triggers and views see others.
    for kind in [
        "type = 'trigger'",
        "type = 'view'",
        "type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%'",
        "type = 'table' AND name NOT LIKE 'sqlite^_%' ESCAPE '^'",
    ] {
        for (what, name) in names(connection, kind)? {
            if name == "_cf_ALARM" && alarm == DeleteAlarm::No {
                continue;
            }
            connection.execute_batch(&format!(
                "DROP {what} IF EXISTS \"{}\"",
                name.replace('"', "\"\"")
            ))?;
        }
    }
    // Numbers of AUTOINCREMENT begin anew.
    let sequence: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence')",
        [],
        |row| row.get(0),
    )?;
    if sequence {
        connection.execute_batch("DELETE FROM sqlite_sequence")?;
    }
    Ok(())
}

fn names(connection: &Connection, condition: &str) -> rusqlite::Result<Vec<(String, String)>> {
    connection
        .prepare(&format!("SELECT type, name FROM sqlite_schema WHERE {condition}"))?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}
