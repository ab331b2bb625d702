//! `selvedge secret`.

use std::path::PathBuf;

use clap::Subcommand;

use super::{ListFormat, WorkerArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Set a secret; its text is read from standard input, or asked for.
    Put {
        /// The name in env.
        key: String,
        #[command(flatten)]
        worker: WorkerArgs,
    },
    /// List the names of secrets.
    List {
        /// How to print them.
        #[arg(long, value_name = "FORMAT", default_value = "json")]
        format: ListFormat,
        #[command(flatten)]
        worker: WorkerArgs,
    },
    /// Delete a secret.
    Delete {
        /// The name in env.
        key: String,
        /// Do not ask.
        #[arg(short = 'y', long, visible_alias = "force")]
        yes: bool,
        #[command(flatten)]
        worker: WorkerArgs,
    },
    /// Set many secrets at once, and delete those that are null.
    Bulk {
        /// A JSON object, or lines as in .env; standard input without it.
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        #[command(flatten)]
        worker: WorkerArgs,
    },
}
