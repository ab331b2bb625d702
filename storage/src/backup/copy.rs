//! One file, whole and on disk.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::Error;
use crate::failure::{failure, io_failure};

/// How often a database that is locked is tried: for 30 s.
const ATTEMPTS: u32 = 300;
const PAUSE: Duration = Duration::from_millis(100);
/// How much is read at once: 256 KiB.
const BUFFER_BYTES: usize = 256 * 1024;

/// Bytes and hash.
pub(super) type Copied = (u64, String);

/// Copies a database from one moment of it; `None` when it is gone.
pub(super) fn copy_database(from: &Path, to: &Path) -> Result<Option<Copied>, Error> {
    let fail = |error: rusqlite::Error| failure(from, &error);
    // It is not made where there is none.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = match Connection::open_with_flags(from, flags) {
        Ok(source) => source,
        Err(_) if !from.exists() => return Ok(None),
        Err(error) => return Err(fail(error)),
    };
    // Its log is the server's business.
    source.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(fail)?;
    source.execute_batch("PRAGMA query_only = ON").map_err(fail)?;
    let copied = steps(&source, to).map_err(|error| failure(to, &error));
    drop(source);
    copied?;
    let file = File::options().read(true).write(true).open(to).map_err(|it| io_failure(to, &it))?;
    private(&file).and_then(|()| file.sync_all()).map_err(|error| io_failure(to, &error))?;
    hashed(file).map(Some).map_err(|error| io_failure(to, &error))
}

fn steps(source: &Connection, to: &Path) -> rusqlite::Result<()> {
    let mut target = Connection::open(to)?;
    target.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")?;
    all_of(&Backup::new(source, &mut target)?)?;
    target.close().map_err(|(_, error)| error)
}

/// Copies all at once: a copy in pieces begins again at each write of others.
fn all_of(backup: &Backup<'_, '_>) -> rusqlite::Result<()> {
    for _ in 0..ATTEMPTS {
        if backup.step(-1)? == StepResult::Done {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
    let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
    Err(rusqlite::Error::SqliteFailure(busy, Some("it stayed locked".to_owned())))
}

/// Copies a file that does not change; `None` when it is gone.
pub(super) fn copy_file(from: &Path, to: &Path) -> Result<Option<Copied>, Error> {
    let mut source = match File::open(from) {
        Ok(source) => source,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_failure(from, &error)),
    };
    let mut target = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(to)
        .map_err(|error| io_failure(to, &error))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut bytes = 0;
    loop {
        let read = source.read(&mut buffer).map_err(|error| io_failure(from, &error))?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        hasher.update(&buffer[..read]);
        target.write_all(&buffer[..read]).map_err(|error| io_failure(to, &error))?;
    }
    private(&target).and_then(|()| target.sync_all()).map_err(|error| io_failure(to, &error))?;
    Ok(Some((bytes, hasher.finalize().to_hex().to_string())))
}

/// That a copied file is what the manifest says.
pub(super) fn verify(
    path: &Path,
    (bytes, hash): &Copied,
    (wanted_bytes, wanted_hash): (u64, &str),
) -> Result<(), Error> {
    if *bytes == wanted_bytes && hash == wanted_hash {
        return Ok(());
    }
    Err(Error::Data(format!("{} is not what was copied: it is damaged", path.display())))
}

fn hashed(mut file: File) -> io::Result<Copied> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((bytes, hasher.finalize().to_hex().to_string()));
        }
        bytes += read as u64;
        hasher.update(&buffer[..read]);
    }
}

#[cfg(unix)]
fn private(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn private(_: &File) -> io::Result<()> {
    Ok(())
}
