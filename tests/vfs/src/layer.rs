//! The layer itself: SQLite's default file system with calls of ours around it.

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, MutexGuard, Once};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};

use crate::model::Model;
use crate::{State, disk_of};

/// Calls a method of the real file.
macro_rules! call {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        // SAFETY: SQLite calls methods of open files, with arguments that the
        // real method takes as they are.
        unsafe {
            let real = real_file($file);
            (*(*real).pMethods).$method.expect("the default file system has it")(
                real $(, $argument)*
            )
        }
    }};
}
/// A file as SQLite holds it. The real one lies behind it in the same memory.
#[repr(C)]
struct File {
    base: sqlite3_file,
    /// Null for files that are not watched.
    watched: *mut Watched,
}

struct Watched {
    disk: Arc<State>,
    path: PathBuf,
    /// SQLite made it, and syncs its name with it.
    made: bool,
}

impl Watched {
    fn lock(&self) -> MutexGuard<'_, Model> {
        crate::lock(&self.disk.model)
    }
}

/// Makes the layer SQLite's default, once in a process.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: SQLite's initialization may be asked for at any time.
        assert_eq!(unsafe { ffi::sqlite3_initialize() }, ffi::SQLITE_OK);
        // SAFETY: null means the default, which stays as long as the process.
        let real = unsafe { ffi::sqlite3_vfs_find(std::ptr::null()) };
        assert!(!real.is_null(), "SQLite has a file system");
        // SAFETY: it points to a whole structure of plain values.
        let mut layer = unsafe { std::ptr::read(real) };
        // All other calls get `layer` as the real one would itself: what they
        // need of it (`pAppData`, `mxPathname`) was copied.
        layer.pNext = std::ptr::null_mut();
        layer.zName = c"selvedge-test".as_ptr();
        layer.szOsFile += size_of::<File>() as c_int;
        layer.xOpen = Some(open);
        layer.xDelete = Some(delete);
        let layer: *mut sqlite3_vfs = Box::into_raw(Box::new(layer));
        REAL.store(real, std::sync::atomic::Ordering::Release);
        // SAFETY: the structure stays as long as the process.
        assert_eq!(unsafe { ffi::sqlite3_vfs_register(layer, 1) }, ffi::SQLITE_OK);
    });
}

static REAL: std::sync::atomic::AtomicPtr<sqlite3_vfs> =
    std::sync::atomic::AtomicPtr::new(std::ptr::null_mut());

fn real_vfs() -> *mut sqlite3_vfs {
    REAL.load(std::sync::atomic::Ordering::Acquire)
}

/// The path that SQLite gave; `None` for a temporary file.
///
/// # Safety
/// `name` must be null or a string.
unsafe fn path_of(name: *const c_char) -> Option<PathBuf> {
    if name.is_null() {
        return None;
    }
    // SAFETY: see above.
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes();
    let path = Path::new(OsStr::from_bytes(bytes));
    let folder = path.parent()?.canonicalize().ok()?;
    Some(folder.join(path.file_name()?))
}

/// # Safety
/// As SQLite calls it.
unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives memory of `szOsFile` bytes, which begins with ours,
    // then has room for the real file.
    unsafe {
        let real = real_file(file);
        (*real).pMethods = std::ptr::null();
        let vfs = real_vfs();
        let code = (*vfs).xOpen.expect("it opens files")(vfs, name, real, flags, flags_out);
        let own = file.cast::<File>();
        (*own).watched = std::ptr::null_mut();
        // SQLite calls xClose when methods are set, even after an error.
        (*file).pMethods = if (*real).pMethods.is_null() { std::ptr::null() } else { &METHODS };
        if code == ffi::SQLITE_OK
            && let Some(path) = path_of(name)
            && let Some(disk) = disk_of(&path)
        {
            let is_known = crate::lock(&disk.model).opened(&path);
            let made = flags & ffi::SQLITE_OPEN_CREATE != 0 && flags & ffi::SQLITE_OPEN_WAL != 0;
            let made = made && !is_known;
            (*own).watched = Box::into_raw(Box::new(Watched { disk, path, made }));
        }
        code
    }
}

/// # Safety
/// As SQLite calls it.
unsafe extern "C" fn delete(_: *mut sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    let vfs = real_vfs();
    // SAFETY: the arguments are SQLite's own.
    let path = unsafe { path_of(name) };
    let disk = path.as_deref().and_then(disk_of);
    let mut model = disk.as_ref().map(|disk| crate::lock(&disk.model));
    // SAFETY: as above.
    let code = unsafe { (*vfs).xDelete.expect("it deletes files")(vfs, name, sync) };
    if code == ffi::SQLITE_OK
        && let (Some(path), Some(model)) = (&path, &mut model)
    {
        model.deleted(path);
    }
    code
}

/// # Safety
/// `file` must be one that [`open`] was given.
unsafe fn real_file(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: the memory goes on behind our own part.
    unsafe { file.cast::<u8>().add(size_of::<File>()).cast() }
}

/// # Safety
/// As above, and it must be open.
unsafe fn watched<'a>(file: *mut sqlite3_file) -> Option<&'a Watched> {
    // SAFETY: it is null or from `Box::into_raw`, and freed by `close` only.
    unsafe { (*file.cast::<File>()).watched.as_ref() }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes a file once, after all other calls.
    unsafe {
        let watched = std::mem::replace(&mut (*file.cast::<File>()).watched, std::ptr::null_mut());
        if !watched.is_null() {
            let watched = Box::from_raw(watched);
            watched.lock().closed(&watched.path);
        }
    }
    call!(file, xClose)
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    data: *const c_void,
    length: c_int,
    at: sqlite3_int64,
) -> c_int {
    // SAFETY: the file is open.
    let Some(watched) = (unsafe { watched(file) }) else {
        return call!(file, xWrite, data, length, at);
    };
    let mut model = watched.lock();
    if model.full {
        return ffi::SQLITE_FULL;
    }
    let code = call!(file, xWrite, data, length, at);
    if code == ffi::SQLITE_OK {
        // SAFETY: SQLite gives `length` bytes at `data`.
        let bytes = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), length as usize) };
        model.written(&watched.path, at as u64, bytes);
    }
    code
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, length: sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    let watched = unsafe { watched(file) };
    let mut model = watched.map(Watched::lock);
    let code = call!(file, xTruncate, length);
    if code == ffi::SQLITE_OK
        && let (Some(watched), Some(model)) = (watched, &mut model)
    {
        model.truncated(&watched.path, length as u64);
    }
    code
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: the file is open.
    let Some(watched) = (unsafe { watched(file) }) else { return call!(file, xSync, flags) };
    // The disk is the model's: the real one need not do anything.
    match watched.lock().sync_by_sqlite(&watched.path, watched.made) {
        true => ffi::SQLITE_OK,
        false => ffi::SQLITE_IOERR_FSYNC,
    }
}

/// Methods that only hand the call on.
macro_rules! hand_on {
    ($($name:ident = $method:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(unsafe extern "C" fn $name(file: *mut sqlite3_file $(, $argument: $type)*) -> $result {
            call!(file, $method $(, $argument)*)
        })*
    };
}

hand_on! {
    read = xRead(data: *mut c_void, length: c_int, at: sqlite3_int64) -> c_int;
    file_size = xFileSize(size: *mut sqlite3_int64) -> c_int;
    lock = xLock(level: c_int) -> c_int;
    unlock = xUnlock(level: c_int) -> c_int;
    check_reserved_lock = xCheckReservedLock(result: *mut c_int) -> c_int;
    file_control = xFileControl(op: c_int, argument: *mut c_void) -> c_int;
    sector_size = xSectorSize() -> c_int;
    device_characteristics = xDeviceCharacteristics() -> c_int;
    shm_map = xShmMap(region: c_int, size: c_int, extend: c_int, out: *mut *mut c_void) -> c_int;
    shm_lock = xShmLock(offset: c_int, count: c_int, flags: c_int) -> c_int;
    shm_barrier = xShmBarrier() -> ();
    shm_unmap = xShmUnmap(delete: c_int) -> c_int;
}

/// Version 2: without the third version's mapped files, through which SQLite
/// would write past us.
static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};
