//! A file system of SQLite that works as the usual one, and tells the model of
//! all that is done to files below a folder that has one.

use std::collections::HashMap;
use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError};

use rusqlite::ffi::{
    self, SQLITE_OK, SQLITE_OPEN_CREATE, SQLITE_OPEN_WAL, sqlite3_file, sqlite3_int64,
    sqlite3_io_methods, sqlite3_vfs,
};

use super::model::Model;

/// Its name for SQLite.
pub(super) fn name() -> &'static CStr {
    register();
    c"power-loss"
}

static MODELS: OnceLock<Mutex<HashMap<PathBuf, Arc<Model>>>> = OnceLock::new();

/// Gives a folder a model.
pub(super) fn model_of(root: &Path, seed: u64) -> Arc<Model> {
    let model = Arc::new(Model::new(seed));
    let mut models =
        MODELS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    models.insert(root.to_owned(), model.clone());
    model
}

fn find(path: &Path) -> Option<Arc<Model>> {
    let models = MODELS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    path.ancestors().find_map(|folder| models.get(folder).cloned())
}

/// What is kept of an open file. The usual file system's own follows it.
#[repr(C)]
struct Shim {
    file: sqlite3_file,
    known: *mut Known,
}

struct Known {
    path: PathBuf,
    model: Arc<Model>,
    /// SQLite made it, and syncs its name with it.
    made: bool,
}

struct Usual(*mut sqlite3_vfs);
// SAFETY: SQLite's file systems are not changed once they are registered.
unsafe impl Send for Usual {}
// SAFETY: as above.
unsafe impl Sync for Usual {}
static USUAL: OnceLock<Usual> = OnceLock::new();

fn usual() -> *mut sqlite3_vfs {
    // SAFETY: asking for the default file system has no conditions.
    USUAL.get_or_init(|| Usual(unsafe { ffi::sqlite3_vfs_find(std::ptr::null()) })).0
}

fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = usual();
        // SAFETY: the usual one stays for as long as the process does; its struct
        // is copied, and the copy is never freed.
        unsafe {
            let mut mine = *usual;
            mine.zName = c"power-loss".as_ptr();
            mine.pNext = std::ptr::null_mut();
            mine.szOsFile += size_of::<Shim>() as c_int;
            mine.xOpen = Some(open);
            mine.xDelete = Some(delete);
            let registered = ffi::sqlite3_vfs_register(Box::leak(Box::new(mine)), 0);
            assert_eq!(registered, SQLITE_OK);
        }
    });
}

/// SAFETY: `file` is one that [`open`] was given: a `Shim`, and the usual file.
unsafe fn inner(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: SQLite made room for both, by `szOsFile`.
    unsafe { file.cast::<u8>().add(size_of::<Shim>()).cast() }
}

/// SAFETY: as for [`inner`], after the file was opened.
unsafe fn known<'a>(file: *mut sqlite3_file) -> &'a mut Known {
    // SAFETY: it was boxed by `open`, and SQLite uses a file from one thread at a
    // time.
    unsafe { &mut *(*file.cast::<Shim>()).known }
}

fn path_of(name: *const c_char) -> PathBuf {
    // SAFETY: SQLite's names end with a zero byte.
    PathBuf::from(OsStr::from_bytes(unsafe { CStr::from_ptr(name) }.to_bytes()))
}

unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite calls this by its contract, and `inner` is the usual one's.
    unsafe {
        let shim = file.cast::<Shim>();
        (*shim).file.pMethods = std::ptr::null();
        let usual = usual();
        let Some(usual_open) = (*usual).xOpen else { return ffi::SQLITE_CANTOPEN };
        if name.is_null() {
            return ffi::SQLITE_CANTOPEN;
        }
        let path = path_of(name);
        let Some(model) = find(&path) else { return ffi::SQLITE_CANTOPEN };
        let mut state = model.lock();
        let made = flags & SQLITE_OPEN_CREATE != 0 && flags & SQLITE_OPEN_WAL != 0;
        let opened = usual_open(usual, name, inner(file), flags, out);
        if opened != SQLITE_OK {
            return opened;
        }
        let made = made && !state.is_known(&path);
        if !state.is_known(&path) {
            let bytes = read_all(inner(file));
            *state.file(&path) = bytes;
        }
        drop(state);
        (*shim).known = Box::into_raw(Box::new(Known { path, model, made }));
        (*shim).file.pMethods = &METHODS;
        SQLITE_OK
    }
}

/// By the file that is open: closing another one would drop SQLite's locks.
unsafe fn read_all(file: *mut sqlite3_file) -> Vec<u8> {
    // SAFETY: the file was opened by the usual file system.
    unsafe {
        let methods = &*(*file).pMethods;
        let mut size: sqlite3_int64 = 0;
        methods.xFileSize.expect("a method")(file, &mut size);
        let mut bytes = vec![0u8; size as usize];
        let read = methods.xRead.expect("a method");
        assert_eq!(read(file, bytes.as_mut_ptr().cast(), size as c_int, 0), SQLITE_OK);
        bytes
    }
}

unsafe extern "C" fn delete(_: *mut sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    let path = path_of(name);
    let model = find(&path);
    let mut state = model.as_ref().map(|model| model.lock());
    let usual = usual();
    // SAFETY: as SQLite called us.
    let deleted = unsafe { (*usual).xDelete.expect("a method")(usual, name, sync) };
    if let Some(state) = &mut state
        && deleted == SQLITE_OK
    {
        state.delete(&path);
    }
    deleted
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: the file was opened by `open`, and is closed once.
    unsafe {
        drop(Box::from_raw((*file.cast::<Shim>()).known));
        let inner = inner(file);
        (*(*inner).pMethods).xClose.expect("a method")(inner)
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    bytes: *const c_void,
    count: c_int,
    at: sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite gives `count` bytes of an open file.
    unsafe {
        let Known { path, model, .. } = known(file);
        let mut state = model.lock();
        if state.full {
            return ffi::SQLITE_FULL;
        }
        let inner = inner(file);
        let written = (*(*inner).pMethods).xWrite.expect("a method")(inner, bytes, count, at);
        if written == SQLITE_OK {
            let content = state.file(path);
            let (at, count) = (at as usize, count as usize);
            content.resize(content.len().max(at + count), 0);
            content[at..at + count]
                .copy_from_slice(std::slice::from_raw_parts(bytes.cast(), count));
        }
        written
    }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    unsafe {
        let Known { path, model, .. } = known(file);
        let mut state = model.lock();
        let inner = inner(file);
        let done = (*(*inner).pMethods).xTruncate.expect("a method")(inner, size);
        if done == SQLITE_OK {
            state.file(path).resize(size as usize, 0);
        }
        done
    }
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: the file is open.
    let Known { path, model, made } = unsafe { known(file) };
    model.lock().sync_by_sqlite(path, std::mem::take(made));
    SQLITE_OK
}

/// Methods that only go on to the usual ones.
macro_rules! forward {
    ($($name:ident => $method:ident ( $($argument:ident : $kind:ty),* ) -> $result:ty;)*) => {$(
        unsafe extern "C" fn $name(file: *mut sqlite3_file, $($argument: $kind),*) -> $result {
            // SAFETY: SQLite calls this by the contract of the usual method.
            unsafe {
                let inner = inner(file);
                (*(*inner).pMethods).$method.expect("a method")(inner, $($argument),*)
            }
        }
    )*};
}

forward! {
    read => xRead(bytes: *mut c_void, count: c_int, at: sqlite3_int64) -> c_int;
    file_size => xFileSize(size: *mut sqlite3_int64) -> c_int;
    lock => xLock(level: c_int) -> c_int;
    unlock => xUnlock(level: c_int) -> c_int;
    check_reserved_lock => xCheckReservedLock(out: *mut c_int) -> c_int;
    file_control => xFileControl(op: c_int, argument: *mut c_void) -> c_int;
    sector_size => xSectorSize() -> c_int;
    device_characteristics => xDeviceCharacteristics() -> c_int;
    shm_map => xShmMap(page: c_int, size: c_int, extend: c_int, out: *mut *mut c_void) -> c_int;
    shm_lock => xShmLock(offset: c_int, count: c_int, flags: c_int) -> c_int;
    shm_barrier => xShmBarrier() -> ();
    shm_unmap => xShmUnmap(delete: c_int) -> c_int;
}

/// The second version: without files that are mapped into memory.
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
