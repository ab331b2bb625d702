//! The index of Workflows: which there are, whose class runs them, and what their
//! instances were at when they last told. What an instance really is stands in its
//! own storage: the index is for lists, and it is right again before an instance
//! that has ended rests.

mod work;

#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, mpsc};

use rusqlite::{Connection, OptionalExtension as _, Row};
use selvedge_storage::Error;
use selvedge_storage::connect::{Role, connect};
use selvedge_storage::data_dir::DataDir;
use selvedge_storage::failure::failure;
use selvedge_storage::file::{Kind, create_or_check};
use selvedge_storage::group::Writer;
use selvedge_storage::readers::Readers;
use tokio::sync::oneshot;

use self::work::{Answer, Task, Work};

/// The index's file, in the data folder.
pub const FILE: &str = "workflows.sqlite";

const INDEX: Kind = Kind {
    what: "index of Workflows",
    application_id: u32::from_be_bytes(*b"SvWf"),
    version: 1,
    schema: include_str!("store/index.sql"),
};

const SCHEDULES: &str = "CREATE TABLE IF NOT EXISTS schedules (
    workflow TEXT NOT NULL,
    cron TEXT NOT NULL,
    PRIMARY KEY (workflow, cron)
) WITHOUT ROWID";

/// Milliseconds since 1970, UTC.
pub type UnixMs = i64;

/// An answer that another thread works on.
pub type Later<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// A Workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowInfo {
    /// 32 hexadecimal digits: also the id of the namespace of its instances.
    pub id: String,
    /// Whose it is; empty where there are no accounts.
    pub account: String,
    pub name: String,
    /// The Worker that exports the class, by its name in the process.
    pub script: String,
    pub class: String,
    /// Steps that an instance may have.
    pub steps: u32,
    pub created: UnixMs,
    /// When script, class or limits were last told.
    pub modified: UnixMs,
}

/// What a Workflow is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub account: String,
    pub name: String,
    pub script: String,
    pub class: String,
    pub steps: u32,
    /// When an instance begins by itself: cron expressions.
    pub schedules: Vec<String>,
}

/// A version of a Workflow: each time that it was told anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionInfo {
    /// A UUID.
    pub id: String,
    pub class: String,
    pub created: UnixMs,
}

/// When an instance was made, began and ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    pub created: UnixMs,
    pub started: Option<UnixMs>,
    pub ended: Option<UnixMs>,
}

/// What an instance tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The id of its Workflow.
    pub workflow: String,
    pub instance: String,
    /// One of [`crate::rules::STATUSES`].
    pub status: String,
    /// The version that it was made with, where it is known; else the newest.
    pub version: Option<String>,
    pub times: Times,
}

/// An instance, as it last told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceInfo {
    pub id: String,
    pub status: String,
    pub times: Times,
    /// When it told.
    pub modified: UnixMs,
    /// The version that it was made with.
    pub version: String,
}

/// Which instances to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstanceQuery {
    /// Only those of this status.
    pub status: Option<String>,
    /// Only those that were made in this time.
    pub from: Option<UnixMs>,
    pub to: Option<UnixMs>,
    /// Those after this one, by when it was made and its id.
    pub after: Option<(UnixMs, String)>,
    /// Whether the newest come first.
    pub newest_first: bool,
    /// So many are left out.
    pub skip: u64,
    /// At most so many.
    pub limit: u64,
}

/// The index of a data folder.
pub struct Index {
    path: PathBuf,
    readers: Arc<Readers>,
    writer: Writer<Connection>,
    clock: fn() -> UnixMs,
    /// The folder is ours as long as a thread may write there.
    _dir: Arc<DataDir>,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Index {
    /// Opens the index of a data folder, or makes it.
    ///
    /// # Errors
    /// [`Error::Data`] for a file that is none.
    pub fn open(dir: Arc<DataDir>, clock: fn() -> UnixMs) -> Result<Self, Error> {
        let path = dir.path().join(FILE);
        create_or_check(&path, &INDEX, |_| Ok(()))?;
        // Files of earlier versions have no such table.
        let schedules = connect(&path, Role::Write).and_then(|sql| sql.execute_batch(SCHEDULES));
        schedules.map_err(|error| failure(&path, &error))?;
        let readers = Arc::new(Readers::new(path.clone(), |path| connect(path, Role::Read)));
        let open = |path: &Path| connect(path, Role::Write);
        let writer = Writer::new("wf-writer", &path, open, readers.clone());
        Ok(Self { path, readers, writer, clock, _dir: dir })
    }

    /// Makes a Workflow, or changes it into what it is to be. One that is that
    /// already stays as it is.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn ensure(&self, wanted: &Wanted) -> Result<WorkflowInfo, Error> {
        if let Some(known) = self.find(&wanted.account, &wanted.name)?
            && known.script == wanted.script
            && known.class == wanted.class
            && known.steps == wanted.steps
            && self.schedules_of(&known.id)? == wanted.schedules
        {
            return Ok(known);
        }
        self.put(wanted)
    }

    /// The same, with a new version in any case.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn put(&self, wanted: &Wanted) -> Result<WorkflowInfo, Error> {
        let ids = [random_id()?, uuid(&random_id()?)];
        let _ = self.now_done(Work::Put(wanted.clone(), ids))?;
        let gone = || Error::Internal(format!("the Workflow {} was not written", wanted.name));
        self.find(&wanted.account, &wanted.name)?.ok_or_else(gone)
    }

    /// Takes a Workflow out of the index, with its instances. Its namespace is among
    /// [`Index::removed`] from then on.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn remove(&self, workflow: &str) -> Result<(), Error> {
        self.now_done(Work::Remove(workflow.to_owned())).map(drop)
    }

    /// The namespace of a Workflow that was taken out is deleted.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn deleted(&self, workflow: &str) -> Result<(), Error> {
        self.now_done(Work::Deleted(workflow.to_owned())).map(drop)
    }

    /// The namespaces of Workflows that were taken out.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn removed(&self) -> Result<Vec<String>, Error> {
        self.read(|sql| {
            let mut all = sql.prepare_cached("SELECT id FROM removed")?;
            all.query_map([], |row| row.get(0))?.collect()
        })
    }

    /// A Workflow by its name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn find(&self, account: &str, name: &str) -> Result<Option<WorkflowInfo>, Error> {
        self.read(|sql| {
            sql.prepare_cached("SELECT * FROM workflows WHERE account = ?1 AND name = ?2")?
                .query_row([account, name], workflow)
                .optional()
        })
    }

    /// All Workflows of all accounts, by account and name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn all(&self) -> Result<Vec<WorkflowInfo>, Error> {
        self.read(|sql| {
            let mut all = sql.prepare_cached("SELECT * FROM workflows ORDER BY account, name")?;
            all.query_map([], workflow)?.collect()
        })
    }

    /// When instances of a Workflow begin by themselves, in no order that means anything.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn schedules_of(&self, workflow: &str) -> Result<Vec<String>, Error> {
        self.read(|sql| {
            let mut all =
                sql.prepare_cached("SELECT cron FROM schedules WHERE workflow = ?1 ORDER BY cron")?;
            all.query_map([workflow], |row| row.get(0))?.collect()
        })
    }

    /// All Workflows of all accounts of which instances begin by themselves, each with one
    /// cron expression.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn scheduled(&self) -> Result<Vec<(WorkflowInfo, String)>, Error> {
        self.read(|sql| {
            let mut all = sql.prepare_cached(
                "SELECT w.*, s.cron FROM schedules s JOIN workflows w ON w.id = s.workflow",
            )?;
            all.query_map([], |row| Ok((workflow(row)?, row.get("cron")?)))?.collect()
        })
    }

    /// The versions of a Workflow, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn versions(&self, workflow: &str) -> Result<Vec<VersionInfo>, Error> {
        self.read(|sql| {
            let mut all = sql.prepare_cached(
                "SELECT id, class, created FROM versions WHERE workflow = ?1 ORDER BY number DESC",
            )?;
            let version = |row: &Row<'_>| {
                Ok(VersionInfo { id: row.get(0)?, class: row.get(1)?, created: row.get(2)? })
            };
            all.query_map([workflow], version)?.collect()
        })
    }

    /// Takes note of what an instance told. Comes back when it is on disk.
    pub fn note(&self, note: Note) -> Later<()> {
        let noted = self.submit(Work::Note(note, (self.clock)()));
        Box::pin(async move { noted.await.map(drop) })
    }

    /// Takes an instance out.
    pub fn forget(&self, workflow: &str, instance: &str) -> Later<()> {
        let forgotten = self.submit(Work::Forget(workflow.to_owned(), instance.to_owned()));
        Box::pin(async move { forgotten.await.map(drop) })
    }

    /// Instances of a Workflow.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn instances(
        &self,
        workflow: &str,
        query: &InstanceQuery,
    ) -> Result<Vec<InstanceInfo>, Error> {
        let (order, beyond) = match query.newest_first {
            true => ("DESC", "<"),
            false => ("ASC", ">"),
        };
        let text = format!(
            "SELECT id, status, created, started, ended, modified, version FROM instances
             WHERE workflow = ?1 AND (?2 IS NULL OR status = ?2)
               AND created >= ?3 AND created <= ?4
               AND (?5 IS NULL OR (created, id) {beyond} (?5, ?6))
             ORDER BY created {order}, id {order} LIMIT ?7 OFFSET ?8"
        );
        let after = query.after.as_ref();
        self.read(|sql| {
            let mut all = sql.prepare_cached(&text)?;
            let of = rusqlite::params![
                workflow,
                query.status,
                query.from.unwrap_or(i64::MIN),
                query.to.unwrap_or(i64::MAX),
                after.map(|(created, _)| *created),
                after.map(|(_, id)| id.as_str()),
                i64::try_from(query.limit).unwrap_or(i64::MAX),
                i64::try_from(query.skip).unwrap_or(i64::MAX),
            ];
            all.query_map(of, instance)?.collect()
        })
    }

    /// How many instances of a Workflow are at each status.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn counts(&self, workflow: &str) -> Result<Vec<(String, u64)>, Error> {
        self.read(|sql| {
            let mut all = sql.prepare_cached(
                "SELECT status, count(*) FROM instances WHERE workflow = ?1 GROUP BY status",
            )?;
            let count = |row: &Row<'_>| {
                let count: i64 = row.get(1)?;
                Ok((row.get(0)?, u64::try_from(count).unwrap_or(0)))
            };
            all.query_map([workflow], count)?.collect()
        })
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        self.readers.read(read).map_err(|error| failure(&self.path, &error))
    }

    fn submit(&self, work: Work) -> Later<Answer> {
        let (told, answer) = oneshot::channel();
        self.writer.submit(Box::new(Task::new(work, self.clock, move |result| {
            // Whoever asked may be gone.
            let _ = told.send(result);
        })));
        Box::pin(async move { answer.await.unwrap_or_else(|_| Err(ended())) })
    }

    /// Blocks until it is on disk: for what is rare.
    fn now_done(&self, work: Work) -> Result<Answer, Error> {
        let (told, answer) = mpsc::channel();
        self.writer.submit(Box::new(Task::new(work, self.clock, move |result| {
            let _ = told.send(result);
        })));
        answer.recv().unwrap_or_else(|_| Err(ended()))
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.writer.close();
        self.readers.close();
    }
}

fn ended() -> Error {
    Error::Internal("the writer has ended".to_owned())
}

fn workflow(row: &Row<'_>) -> rusqlite::Result<WorkflowInfo> {
    Ok(WorkflowInfo {
        id: row.get("id")?,
        account: row.get("account")?,
        name: row.get("name")?,
        script: row.get("script")?,
        class: row.get("class")?,
        steps: row.get("steps")?,
        created: row.get("created")?,
        modified: row.get("modified")?,
    })
}

fn instance(row: &Row<'_>) -> rusqlite::Result<InstanceInfo> {
    Ok(InstanceInfo {
        id: row.get("id")?,
        status: row.get("status")?,
        times: Times {
            created: row.get("created")?,
            started: row.get("started")?,
            ended: row.get("ended")?,
        },
        modified: row.get("modified")?,
        version: row.get("version")?,
    })
}

/// 32 hexadecimal digits.
fn random_id() -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The same digits as a UUID.
fn uuid(hex: &str) -> String {
    let parts = [&hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..]];
    format!("{}-{}-4{}-8{}-{}", parts[0], parts[1], parts[2], parts[3], parts[4])
}
