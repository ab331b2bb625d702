//! `selvedge deploy` and `delete`, and how a Worker is built.

use std::path::PathBuf;

use clap::Args;

use super::WorkerArgs;
use crate::vars::VarArgs;

pub(super) const DEPLOY_EXAMPLES: &str = "\
Examples:
  selvedge deploy
      Deploy the Worker of this folder.

  selvedge deploy --env staging --message 'faster search'
      Deploy it as [env.staging] says, with a note for the list of versions.

  selvedge deploy --dry-run --outdir dist
      Build it, write what would be uploaded into a folder, and stop.

The server is that of `selvedge login`, or of SELVEDGE_API_URL and SELVEDGE_API_TOKEN in the
environment or in a .env file beside the configuration.";

/// How a Worker is built and what its version is called.
#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// The Worker's main module, or a folder with a Worker or a configuration [default: this
    /// folder].
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) worker: WorkerArgs,

    #[command(flatten)]
    pub(crate) vars: VarArgs,

    /// The compatibility date, instead of the configuration's.
    #[arg(long, value_name = "DATE", help_heading = "Worker")]
    pub(crate) compatibility_date: Option<String>,

    /// One compatibility flag more; can be given several times.
    #[arg(long = "compatibility-flag", visible_alias = "compatibility-flags", value_name = "FLAG")]
    #[arg(help_heading = "Worker")]
    pub(crate) compatibility_flags: Vec<String>,

    /// Upload the files of this folder as static assets.
    #[arg(long, value_name = "FOLDER", help_heading = "Worker")]
    pub(crate) assets: Option<PathBuf>,

    /// Make the code smaller.
    #[arg(long, help_heading = "Worker")]
    pub(crate) minify: bool,

    /// Take the modules as they are.
    #[arg(long, help_heading = "Worker")]
    pub(crate) no_bundle: bool,

    /// Keep variables of the deployed Worker that the configuration does not have.
    #[arg(long, help_heading = "Worker")]
    pub(crate) keep_vars: bool,

    /// A note for the list of versions.
    #[arg(long, value_name = "TEXT", help_heading = "Version")]
    pub(crate) message: Option<String>,

    /// A short name for the version.
    #[arg(long, value_name = "TAG", help_heading = "Version")]
    pub(crate) tag: Option<String>,

    /// Build, and upload nothing.
    #[arg(long, help_heading = "Version")]
    pub(crate) dry_run: bool,

    /// Write what is uploaded into this folder too.
    #[arg(long, value_name = "FOLDER", help_heading = "Version")]
    pub(crate) outdir: Option<PathBuf>,

    /// Print what was done as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DeployArgs {
    #[command(flatten)]
    pub(crate) build: BuildArgs,

    /// A route, instead of the configuration's; can be given several times.
    #[arg(long = "route", visible_alias = "routes", value_name = "PATTERN")]
    #[arg(help_heading = "Triggers")]
    pub(crate) routes: Vec<String>,

    /// A custom domain, besides the configuration's routes; can be given several times.
    #[arg(long = "domain", visible_alias = "domains", value_name = "HOST")]
    #[arg(help_heading = "Triggers")]
    pub(crate) domains: Vec<String>,

    /// Deploy into this dispatch namespace: the Worker has no triggers, and is reached by
    /// those who dispatch to it.
    #[arg(long, value_name = "NAMESPACE", help_heading = "Triggers")]
    #[arg(conflicts_with_all = ["routes", "domains", "schedules"])]
    pub(crate) dispatch_namespace: Option<String>,

    /// A cron trigger, instead of the configuration's; can be given several times.
    #[arg(long = "schedule", visible_aliases = ["schedules", "triggers"], value_name = "CRON")]
    #[arg(help_heading = "Triggers")]
    pub(crate) schedules: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The Worker [default: that of the configuration].
    #[arg(value_name = "WORKER")]
    pub(crate) script: Option<String>,

    /// Do not ask, and delete it also when others need it.
    #[arg(short = 'y', long, visible_alias = "yes")]
    pub(crate) force: bool,

    /// Only say what would be deleted.
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
}
