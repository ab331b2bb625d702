//! One application of a configuration: the transaction, and the steps that
//! migrations and exports are made of.

use std::path::{Path, PathBuf};

use rusqlite::{Transaction, params};
use selvedge_storage::Error;
use selvedge_storage::failure::failure;

use super::{ApplyError, NamespaceInfo, Origin, Strictness, find};
use crate::config::{Config, Misfit, Place, Storage};

/// An application of a configuration that is under way.
pub(super) struct Session<'a> {
    pub(super) transaction: Transaction<'a>,
    /// The catalog's file, for messages.
    pub(super) path: &'a Path,
    /// The folder that holds those of the namespaces.
    pub(super) folder: PathBuf,
    /// The Worker.
    pub(super) script: &'a str,
    pub(super) strictness: Strictness,
    /// Unix ms.
    pub(super) now: i64,
    pub(super) notes: Vec<String>,
}

impl Session<'_> {
    /// Ends it, and gives the notes.
    pub(super) fn commit(self) -> Result<Vec<String>, Error> {
        let path = self.path;
        self.transaction.commit().map_err(|error| failure(path, &error))?;
        Ok(self.notes)
    }

    /// Sees that each binding leads to a namespace.
    pub(super) fn bind(&self, config: &Config) -> Result<(), ApplyError> {
        let declared = config.lifecycle.classes()?;
        for (index, binding) in config.bindings.iter().enumerate() {
            let script = binding.script(self.script);
            let class = &binding.class_name;
            if self.find(&script, class)?.is_some() {
                continue;
            }
            if self.strictness == Strictness::Strict {
                return Err(Misfit::new(
                    Place::binding(index, "class_name"),
                    format!(
                        "Cannot create binding for class '{class}' because it is not currently \
                         configured to implement Durable Objects. Ensure a --new-class migration \
                         has been applied to it."
                    ),
                )
                .with_hint(HOW_TO_DECLARE)
                .into());
            }
            let is_own = script == self.script;
            // What another Worker keeps its objects in, that Worker tells when it starts.
            let storage = match declared.get(class) {
                Some(Some(storage)) if is_own => *storage,
                Some(None) if is_own => Storage::Sqlite,
                _ if is_own => Storage::LegacyKv,
                _ => Storage::Sqlite,
            };
            self.insert(&script, class, storage, Origin::Binding)?;
        }
        Ok(())
    }

    pub(super) fn find(&self, script: &str, class: &str) -> Result<Option<NamespaceInfo>, Error> {
        self.sql(|transaction| find(transaction, script, class))
    }

    pub(super) fn insert(
        &self,
        script: &str,
        class: &str,
        storage: Storage,
        origin: Origin,
    ) -> Result<(), Error> {
        let id = new_id()?;
        let sql = "INSERT INTO namespaces (id, script, class, storage, origin, created) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.sql(|transaction| {
            let values = params![id, script, class, storage.as_str(), origin.as_str(), self.now];
            transaction.execute(sql, values)
        })?;
        Ok(())
    }

    /// Says again what a namespace keeps its data in, and why it is there.
    pub(super) fn declare(&self, id: &str, storage: Storage, origin: Origin) -> Result<(), Error> {
        let sql = "UPDATE namespaces SET storage = ?2, origin = ?3 WHERE id = ?1";
        self.sql(|transaction| {
            transaction.execute(sql, params![id, storage.as_str(), origin.as_str()])
        })?;
        Ok(())
    }

    /// Ends a namespace; its files are deleted later.
    pub(super) fn remove(&self, id: &str) -> Result<(), Error> {
        self.sql(|transaction| {
            transaction.execute("DELETE FROM namespaces WHERE id = ?1", [id])?;
            transaction.execute("INSERT OR IGNORE INTO removed (id) VALUES (?1)", [id])
        })?;
        Ok(())
    }

    /// Makes a namespace that of another class. One that is there under that name
    /// and was never used makes room.
    pub(super) fn move_to(
        &self,
        info: &NamespaceInfo,
        script: &str,
        class: &str,
        place: &Place,
        refused: impl FnOnce() -> String,
    ) -> Result<(), ApplyError> {
        if let Some(other) = self.find(script, class)? {
            if other.id == info.id {
                return Ok(());
            }
            if other.origin == Origin::Declared || self.has_objects(&other.id) {
                let hint = format!(
                    "the class \"{class}\" of the Worker \"{script}\" has a namespace of its own \
                     already ({}); delete one of the two first",
                    other.id
                );
                return Err(Misfit::new(place.clone(), refused()).with_hint(hint).into());
            }
            self.remove(&other.id)?;
        }
        let sql = "UPDATE namespaces SET script = ?2, class = ?3, origin = 'declared', \
                   offered_to = NULL WHERE id = ?1";
        self.sql(|transaction| transaction.execute(sql, [&info.id, script, class]))?;
        Ok(())
    }

    /// Notes that a namespace is to belong to another Worker.
    pub(super) fn offer(&self, id: &str, to: &str) -> Result<(), Error> {
        let sql = "UPDATE namespaces SET offered_to = ?2 WHERE id = ?1";
        self.sql(|transaction| transaction.execute(sql, [id, to]))?;
        Ok(())
    }

    pub(super) fn tag(&self) -> Result<Option<String>, Error> {
        self.sql(|transaction| super::tag(transaction, self.script))
    }

    pub(super) fn set_tag(&self, tag: &str) -> Result<(), Error> {
        let sql = "INSERT INTO scripts (name, migration_tag) VALUES (?1, ?2) \
                   ON CONFLICT (name) DO UPDATE SET migration_tag = excluded.migration_tag";
        self.sql(|transaction| transaction.execute(sql, [self.script, tag]))?;
        Ok(())
    }

    /// All namespaces of the Worker.
    pub(super) fn own(&self) -> Result<Vec<NamespaceInfo>, Error> {
        let sql =
            format!("SELECT {} FROM namespaces WHERE script = ?1 ORDER BY class", super::COLUMNS);
        self.sql(|transaction| {
            transaction.prepare_cached(&sql)?.query_map([self.script], super::info)?.collect()
        })
    }

    /// Whether an object of a namespace ever wrote something. The folders of
    /// objects are named by the first two digits of their ids.
    fn has_objects(&self, id: &str) -> bool {
        let Ok(entries) = std::fs::read_dir(self.folder.join(id)) else { return false };
        entries.flatten().any(|entry| entry.file_name().len() == 2)
    }

    fn sql<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        work(&self.transaction).map_err(|error| failure(self.path, &error))
    }
}

/// What to do about a class that nothing declares.
const HOW_TO_DECLARE: &str = "declare it with `new_sqlite_classes` in a step of `migrations`";

/// 32 hexadecimal digits, as Cloudflare's ids have.
fn new_id() -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Internal(format!("the system has no random numbers: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
