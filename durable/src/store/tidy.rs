//! What is done to the files of objects beside the objects' threads: copying long
//! logs, and leaving one file behind for an object that is not open.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use selvedge_storage::failure::failure;
use selvedge_storage::file::log_of;

use super::durability::ObjectFile;
use super::namespace::Registry;
use crate::error::Error;

/// How long a connection waits for a lock of another one: 5 s. Only opening,
/// closing and checkpoints make any wait, and for much less.
pub(super) const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Copies the log into the database, as far as it goes.
pub(super) fn copy_log(connection: &Connection, mode: &str) -> rusqlite::Result<()> {
    let busy = connection
        .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get::<_, i64>(0))?;
    if busy != 0 && mode != "PASSIVE" {
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
            Some("the log is in use".to_owned()),
        ));
    }
    Ok(())
}

fn connect(file: &ObjectFile) -> rusqlite::Result<Connection> {
    let connection = file.disk.connect(&file.path)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.execute_batch(
        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 0; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;",
    )?;
    Ok(connection)
}

/// Copies a long log while its object goes on.
pub(super) fn checkpoint(file: &ObjectFile) {
    let opening = file.opening.lock().unwrap_or_else(PoisonError::into_inner);
    let usable = opening.connected && file.failure().is_none();
    if usable {
        let copied = copy_live(file);
        match copied {
            Ok(()) => file.checkpointed.store(true, Ordering::Release),
            Err(error) => failed(file, &error),
        }
    }
    drop(opening);
    file.checkpoint_asked.store(false, Ordering::Release);
}

/// Copies the log into the history, and what the history has of it into the
/// database.
fn copy_live(file: &ObjectFile) -> rusqlite::Result<()> {
    let connect = || {
        let connection = connect(file)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        Ok::<_, rusqlite::Error>(connection)
    };
    // Nothing that is newer than what a reader sees is copied while it reads: what
    // the history has after that is enough.
    let reader = connect()?;
    let seen = file.history.pin(|| {
        reader.execute_batch("BEGIN")?;
        reader.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
    })?;
    file.history.keep();
    copy_log(&connect()?, "PASSIVE")?;
    file.history.rest_live(&reader, seen);
    reader.execute_batch("COMMIT")
}

/// A failed checkpoint loses nothing, but a disk that fails is not to be trusted
/// with more.
fn failed(file: &ObjectFile, error: &rusqlite::Error) {
    if selvedge_storage::failure::is_io(error) {
        file.fail(failure(&file.path, error).to_string());
    } else {
        tracing::warn!("{}: the log was not copied: {error}", file.path.display());
    }
}

/// Leaves one file, the database, of an object to which there is no connection,
/// or none if it is empty and not open.
pub(super) fn tidy(file: &Arc<ObjectFile>, registry: &Registry) {
    file.wait_for_syncer();
    let mut opening = file.opening.lock().unwrap_or_else(PoisonError::into_inner);
    if opening.checked && !opening.connected && file.is_settled() {
        file.history.keep();
        match close(file) {
            Ok(Left::Nothing)
                if !file.in_use.load(Ordering::Acquire) && !file.history.is_asked() =>
            {
                // What must not be done to a file that has connections may be
                // needed again.
                opening.checked = false;
                if let Err(error) = delete(file) {
                    tracing::warn!("{}: not deleted: {error}", file.path.display());
                }
            }
            Ok(_) => file.history.rest(),
            Err(error) => failed(file, &error),
        }
    }
    drop(opening);
    registry.forget_if_idle(file);
}

pub(super) enum Left {
    Data,
    Nothing,
}

/// The last connection that closes copies the log and deletes it.
pub(super) fn close(file: &ObjectFile) -> rusqlite::Result<Left> {
    let connection = connect(file)?;
    let empty: bool =
        connection
            .query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(if empty { Left::Nothing } else { Left::Data })
}

/// Deletes the files of an object to which there is no connection.
pub(super) fn delete(file: &ObjectFile) -> Result<(), Error> {
    let io = |error: std::io::Error| selvedge_storage::failure::io_failure(&file.path, &error);
    file.history.forget().map_err(io)?;
    // A log that outlives its database in a crash must have nothing in it.
    match std::fs::OpenOptions::new().write(true).open(log_of(&file.path)) {
        Ok(log) => log.set_len(0).and_then(|()| log.sync_all()).map_err(io)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(io(error).into()),
    }
    match selvedge_storage::file::remove(&file.path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error).into()),
        _ => {}
    }
    file.disk.has_synced_folder_of(&file.path).map_err(io)?;
    let seq = file.index.remove(file.id)?;
    file.index.sync(seq)
}
