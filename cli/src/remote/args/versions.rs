//! `selvedge versions`, `deployments` and `rollback`.

use clap::{Args, Subcommand};

use super::{BuildArgs, WorkerArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum VersionsCommand {
    /// Build the Worker of this folder and upload it as a version that takes no requests yet.
    Upload(Box<BuildArgs>),
    /// List the newest versions.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        worker: WorkerArgs,
    },
    /// Show one version.
    View {
        /// The version's id.
        #[arg(value_name = "VERSION_ID")]
        id: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        worker: WorkerArgs,
    },
    /// Give versions their shares of the requests.
    Deploy(VersionsDeployArgs),
}

#[derive(Debug, Args)]
pub(crate) struct VersionsDeployArgs {
    /// A version and its share, as in ID@25%; a version without one shares what the others leave.
    #[arg(value_name = "VERSION_ID[@PERCENTAGE]", required = true)]
    pub(crate) versions: Vec<String>,

    /// A note for the list of deployments.
    #[arg(long, value_name = "TEXT")]
    pub(crate) message: Option<String>,

    /// Do not ask.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,

    /// Print what the server answers as JSON.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeploymentsCommand {
    /// List the newest deployments.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        worker: WorkerArgs,
    },
    /// Show which versions take requests now.
    Status {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        worker: WorkerArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The version to deploy [default: the one that was deployed before].
    #[arg(value_name = "VERSION_ID")]
    pub(crate) version: Option<String>,

    /// Why, for the list of deployments.
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: Option<String>,

    /// Do not ask.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
}
