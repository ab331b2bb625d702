//! Bookmarks: names of states of an object, which sort by time.

use super::super::id::ObjectId;

/// A state of an object: after so many frames of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Position {
    /// The number of the log. They grow, and are not used again.
    pub(in super::super) log: u32,
    pub(in super::super) frame: u32,
}

/// A position with what tells its log from one that got the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Bookmark {
    pub(in super::super) position: Position,
    /// The first salt of the log; 0 before its first frame.
    pub(in super::super) salt: u32,
}

impl Bookmark {
    /// Its text, for an object.
    pub(in super::super) fn text(self, id: ObjectId) -> String {
        let Self { position: Position { log, frame }, salt } = self;
        let head = format!("{log:08x}-{frame:08x}-{salt:08x}");
        let tail = blake3::keyed_hash(&id.0, head.as_bytes()).to_hex();
        format!("{head}-{}", &tail[..32])
    }

    /// `None` if it is no bookmark of this object.
    pub(in super::super) fn parse(text: &str, id: ObjectId) -> Option<Self> {
        let mut parts = text.split('-');
        let mut number = || u32::from_str_radix(parts.next()?, 16).ok();
        let position = Position { log: number()?, frame: number()? };
        let bookmark = Self { position, salt: number()? };
        (bookmark.text(id) == text).then_some(bookmark)
    }
}
