//! Analytics Engine, whole: the binding that a Worker sees, the store, and SQL.

pub mod binding;
pub mod config;
pub mod point;
pub mod query;
pub mod store;

mod sql;

use deno_core::Extension;

pub use binding::Dataset;
pub use store::AnalyticsStore;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What SQLite says of the question.
    #[error("{0}")]
    Sql(String),
    /// It took too long.
    #[error("the query took too long")]
    TooLong,
    /// The files.
    #[error(transparent)]
    Storage(#[from] selvedge_storage::Error),
}

deno_core::extension!(
    selvedge_analytics,
    deps = [selvedge],
    ops = [binding::op_analytics_write],
    lazy_loaded_js = [dir "src", "dataset.js"],
);

/// The binding's op and its script, which loads in isolates that have a dataset.
pub fn extension() -> Extension {
    selvedge_analytics::init()
}
