//! `selvedge backup` and `restore`: copies of a server's data folder.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use selvedge_storage::backup::{self, Logs};

use crate::kv::{now, say};
use crate::terminal;

const BACKUP_EXAMPLES: &str = "\
Examples:
  selvedge backup --data-dir /var/lib/selvedge /backup/$(date +%F)
      Copy all that a server keeps, while it runs.

The copy holds what the data folder holds: also the key of secrets, if that lies in there. What was
the history of Durable Objects is not in it.";

/// What `backup` takes.
#[derive(Debug, Args)]
#[command(after_help = BACKUP_EXAMPLES)]
pub(crate) struct BackupArgs {
    /// The folder to copy into; it must not be there, or be empty.
    #[arg(value_name = "FOLDER")]
    to: PathBuf,

    /// The server's data folder; the server may run.
    #[arg(long, value_name = "FOLDER", env = "SELVEDGE_DATA_DIR", hide_env_values = true)]
    data_dir: PathBuf,

    /// Leave out kept events and logs.
    #[arg(long)]
    without_logs: bool,
}

/// What `restore` takes.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// A copy that `selvedge backup` made.
    #[arg(value_name = "FOLDER")]
    from: PathBuf,

    /// The data folder to make; it must not be there, or be empty.
    #[arg(long, value_name = "FOLDER", env = "SELVEDGE_DATA_DIR", hide_env_values = true)]
    data_dir: PathBuf,
}

/// Copies a data folder.
pub(crate) fn backup(args: &BackupArgs) -> ExitCode {
    let logs = if args.without_logs { Logs::LeftOut } else { Logs::Copied };
    let bar = bar("copying");
    let result = backup::backup(&args.data_dir, &args.to, logs, now(), &mut moves(&bar));
    bar.finish_and_clear();
    match result {
        Ok(summary) => {
            let (files, bytes) = (summary.files, HumanBytes(summary.bytes));
            say(&format!("Copied {files} files ({bytes}) to {}.", args.to.display()));
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error, "the copy is not whole: remove it"),
    }
}

/// Makes a data folder of a copy.
pub(crate) fn restore(args: &RestoreArgs) -> ExitCode {
    let bar = bar("restoring");
    let result = backup::restore(&args.from, &args.data_dir, &mut moves(&bar));
    bar.finish_and_clear();
    match result {
        Ok(summary) => {
            let (files, bytes) = (summary.files, HumanBytes(summary.bytes));
            say(&format!("Restored {files} files ({bytes}) to {}.", args.data_dir.display()));
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error, "nothing was restored"),
    }
}

fn failed(error: &selvedge_storage::Error, hint: &str) -> ExitCode {
    terminal::print_error(&format!("{error}\nhint: {hint}"));
    ExitCode::FAILURE
}

fn bar(what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent}% {pos}/{len} files")
        .expect("the template is valid");
    ProgressBar::new(0).with_style(style).with_message(what)
}

fn moves(bar: &ProgressBar) -> impl FnMut(u64, u64) {
    move |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    }
}
