//! `selvedge tail`.

use clap::{Args, ValueEnum};

use super::WorkerArgs;

pub(super) const TAIL_EXAMPLES: &str = "\
Examples:
  selvedge tail
      Show what the Worker of this folder does from now on.

  selvedge tail api --status error --search timeout
      Show failed events of the Worker `api` whose logs say \"timeout\".

  selvedge tail api --format json | jq .exceptions
      One JSON object a line, for programs.";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    Json,
    Pretty,
}

#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    /// The Worker [default: that of the configuration].
    #[arg(value_name = "WORKER")]
    pub(crate) script: Option<String>,

    /// How to show events [default: pretty on a terminal, json otherwise].
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<ListFormat>,

    /// Only events that ended so; can be given several times.
    #[arg(long, value_name = "STATUS", help_heading = "Filters")]
    pub(crate) status: Vec<TailStatus>,

    /// Only requests with this method; can be given several times.
    #[arg(long, value_name = "METHOD", help_heading = "Filters")]
    pub(crate) method: Vec<String>,

    /// Only requests with this header, as in NAME or NAME:VALUE.
    #[arg(long, value_name = "HEADER", help_heading = "Filters")]
    pub(crate) header: Option<String>,

    /// Only requests from this address, or "self" for this machine's; can be given several times.
    #[arg(long = "ip", visible_alias = "ip-address", value_name = "ADDRESS")]
    #[arg(help_heading = "Filters")]
    pub(crate) ip: Vec<String>,

    /// Only events whose logs hold this text.
    #[arg(long, value_name = "TEXT", help_heading = "Filters")]
    pub(crate) search: Option<String>,

    /// Only events of this version.
    #[arg(long, value_name = "ID", help_heading = "Filters")]
    pub(crate) version_id: Option<String>,

    /// Which share of the events is shown, from 0 to 1.
    #[arg(long, value_name = "RATE", help_heading = "Filters")]
    pub(crate) sampling_rate: Option<f64>,

    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TailStatus {
    Ok,
    Error,
    Canceled,
}
