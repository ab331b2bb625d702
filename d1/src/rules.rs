//! Cloudflare's rules for D1, stated once: limits, and what a Worker is told
//! (<https://developers.cloudflare.com/d1/platform/limits/>,
//! <https://developers.cloudflare.com/d1/observability/debug-d1/>). No V8, no SQL.
//! The limits of SQLite itself are those of `selvedge_storage::sql::limits`.

use std::time::Duration;

use selvedge_storage::Error;

/// A query, or a batch, may take 30 s.
pub const MAX_QUERY: Duration = Duration::from_secs(30);
/// A database may have 10 GB.
pub const MAX_DATABASE_BYTES: u64 = 10_000_000_000;
/// The rows of one call may have 64 MiB: isolates have 128 MB.
pub const MAX_RESULT_BYTES: usize = 64 * 1024 * 1024;
/// What `dump()` gives has at most 64 MiB, for the same reason.
pub const MAX_DUMP_BYTES: u64 = 64 * 1024 * 1024;

/// What a Worker is told when there is nothing to run.
pub const NO_STATEMENTS: &str = "No SQL statements detected.";
/// .. when a transaction is begun by SQL.
pub const NO_TRANSACTIONS: &str = selvedge_storage::sql::authorizer::NO_TRANSACTIONS;
/// .. when a call takes too long.
pub const TOO_LONG: &str = "D1 DB exceeded its CPU time limit and was reset.";
/// .. when its rows are too much.
pub const TOO_LARGE: &str = "D1 DB isolate exceeded its memory limit and was reset.";
/// .. when a database is at its limit.
pub const DATABASE_FULL: &str = "Exceeded maximum DB size.";

/// What a Worker is told of an error of the store. The log has all of it.
pub fn text_of(error: &Error) -> &'static str {
    match error {
        Error::Unavailable(_) => "D1 DB is overloaded. Too many requests queued.",
        Error::Full(_) => "database or disk is full: SQLITE_FULL",
        Error::Data(_) | Error::Internal(_) => {
            "Internal error in D1 DB storage caused object to be reset."
        }
    }
}

/// Whether a text has nothing to run, by Cloudflare's rule: white space, and lines
/// that begin with white space and a comment.
pub fn is_nothing(sql: &str) -> bool {
    let rest = |line: &str| {
        let text = line.trim_start();
        text.len() < line.len() && text.starts_with("--")
    };
    sql.lines().all(|line| line.trim().is_empty() || rest(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_at_the_beginning_of_a_line_are_something() {
        for nothing in ["", " \n\t", "  -- a\n", "\n -- a\n  "] {
            assert!(is_nothing(nothing), "{nothing:?}");
        }
        for something in ["SELECT 1", "-- a", "/* a */", ";"] {
            assert!(!is_nothing(something), "{something:?}");
        }
    }
}
