//! Memory of an isolate: V8's heap, the array buffers beside it, and what the
//! server holds for it.
//!
//! All count against one limit. When it is reached, the running JavaScript is
//! stopped and the isolate is condemned; V8 gets enough headroom meanwhile that
//! even its largest single allocation does not end the process.

use std::cell::{Cell, OnceCell};
use std::ffi::c_void;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use deno_core::v8;

/// What V8 may use beyond the limit until the stop takes effect. Its largest
/// object is a 1 GiB array or string.
const HEADROOM_BYTES: usize = 3 << 30;
const _: () = assert!(HEADROOM_BYTES > 1 << 30);

/// V8 collects garbage and asks again this many times before it gives up.
const TRIES_PER_ALLOCATION: usize = 4;

/// Counts the bytes of an isolate's array buffers, and those that the server
/// holds for it.
pub(crate) struct ExternalMemory {
    used: AtomicUsize,
    limit: AtomicUsize,
    /// The isolate's whole limit: a single buffer above it is only refused, with
    /// the RangeError that V8 throws.
    whole: usize,
    /// Refusals in a row.
    refused: AtomicUsize,
    on_limit: OwnThread<Box<dyn Fn()>>,
    /// Has V8 collect its garbage and look at the sum again.
    look: OwnThread<OnceCell<Box<dyn Fn()>>>,
}

/// A value that only the isolate's thread uses.
struct OwnThread<T>(T);
// SAFETY: what uses it runs on the isolate's thread: `ExternalMemory::reserve`,
// for V8 allocates array buffers there and other threads only free them, and
// `HeldBytes`, which is `!Send`.
unsafe impl<T> Send for OwnThread<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for OwnThread<T> {}

impl ExternalMemory {
    pub(crate) fn new(limit: usize, on_limit: Box<dyn Fn()>) -> Arc<Self> {
        Arc::new(Self {
            used: AtomicUsize::new(0),
            limit: AtomicUsize::new(limit),
            whole: limit,
            refused: AtomicUsize::new(0),
            on_limit: OwnThread(on_limit),
            look: OwnThread(OnceCell::new()),
        })
    }

    /// Sets what happens when bytes that the server holds break the limit.
    pub(crate) fn set_look(&self, look: Box<dyn Fn()>) {
        let _ = self.look.0.set(look);
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    fn reserve(&self, len: usize) -> bool {
        let limit = self.limit.load(Ordering::Relaxed);
        let before = self.used.fetch_add(len, Ordering::Relaxed);
        if before.saturating_add(len) > limit {
            self.used.fetch_sub(len, Ordering::Relaxed);
            let refused = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
            if len <= self.whole && refused >= TRIES_PER_ALLOCATION {
                (self.on_limit.0)();
            }
            return false;
        }
        self.refused.store(0, Ordering::Relaxed);
        true
    }
}

/// Less than this is not worth an account of its own.
const HELD_GRAIN_BYTES: usize = 1024;

/// Bytes that the server holds for an isolate, counted with its memory: what a
/// Worker said that has not left yet. They no longer count when it is dropped.
pub struct HeldBytes {
    memory: Arc<ExternalMemory>,
    counted: Cell<usize>,
    /// It belongs to the isolate's thread.
    _not_send: PhantomData<*const ()>,
}

impl HeldBytes {
    pub(crate) fn new(memory: Arc<ExternalMemory>) -> Self {
        Self { memory, counted: Cell::new(0), _not_send: PhantomData }
    }

    /// So many bytes are held now. Over the limit, the running JavaScript is
    /// stopped unless garbage makes room.
    pub fn set(&self, bytes: usize) {
        let counted = self.counted.get();
        if bytes.abs_diff(counted) < HELD_GRAIN_BYTES && (bytes != 0 || counted == 0) {
            return;
        }
        self.counted.set(bytes);
        if bytes <= counted {
            self.memory.used.fetch_sub(counted - bytes, Ordering::Relaxed);
            return;
        }
        let more = bytes - counted;
        let used = self.memory.used.fetch_add(more, Ordering::Relaxed) + more;
        if used > self.memory.limit.load(Ordering::Relaxed)
            && let Some(look) = self.memory.look.0.get()
        {
            look();
        }
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl std::fmt::Debug for HeldBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("HeldBytes").field(&self.counted.get()).finish()
    }
}

/// The allocator that V8 uses for array buffers of one isolate.
pub(crate) fn allocator(memory: Arc<ExternalMemory>) -> v8::UniqueRef<v8::Allocator> {
    static VTABLE: v8::RustAllocatorVtable<ExternalMemory> = v8::RustAllocatorVtable {
        allocate,
        allocate_uninitialized: allocate,
        free,
        drop: drop_memory,
    };
    // SAFETY: the handle comes from `Arc::into_raw` and is given back by
    // `drop_memory`; the functions uphold V8's contract (zeroed memory of the
    // asked size, or null).
    unsafe { v8::new_rust_allocator(Arc::into_raw(memory), &VTABLE) }
}

unsafe extern "C" fn allocate(memory: &ExternalMemory, len: usize) -> *mut c_void {
    if !memory.reserve(len) {
        return std::ptr::null_mut();
    }
    // SAFETY: calloc accepts any size; at least one byte, so that the result
    // is not null for an empty buffer.
    let data = unsafe { libc::calloc(len.max(1), 1) };
    if data.is_null() {
        memory.used.fetch_sub(len, Ordering::Relaxed);
    }
    data
}

unsafe extern "C" fn free(memory: &ExternalMemory, data: *mut c_void, len: usize) {
    memory.used.fetch_sub(len, Ordering::Relaxed);
    // SAFETY: `data` came from `allocate`.
    unsafe { libc::free(data) }
}

unsafe extern "C" fn drop_memory(memory: *const ExternalMemory) {
    // SAFETY: the pointer came from `Arc::into_raw` in `allocator`.
    drop(unsafe { Arc::from_raw(memory) });
}

/// Stops JavaScript when the heap is nearly at its limit.
pub(crate) struct HeapGuard {
    isolate: v8::UnsafeRawIsolatePtr,
    limit: usize,
    on_limit: Box<dyn Fn()>,
}

impl HeapGuard {
    /// Installs the guard. The box must live as long as the isolate.
    pub(crate) fn install(
        isolate: &mut v8::OwnedIsolate,
        limit: usize,
        on_limit: impl Fn() + 'static,
    ) -> Box<Self> {
        // SAFETY: the pointer is only used in `near_heap_limit`, while the
        // isolate runs.
        let raw = unsafe { isolate.as_raw_isolate_ptr() };
        let guard = Box::new(Self { isolate: raw, limit, on_limit: Box::new(on_limit) });
        let data = &*guard as *const Self as *mut c_void;
        isolate.add_near_heap_limit_callback(near_heap_limit, data);
        isolate.set_oom_error_handler(out_of_memory);
        guard
    }
}

unsafe extern "C" fn near_heap_limit(data: *mut c_void, current: usize, _initial: usize) -> usize {
    // SAFETY: `data` is the boxed guard, which the isolate's owner keeps until
    // after the isolate is gone.
    let guard = unsafe { &*(data as *const HeapGuard) };
    // SAFETY: V8 calls this on the thread of the isolate that the guard is of.
    let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(guard.isolate) };
    // V8 also asks when one allocation alone is too large: that one fails by
    // itself, or is found by the accounts after the next collection.
    if isolate.get_heap_statistics().used_heap_size() > guard.limit / 8 {
        (guard.on_limit)();
    }
    current + HEADROOM_BYTES
}

/// The last resort: V8 found no memory in spite of the headroom and would end
/// the process. The thread stops here for good instead; its isolate is lost,
/// the process and all other isolates go on.
unsafe extern "C" fn out_of_memory(_location: *const std::ffi::c_char, details: &v8::OomDetails) {
    tracing::error!(heap = details.is_heap_oom, "isolate lost: V8 ran out of memory");
    loop {
        std::thread::park();
    }
}

/// Gives up the pages of this program's code, once: what goes on is read again,
/// which costs some hundred page faults, and what only the start of a process needs
/// (reading flags and configuration, making V8) is not in its memory any more.
pub(crate) fn release_start_code() {
    #[cfg(target_os = "linux")]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            let Some((start, length)) = own_code() else { return };
            // SAFETY: the range is a private mapping of this program's file that cannot be
            // written, so its pages are what the file has, and are read from it again when
            // they are needed. The file cannot change while it is executed (ETXTBSY).
            unsafe {
                libc::madvise(start as *mut c_void, length, libc::MADV_DONTNEED);
            }
        });
    }
}

/// Where the code of this program is mapped: address and length. `None` also where a
/// debugger may have written into it.
#[cfg(target_os = "linux")]
fn own_code() -> Option<(usize, usize)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    if !status.lines().any(|line| line == "TracerPid:\t0") {
        return None;
    }
    let here = own_code as fn() -> Option<(usize, usize)> as usize;
    std::fs::read_to_string("/proc/self/maps").ok()?.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (range, mode) = (fields.next()?, fields.next()?);
        let (start, end) = range.split_once('-')?;
        let start = usize::from_str_radix(start, 16).ok()?;
        let end = usize::from_str_radix(end, 16).ok()?;
        (mode == "r-xp" && (start..end).contains(&here)).then_some((start, end - start))
    })
}

/// Buffers of a Worker that are larger are mapped one by one.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED_BYTES: i32 = 16 << 20;
/// What a thread may keep of freed memory while it works. At rest it gives back all.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT_BYTES: i32 = 32 << 20;

/// Has freed memory kept for what comes next: by default the library gives buffers of
/// 128 KiB and more back at once, and each page of the next one is a fault. What is at
/// rest calls [`trim`].
pub(crate) fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt may be called at any time; both numbers are in its range.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_BYTES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES);
    }
}

/// Gives memory that was freed back to the system: what starting an isolate
/// needed only for a moment.
pub fn trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: malloc_trim may be called at any time; it takes the arenas' locks.
    unsafe {
        libc::malloc_trim(0);
    }
}
