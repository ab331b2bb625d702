//! Bookmarks: names of states of a database, which sort by time.

/// A state of a database: after so many frames of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    /// The number of the log. They grow, and are not used again.
    pub(super) log: u32,
    pub(super) frame: u32,
}

/// A position with what tells its log from one that got the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bookmark {
    pub(super) position: Position,
    /// The first salt of the log; 0 before its first frame.
    pub(super) salt: u32,
}

impl Bookmark {
    /// Its text, for the database that has this key.
    pub(super) fn text(self, key: &[u8; 32]) -> String {
        let Self { position: Position { log, frame }, salt } = self;
        let head = format!("{log:08x}-{frame:08x}-{salt:08x}");
        let tail = blake3::keyed_hash(key, head.as_bytes()).to_hex();
        format!("{head}-{}", &tail[..32])
    }

    /// `None` if it is no bookmark of this database.
    pub(super) fn parse(text: &str, key: &[u8; 32]) -> Option<Self> {
        let mut parts = text.split('-');
        let mut number = || u32::from_str_radix(parts.next()?, 16).ok();
        let position = Position { log: number()?, frame: number()? };
        let bookmark = Self { position, salt: number()? };
        (bookmark.text(key) == text).then_some(bookmark)
    }
}
