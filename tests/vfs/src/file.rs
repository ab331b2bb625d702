//! What of a file is durable, and what was written since.

/// The content of a file as the disk has it.
#[derive(Debug, Default)]
pub(crate) struct Content {
    durable: Vec<u8>,
    /// Not synced, in their order.
    changes: Vec<Change>,
    /// How many handles SQLite has on it.
    pub(crate) open: usize,
}

#[derive(Debug)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate { length: usize },
}

impl Content {
    pub(crate) fn durable(&self) -> &[u8] {
        &self.durable
    }

    pub(crate) fn into_durable(self) -> Vec<u8> {
        self.durable
    }

    /// Whether all of it is durable.
    pub(crate) fn is_clean(&self) -> bool {
        self.changes.is_empty()
    }

    pub(crate) fn reset(&mut self, durable: Vec<u8>) {
        self.durable = durable;
    }

    pub(crate) fn write(&mut self, at: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.changes.push(Change::Write { at: index(at), bytes: bytes.to_vec() });
    }

    pub(crate) fn truncate(&mut self, length: u64) {
        self.changes.push(Change::Truncate { length: index(length) });
    }

    pub(crate) fn sync(&mut self) {
        for change in self.changes.drain(..) {
            match change {
                Change::Write { at, bytes } => {
                    let end = at + bytes.len();
                    if self.durable.len() < end {
                        self.durable.resize(end, 0);
                    }
                    self.durable[at..end].copy_from_slice(&bytes);
                }
                Change::Truncate { length } => self.durable.resize(length, 0),
            }
        }
    }

    /// A sync failed: no later one brings these changes to the disk.
    pub(crate) fn lose(&mut self) {
        self.changes.clear();
    }
}

/// Files of tests fit into memory.
fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("files of tests are small")
}
