//! Statements of ours, which may do what a Worker's may not.
//!
//! A connection keeps prepared statements by their text. The text of ours begins
//! with a mark, and what a Worker writes never begins with it when it gets there
//! ([`super::check_text`]): so a Worker cannot run a statement that was prepared
//! for us.

/// The mark.
pub const OURS: &str = "/*_cf_*/";

/// The text of a statement of ours.
#[macro_export]
macro_rules! ours {
    ($sql:literal) => {
        concat!("/*_cf_*/", $sql)
    };
}
