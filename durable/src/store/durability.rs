//! Which commits of an object are on disk.

use crate::error::Error;

/// A commit of an object. The numbers of an object grow by one, as long as it
/// is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Commit {
    /// Its number.
    pub seq: u64,
}

/// Tells which commits of an object are on disk. Cheap to clone, for any thread,
/// and it may outlive the object's storage.
#[derive(Debug, Clone)]
pub struct Durability(());

impl Durability {
    /// The last commit; 0 if there was none. What an object says depends on all
    /// commits up to this one.
    pub fn committed(&self) -> u64 {
        unimplemented!()
    }

    /// The last commit that is on disk; 0 if none is.
    pub fn durable(&self) -> u64 {
        unimplemented!()
    }

    /// Whether this commit is on disk, or will never be. `None` while the disk
    /// works.
    pub fn check(&self, seq: u64) -> Option<Result<(), Error>> {
        let _ = seq;
        unimplemented!()
    }

    /// Calls back once when the commit is on disk or never will be: at once, on
    /// this thread, if that is known, otherwise on a thread of the syncer, which
    /// must not be held up.
    pub fn when(&self, seq: u64, call: impl FnOnce(Result<(), Error>) + Send + 'static) {
        let _ = (seq, call);
        unimplemented!()
    }

    /// Waits until the commit is on disk.
    ///
    /// # Errors
    /// [`Error::Broken`] if it never will be.
    pub fn wait(&self, seq: u64) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let _ = seq;
        std::future::ready(Ok(()))
    }
}
