//! Transactions of an object. There is an implicit one, from the first write to
//! [`ObjectStorage::commit`]; savepoints lie within it, and explicit ones hold
//! back the commit for as long as they are open.

use super::durability::Commit;
use super::object::ObjectStorage;
use crate::error::Error;

impl ObjectStorage {
    /// Ends the implicit transaction, without waiting for the disk. Tells the
    /// commit, or `None` if nothing was written, or if an explicit transaction
    /// is open.
    ///
    /// # Errors
    /// [`Error::Broken`] and what follows from it: the writes are lost.
    pub fn commit(&self) -> Result<Option<Commit>, Error> {
        unimplemented!()
    }

    /// Begins a savepoint within the transaction, for code that does not wait
    /// (`transactionSync`, and writes of many keys). They nest.
    pub fn savepoint(&self) -> Result<(), Error> {
        unimplemented!()
    }

    /// Ends the innermost savepoint; its writes belong to what is around it.
    pub fn release_savepoint(&self) -> Result<(), Error> {
        unimplemented!()
    }

    /// Ends the innermost savepoint and undoes its writes.
    pub fn rollback_savepoint(&self) -> Result<(), Error> {
        unimplemented!()
    }

    /// Begins an explicit transaction (`transaction`), which may last for many
    /// turns. Writes before the outermost one are committed first: that commit
    /// is told. They nest.
    pub fn begin_transaction(&self) -> Result<Option<Commit>, Error> {
        unimplemented!()
    }

    /// Commits the innermost explicit transaction. That of the outermost one is
    /// a commit of the object, if it wrote.
    pub fn commit_transaction(&self) -> Result<Option<Commit>, Error> {
        unimplemented!()
    }

    /// Undoes the innermost explicit transaction, with all savepoints in it.
    pub fn rollback_transaction(&self) -> Result<(), Error> {
        unimplemented!()
    }

    /// Whether writes wait for [`ObjectStorage::commit`].
    pub fn has_uncommitted(&self) -> bool {
        unimplemented!()
    }
}
