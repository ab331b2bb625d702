//! The secrets of one machine, for `run` and `dev`: a file in the data folder that
//! the command line fills. They are not encrypted, as those of `.dev.vars` are not;
//! the file is for its owner alone.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use selvedge_storage::Error;
use selvedge_storage::connect::{Role, connect};
use selvedge_storage::data_dir::DataDir;
use selvedge_storage::failure::{failure, io_failure};
use selvedge_storage::file::{Kind, create_or_check};

use crate::source::SecretSource;

/// The file in the data folder.
pub const FILE: &str = "secrets-store.sqlite";

const KIND: Kind = Kind {
    what: "file of secrets",
    application_id: u32::from_be_bytes(*b"SvSS"),
    version: 1,
    schema: "CREATE TABLE secrets (
  id       TEXT PRIMARY KEY,
  store    TEXT NOT NULL,
  name     TEXT NOT NULL,
  text     TEXT NOT NULL,
  comment  TEXT NOT NULL,
  scopes   TEXT NOT NULL, -- with commas between them
  created  INTEGER NOT NULL, -- Unix ms
  modified INTEGER NOT NULL, -- Unix ms
  UNIQUE (store, name)
) WITHOUT ROWID",
};

/// The secrets of a data folder.
#[derive(Debug)]
pub struct LocalSecrets {
    path: PathBuf,
    connection: Mutex<Connection>,
    /// The folder is ours as long as the file is used.
    _dir: Arc<DataDir>,
}

/// What is known of a secret, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretInfo {
    pub id: String,
    pub store: String,
    pub name: String,
    pub comment: String,
    /// With commas between them.
    pub scopes: String,
    /// Unix ms.
    pub created: i64,
    /// Unix ms.
    pub modified: i64,
}

/// A secret to be made.
#[derive(Debug, Clone)]
pub struct NewSecret<'a> {
    pub id: &'a str,
    pub store: &'a str,
    pub name: &'a str,
    pub comment: &'a str,
    pub scopes: &'a str,
}

/// What becomes of a secret; what is absent stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct SecretChange<'a> {
    pub text: Option<&'a str>,
    pub comment: Option<&'a str>,
    pub scopes: Option<&'a str>,
}

const COLUMNS: &str = "SELECT id, store, name, comment, scopes, created, modified FROM secrets";

impl LocalSecrets {
    /// Opens the secrets of a data folder; there are none at first.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open(dir: Arc<DataDir>) -> Result<Self, Error> {
        let path = dir.path().join(FILE);
        create_or_check(&path, &KIND, |_| Ok(()))?;
        private(&path).map_err(|error| io_failure(&path, &error))?;
        let connection = connect(&path, Role::Write).map_err(|error| failure(&path, &error))?;
        Ok(Self { path, connection: Mutex::new(connection), _dir: dir })
    }

    fn with<T>(&self, act: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        act(&connection).map_err(|error| failure(&self.path, &error))
    }

    /// The secrets of a store, by name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn list(&self, store: &str) -> Result<Vec<SecretInfo>, Error> {
        self.with(|sql| {
            let mut select =
                sql.prepare_cached(&format!("{COLUMNS} WHERE store = ?1 ORDER BY name"))?;
            select.query_map([store], info)?.collect()
        })
    }

    /// The one of this id.
    ///
    /// # Errors
    /// As [`LocalSecrets::list`].
    pub fn get(&self, store: &str, id: &str) -> Result<Option<SecretInfo>, Error> {
        self.with(|sql| {
            let mut select =
                sql.prepare_cached(&format!("{COLUMNS} WHERE store = ?1 AND id = ?2"))?;
            select.query_row([store, id], info).optional()
        })
    }

    /// Makes a secret, or replaces the one of this name.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn put(&self, new: &NewSecret<'_>, text: &str, now: i64) -> Result<(), Error> {
        let NewSecret { id, store, name, comment, scopes } = *new;
        self.with(|sql| {
            sql.prepare_cached(
                "INSERT OR REPLACE INTO secrets
                   (id, store, name, text, comment, scopes, created, modified)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
            )?
            .execute(params![id, store, name, text, comment, scopes, now])
            .map(drop)
        })
    }

    /// Changes the one of this id; whether it is there.
    ///
    /// # Errors
    /// As [`LocalSecrets::put`].
    pub fn change(
        &self,
        store: &str,
        id: &str,
        change: SecretChange<'_>,
        now: i64,
    ) -> Result<bool, Error> {
        let SecretChange { text, comment, scopes } = change;
        self.with(|sql| {
            let changed = sql
                .prepare_cached(
                    "UPDATE secrets SET text = coalesce(?3, text), comment = coalesce(?4, comment),
                     scopes = coalesce(?5, scopes), modified = ?6 WHERE store = ?1 AND id = ?2",
                )?
                .execute(params![store, id, text, comment, scopes, now])?;
            Ok(changed > 0)
        })
    }

    /// The text of the one of this id, to make another one of it.
    ///
    /// # Errors
    /// As [`LocalSecrets::list`].
    pub fn text_of(&self, store: &str, id: &str) -> Result<Option<String>, Error> {
        self.with(|sql| {
            sql.prepare_cached("SELECT text FROM secrets WHERE store = ?1 AND id = ?2")?
                .query_row([store, id], |row| row.get(0))
                .optional()
        })
    }

    /// Deletes the one of this id; whether it was there.
    ///
    /// # Errors
    /// As [`LocalSecrets::put`].
    pub fn delete(&self, store: &str, id: &str) -> Result<bool, Error> {
        self.with(|sql| {
            let sql_text = "DELETE FROM secrets WHERE store = ?1 AND id = ?2";
            Ok(sql.prepare_cached(sql_text)?.execute([store, id])? > 0)
        })
    }
}

impl SecretSource for LocalSecrets {
    fn text(&self, store: &str, name: &str) -> Result<Option<String>, Error> {
        self.with(|sql| {
            sql.prepare_cached("SELECT text FROM secrets WHERE store = ?1 AND name = ?2")?
                .query_row([store, name], |row| row.get(0))
                .optional()
        })
    }
}

fn info(row: &Row<'_>) -> rusqlite::Result<SecretInfo> {
    Ok(SecretInfo {
        id: row.get(0)?,
        store: row.get(1)?,
        name: row.get(2)?,
        comment: row.get(3)?,
        scopes: row.get(4)?,
        created: row.get(5)?,
        modified: row.get(6)?,
    })
}

/// SQLite gives the log of writes the mode of the file.
fn private(path: &std::path::Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    }
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_kept_by_store_and_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || {
            let dir = DataDir::open(folder.path(), "test", 0).expect("free");
            LocalSecrets::open(Arc::new(dir)).expect("opened")
        };
        let secrets = open();
        let new = |id, name| NewSecret { id, store: "s", name, comment: "", scopes: "workers" };
        secrets.put(&new("1", "A"), "one", 5).expect("put");
        secrets.put(&new("2", "B"), "two", 6).expect("put");
        secrets.put(&new("3", "A"), "three", 7).expect("replaced");
        drop(secrets);
        let secrets = open();
        assert_eq!(secrets.text("s", "A").expect("read").as_deref(), Some("three"));
        assert_eq!(secrets.text("t", "A").expect("read"), None);
        let names: Vec<_> =
            secrets.list("s").expect("read").into_iter().map(|it| (it.id, it.name)).collect();
        assert_eq!(names, [("3".into(), "A".into()), ("2".into(), "B".into())]);
        let change = SecretChange { comment: Some("c"), ..SecretChange::default() };
        assert!(secrets.change("s", "2", change, 9).expect("changed"));
        assert!(!secrets.change("t", "2", change, 9).expect("another store"));
        let found = secrets.get("s", "2").expect("read").expect("there");
        assert_eq!((found.comment.as_str(), found.modified), ("c", 9));
        assert_eq!(secrets.text_of("s", "2").expect("read").as_deref(), Some("two"), "it stays");
        assert!(secrets.delete("s", "2").expect("deleted"));
        assert!(!secrets.delete("s", "2").expect("gone"));
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let dir = Arc::new(DataDir::open(folder.path(), "test", 0).expect("free"));
        let secrets = LocalSecrets::open(dir).expect("opened");
        let new = NewSecret { id: "1", store: "s", name: "A", comment: "", scopes: "workers" };
        secrets.put(&new, "one", 5).expect("put");
        for file in [FILE, "secrets-store.sqlite-wal"] {
            let mode = folder.path().join(file).metadata().expect("there").permissions().mode();
            assert_eq!(mode & 0o077, 0, "{file}");
        }
    }
}
