//! Files get smaller when much in them was deleted: SQLite moves pages from the
//! end of the file into free ones, some in each transaction, and the next copy of
//! the log cuts the file off (<https://sqlite.org/pragma.html#pragma_incremental_vacuum>).
//!
//! A file must know for each page who refers to it: SQLite settles that when the
//! file has no table yet, or rewrites the file. The files of KV are rewritten once,
//! while they are small.
//!
//! Free pages are worth keeping as long as they are few: new data goes into them.

use rusqlite::Connection;

/// Up to this many free pages stay: 1 MiB.
const KEPT_PAGES: u64 = 256;
/// It begins when one page in this many is free ..
const BEGIN_AT: u64 = 4;
/// .. and goes on until it is only one in this many.
const END_AT: u64 = 16;
/// How many pages one transaction moves at most: 256 KiB, a few milliseconds.
const PAGES_PER_STEP: u64 = 64;

/// The pages of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pages {
    all: u64,
    free: u64,
}

impl Pages {
    fn of(connection: &Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            all: number(connection, "PRAGMA page_count")?,
            free: number(connection, "PRAGMA freelist_count")?,
        })
    }

    /// Whether one page in `one_in` is free, and more than are kept.
    fn are_free(self, one_in: u64) -> bool {
        self.free > KEPT_PAGES && self.free.saturating_mul(one_in) >= self.all
    }
}

fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<u64> {
    let number: i64 = connection.prepare_cached(pragma)?.query_row([], |row| row.get(0))?;
    Ok(u64::try_from(number).unwrap_or(0))
}

/// Whether the file is one that cannot get smaller and is soon rewritten.
pub(super) fn should_prepare(connection: &Connection) -> rusqlite::Result<bool> {
    // 0: it has no room for what is to be known of its pages.
    Ok(number(connection, "PRAGMA auto_vacuum")? == 0
        && number(connection, "PRAGMA page_count")? <= KEPT_PAGES)
}

/// Rewrites a small file as one that can get smaller.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.execute_batch("VACUUM")
}

/// Whether so much of the file is free that it should get smaller.
pub(super) fn is_worth_it(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(Pages::of(connection)?.are_free(BEGIN_AT))
}

/// Gives back some pages, inside of a transaction of the caller. Says whether
/// there are more to give.
pub(super) fn step(connection: &Connection) -> rusqlite::Result<bool> {
    let before = Pages::of(connection)?;
    if !before.are_free(END_AT) {
        return Ok(false);
    }
    let pages = PAGES_PER_STEP.min(before.free - KEPT_PAGES);
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    // Each row is a page.
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    let after = Pages::of(connection)?;
    // A file that was made without room for this gives nothing.
    Ok(after.free < before.free && after.are_free(END_AT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_free_pages_stay() {
        let worth_it = |all, free| Pages { all, free }.are_free(BEGIN_AT);
        assert!(!worth_it(100, 99));
        assert!(!worth_it(KEPT_PAGES, KEPT_PAGES));
        assert!(worth_it(1024, 257));
        assert!(!worth_it(1032, 257));
        assert!(worth_it(100_000, 25_000));
        assert!(!worth_it(100_000, 24_999));
    }
}
