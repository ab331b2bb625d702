//! The compressors of a thread.

use std::cell::{Cell, RefCell};

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Status};

use super::TAIL;

/// So many sockets find the window of their last message again. A compressor has
/// about 270 KiB.
const MAX_COMPRESSORS: usize = 32;
/// After so many seconds without a message a compressor goes.
const KEPT_SECONDS: u8 = 10;
/// zlib's default: what workerd uses, too.
const LEVEL: i32 = 6;
/// The smallest window that zlib makes. It leaves 262 bytes of it unused, so what comes
/// of it can be unpacked with the smallest window that can be agreed on, 256 bytes.
const MIN_WINDOW_BITS: u8 = 9;
const PAGE_BYTES: usize = 16 * 1024;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool::new()) };
    static LAST: Cell<u64> = const { Cell::new(SHARED) };
}

/// The owner of what belongs to all sockets that keep no window.
const SHARED: u64 = 0;

struct Pool {
    compressors: Vec<Compressor>,
    /// Counts messages, to know who waited longest.
    turn: u64,
    page: Vec<u8>,
    packed: Vec<u8>,
}

struct Compressor {
    /// Whose window is in it.
    owner: u64,
    bits: u8,
    turn: u64,
    idle_seconds: u8,
    stream: Deflate,
}

/// What leaves on one socket.
pub(in super::super) struct Packer {
    /// Tells the sockets of a thread apart.
    owner: u64,
    bits: u8,
}

impl Packer {
    pub(super) fn new(no_context: bool, bits: u8) -> Self {
        let owner = if no_context {
            SHARED
        } else {
            LAST.set(LAST.get() + 1);
            LAST.get()
        };
        Self { owner, bits: bits.max(MIN_WINDOW_BITS) }
    }

    /// Packs a message, which is not empty; `None` when that failed: it can leave as it
    /// is then.
    pub(in super::super) fn pack<T>(
        &self,
        message: &[u8],
        take: impl FnOnce(&[u8]) -> T,
    ) -> Option<T> {
        POOL.with_borrow_mut(|pool| pool.pack(self, message).map(take))
    }
}

impl Drop for Packer {
    fn drop(&mut self) {
        if self.owner != SHARED {
            // Not there any more when the thread ends.
            let _ = POOL.try_with(|pool| pool.borrow_mut().forget(self.owner));
        }
    }
}

/// A second passed.
pub(in super::super) fn age() {
    POOL.with_borrow_mut(Pool::age);
}

impl Pool {
    const fn new() -> Self {
        Self { compressors: Vec::new(), turn: 0, page: Vec::new(), packed: Vec::new() }
    }

    fn pack(&mut self, packer: &Packer, message: &[u8]) -> Option<&[u8]> {
        self.turn += 1;
        let index = self.find(packer);
        let compressor = &mut self.compressors[index];
        (compressor.turn, compressor.idle_seconds) = (self.turn, 0);
        if packer.owner == SHARED {
            compressor.stream.reset();
        }
        self.page.resize(PAGE_BYTES, 0);
        self.packed.clear();
        if !compressor.run(message, &mut self.page, &mut self.packed) {
            // What is in its window nobody knows.
            self.compressors.swap_remove(index);
            tracing::debug!("a message could not be compressed");
            return None;
        }
        Some(&self.packed[..self.packed.len() - TAIL.len()])
    }

    /// Finds the compressor with a socket's window, or one that is as new.
    fn find(&mut self, packer: &Packer) -> usize {
        let own = |it: &Compressor| it.owner == packer.owner && it.bits == packer.bits;
        if let Some(index) = self.compressors.iter().position(own) {
            return index;
        }
        if self.compressors.len() < MAX_COMPRESSORS {
            self.compressors.push(Compressor::new(packer));
            return self.compressors.len() - 1;
        }
        let oldest = self.compressors.iter().enumerate().min_by_key(|(_, it)| it.turn);
        let index = oldest.map_or(0, |(index, _)| index);
        let compressor = &mut self.compressors[index];
        if compressor.bits == packer.bits {
            compressor.owner = packer.owner;
            compressor.stream.reset();
        } else {
            *compressor = Compressor::new(packer);
        }
        index
    }

    fn forget(&mut self, owner: u64) {
        self.compressors.retain(|it| it.owner != owner);
    }

    fn age(&mut self) {
        self.compressors.retain_mut(|it| {
            it.idle_seconds = it.idle_seconds.saturating_add(1);
            it.idle_seconds <= KEPT_SECONDS
        });
        if self.compressors.is_empty() {
            (self.page, self.packed) = (Vec::new(), Vec::new());
        }
    }

    #[cfg(test)]
    fn owners(&self) -> Vec<u64> {
        self.compressors.iter().map(|it| it.owner).collect()
    }
}

impl Compressor {
    fn new(packer: &Packer) -> Self {
        let stream = Deflate::new_with_config(DeflateConfig {
            level: LEVEL,
            window_bits: -i32::from(packer.bits),
            ..DeflateConfig::default()
        });
        Self { owner: packer.owner, bits: packer.bits, turn: 0, idle_seconds: 0, stream }
    }

    /// Adds a whole message to what it packed; whether that ended as it must.
    fn run(&mut self, mut message: &[u8], page: &mut [u8], packed: &mut Vec<u8>) -> bool {
        loop {
            let before = (self.stream.total_in(), self.stream.total_out());
            let status = self.stream.compress(message, page, DeflateFlush::SyncFlush);
            if !matches!(status, Ok(Status::Ok | Status::BufError)) {
                return false;
            }
            message = &message[(self.stream.total_in() - before.0) as usize..];
            let written = (self.stream.total_out() - before.1) as usize;
            packed.extend_from_slice(&page[..written]);
            if written < page.len() {
                return message.is_empty() && packed.ends_with(&TAIL);
            }
        }
    }
}

/// Whose compressors the thread has.
#[cfg(test)]
pub(super) fn owners() -> Vec<u64> {
    POOL.with_borrow(Pool::owners)
}
