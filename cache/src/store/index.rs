//! What is kept, and what has to go: the entries in memory and the files, each
//! in the order of their last use.

use std::collections::HashMap;
use std::sync::Arc;

use lru::LruCache;

use crate::entry::{Entry, Key};

#[derive(Debug)]
pub(super) struct Index {
    entries: LruCache<Key, Arc<Entry>>,
    entry_bytes: usize,
    most_entry_bytes: usize,
    /// Entries whose file is not written yet: they may have left `entries`.
    unwritten: HashMap<Key, Arc<Entry>>,
    /// The files and their lengths.
    files: LruCache<Key, u64>,
    file_bytes: u64,
    most_file_bytes: u64,
    /// Whether the folder was looked through.
    pub(super) knows_all_files: bool,
}

impl Index {
    pub(super) fn new(most_entry_bytes: usize, most_file_bytes: u64) -> Self {
        Self {
            entries: LruCache::unbounded(),
            entry_bytes: 0,
            most_entry_bytes,
            unwritten: HashMap::new(),
            files: LruCache::unbounded(),
            file_bytes: 0,
            most_file_bytes,
            knows_all_files: false,
        }
    }

    /// An entry in memory, which is used now.
    pub(super) fn entry(&mut self, key: &Key) -> Option<Arc<Entry>> {
        let Some(entry) = self.entries.get(key) else { return self.unwritten.get(key).cloned() };
        self.files.promote(key);
        Some(entry.clone())
    }

    /// Whether this very entry is what the key stands for, and wants its file.
    pub(super) fn wants_file(&self, key: &Key, entry: &Arc<Entry>) -> bool {
        self.unwritten.get(key).is_some_and(|kept| Arc::ptr_eq(kept, entry))
    }

    /// An entry whose file is to be written.
    pub(super) fn add(&mut self, key: Key, entry: Arc<Entry>) {
        self.unwritten.insert(key, entry.clone());
        self.remember(key, entry);
    }

    /// An entry whose file could not be written.
    pub(super) fn give_up(&mut self, key: &Key, entry: &Arc<Entry>) {
        if self.wants_file(key, entry) {
            self.unwritten.remove(key);
        }
    }

    pub(super) fn has_file(&self, key: &Key) -> bool {
        self.files.contains(key)
    }

    /// An entry that lies in memory and in a file of this length. Gives the files
    /// that have to go for it.
    pub(super) fn put(&mut self, key: Key, entry: Arc<Entry>, length: u64) -> Vec<Key> {
        self.unwritten.remove(&key);
        self.remember(key, entry);
        self.put_file(key, length);
        self.evict()
    }

    fn remember(&mut self, key: Key, entry: Arc<Entry>) {
        self.forget_entry(&key);
        let bytes = entry.memory_bytes();
        // What is larger than all of the room is not worth emptying it.
        if bytes > self.most_entry_bytes {
            return;
        }
        self.entry_bytes += bytes;
        self.entries.put(key, entry);
        while self.entry_bytes > self.most_entry_bytes {
            let Some((_, oldest)) = self.entries.pop_lru() else { break };
            self.entry_bytes -= oldest.memory_bytes();
        }
    }

    fn forget_entry(&mut self, key: &Key) {
        if let Some(entry) = self.entries.pop(key) {
            self.entry_bytes -= entry.memory_bytes();
        }
    }

    fn put_file(&mut self, key: Key, length: u64) {
        self.file_bytes += length;
        if let Some(before) = self.files.put(key, length) {
            self.file_bytes -= before;
        }
    }

    /// What is gone, or has to go.
    pub(super) fn remove(&mut self, key: &Key) {
        self.forget_entry(key);
        self.unwritten.remove(key);
        if let Some(length) = self.files.pop(key) {
            self.file_bytes -= length;
        }
    }

    /// The files that were there before, the one that was used last coming
    /// first.
    pub(super) fn found(&mut self, files: Vec<(Key, u64)>) -> Vec<Key> {
        for (key, length) in files {
            if !self.files.contains(&key) {
                self.put_file(key, length);
                // They are older than all that came meanwhile.
                self.files.demote(&key);
            }
        }
        self.knows_all_files = true;
        self.evict()
    }

    /// Files beyond the limit, the ones not used for longest.
    fn evict(&mut self) -> Vec<Key> {
        let mut evicted = Vec::new();
        while self.file_bytes > self.most_file_bytes {
            let Some((key, length)) = self.files.pop_lru() else { break };
            self.file_bytes -= length;
            self.forget_entry(&key);
            evicted.push(key);
        }
        evicted
    }
}
