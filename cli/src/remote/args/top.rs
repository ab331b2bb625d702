//! `selvedge top`.

use clap::{Args, ValueEnum};

use super::ServerArgs;

#[derive(Debug, Args)]
pub(crate) struct TopArgs {
    /// Only Workers of the account.
    #[arg(long)]
    pub(crate) account: bool,

    /// How many seconds there are between two looks.
    #[arg(short, long, value_name = "SECONDS", default_value = "2")]
    pub(crate) interval: f64,

    /// What to sort by.
    #[arg(short, long, value_name = "COLUMN", default_value = "requests")]
    pub(crate) sort: TopSort,

    /// Look once, over one interval, and end.
    #[arg(long)]
    pub(crate) once: bool,

    /// Print the counters since the server's start as JSON, and end.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TopSort {
    Requests,
    Errors,
    P99,
    Cpu,
    Memory,
    Isolates,
    Name,
}
