//! SQL of Workers, for all that runs it: what it may do, its limits, where one
//! statement ends, how many rows it writes, and what errors are called.

pub mod authorizer;
pub mod limits;
pub mod ours;
pub mod split;
mod text;
pub mod value;
pub mod written;

pub use text::text_of;
pub use value::SqlValue;

use ours::OURS;
use split::Statement;

/// What a Worker is told of a text without a statement.
pub const NO_STATEMENT: &str = "SQL code did not contain a statement.";
/// .. of a number of bindings that does not fit.
pub const WRONG_BINDINGS: &str = "Wrong number of parameter bindings for SQL query.";
/// .. of parameters in a statement that gets no bindings.
pub const ONLY_THE_LAST: &str = "When executing multiple SQL statements in a single call, only \
    the last statement can have parameters.";

/// Refuses what SQLite's authorizer is not asked about.
///
/// # Errors
/// The text for the Worker.
pub fn check_text(statement: &Statement<'_>) -> Result<(), &'static str> {
    if statement.is_empty() {
        return Err(NO_STATEMENT);
    }
    // SQLite does not ask for the name that a table gets.
    let is_renamed = statement.new_name().is_some_and(|name| !authorizer::is_free(name));
    if is_renamed || statement.text.trim_start().starts_with(OURS) {
        return Err("not authorized: SQLITE_AUTH");
    }
    Ok(())
}
