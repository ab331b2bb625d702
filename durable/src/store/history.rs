//! Point-in-time recovery: what an object asks of the history of its database.

use std::rc::Rc;

use selvedge_storage::history::{KEPT_DAYS, Limits, Refusal, Sort};

use super::UnixMs;
use super::database::OBJECT;
use super::disk::Disk;
use super::object::{Inner, ObjectStorage};
use crate::error::Error;

/// The history of an object's database.
pub(super) type History = selvedge_storage::history::History<Disk>;

/// What objects keep of what they were: 16 MiB, and four times the database.
pub(super) const HISTORY: Sort = Sort {
    kind: OBJECT,
    logs_bytes: if cfg!(test) { 128 << 10 } else { 4 << 20 },
    limits: Limits {
        kept_days: KEPT_DAYS,
        max_bytes: if cfg!(test) { 2 << 20 } else { 16 << 20 },
        max_databases: 4,
    },
    whole_bytes: u64::MAX,
    copied_at_once: u64::MAX,
};

impl ObjectStorage {
    /// The bookmark of the state as it is, after a commit of what was written. In
    /// a transaction it is that of the state before. Waits for the disk.
    ///
    /// # Errors
    /// [`Error::Broken`], or [`Error::Sql`] if the history cannot be written.
    pub fn current_bookmark(&self) -> Result<String, Error> {
        self.0.now_kept()
    }

    /// The bookmark of the state at a time, in Unix ms: that of the last commit
    /// up to then.
    ///
    /// # Errors
    /// [`Error::Sql`] for a time in the future, or before the history.
    pub fn bookmark_for_time(&self, time: UnixMs) -> Result<String, Error> {
        self.0.now_kept()?;
        Ok(self.0.file.history.at(time)?)
    }

    /// The object's next session begins with the state of this bookmark. Tells
    /// the bookmark of the state as it is, to go back to: the state before it is
    /// restored, unless more is written until then. The last call counts.
    ///
    /// # Errors
    /// [`Error::Sql`] if it is no bookmark of this object, or one that its
    /// history does not have any more.
    pub fn restore_on_next_open(&self, bookmark: &str) -> Result<String, Error> {
        let now = self.0.now_kept()?;
        self.0.file.history.ask(bookmark)?;
        Ok(now)
    }
}

impl Inner {
    /// Commits, and sees to it that the history has all. Tells the bookmark of that.
    fn now_kept(self: &Rc<Self>) -> Result<String, Error> {
        // The session begins, and what was asked of the last one is done.
        self.to_read()?;
        if self.dirty.get() && self.levels.borrow().is_empty() {
            self.commit()?;
        }
        self.file.history.current().ok_or_else(|| {
            Error::Sql("The history of this Durable Object cannot be written now.".to_owned())
        })
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let text = match refusal {
            Refusal::Store(error) => return error.into(),
            Refusal::NotABookmark => "Not a bookmark of this Durable Object.",
            Refusal::Gone => "The history of this Durable Object does not have that bookmark.",
            Refusal::Future => "Cannot get a bookmark for a time in the future.",
            Refusal::TooOld(_) => "Cannot get a bookmark for a time more than 30 days ago.",
            Refusal::Nothing => "There is no history of this Durable Object.",
            Refusal::Before => "The history of this Durable Object does not go back to that time.",
        };
        Self::Sql(text.to_owned())
    }
}
