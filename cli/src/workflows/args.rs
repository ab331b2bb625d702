//! The command line of `selvedge workflows`, in the words of wrangler.

use clap::{Args, Subcommand};

use crate::kv::Place;

const EXAMPLES: &str = "\
Examples:
  selvedge workflows list
  selvedge workflows trigger orders '{\"item\":\"tea\"}'
  selvedge workflows instances list orders --status errored
  selvedge workflows instances describe orders latest
  selvedge workflows instances send-event orders my-id --type approval --payload '{\"ok\":true}'
  selvedge workflows describe orders --remote";

/// Work with Workflows and their instances, in a data folder or on a server.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct WorkflowsArgs {
    #[command(subcommand)]
    pub(crate) command: WorkflowsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkflowsCommand {
    /// Print all Workflows.
    List {
        /// Print them as JSON, with how many instances are at each status.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Print what is known of a Workflow, as JSON.
    Describe {
        /// Its name.
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Delete a Workflow with all of its instances.
    Delete {
        /// Its name.
        name: String,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Make an instance.
    Trigger {
        /// The Workflow's name.
        name: String,
        /// What the instance gets, as JSON.
        #[arg(default_value = "")]
        params: String,
        /// The instance's id [default: a random one].
        #[arg(long)]
        id: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Look into instances, and say what becomes of them.
    #[command(subcommand)]
    Instances(InstancesCommand),
}

/// An instance of a Workflow.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The Workflow's name.
    pub(crate) name: String,
    /// The instance's id; `latest` is the one that was made last.
    #[arg(default_value = "latest")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Subcommand)]
pub(crate) enum InstancesCommand {
    /// Print instances, the newest first.
    List {
        /// The Workflow's name.
        name: String,
        /// Only those of this status: queued, running, paused, errored, terminated, complete,
        /// waiting, waitingForPause.
        #[arg(long)]
        status: Option<String>,
        /// The oldest first.
        #[arg(long)]
        reverse: bool,
        /// Which page.
        #[arg(long, default_value_t = 1)]
        page: usize,
        /// Instances of a page.
        #[arg(long, default_value_t = 50)]
        per_page: usize,
        /// Print them as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Print an instance with its steps, as JSON.
    Describe(Named),
    /// Have an instance stop after the step that runs.
    Pause(Named),
    /// Have a paused instance go on.
    Resume(Named),
    /// Begin an instance anew, or from one of its steps.
    Restart {
        #[command(flatten)]
        named: Named,
        /// From the step of this name: those before it keep their results.
        #[arg(long, value_name = "STEP")]
        from_step_name: Option<String>,
        /// Which of the steps of this name, counted from 1.
        #[arg(long, value_name = "NUMBER", requires = "from_step_name", value_parser = clap::value_parser!(u32).range(1..))]
        from_step_count: Option<u32>,
        /// What kind of step it is.
        #[arg(long, value_name = "KIND", requires = "from_step_name",
            value_parser = ["do", "sleep", "waitForEvent"])]
        from_step_type: Option<String>,
    },
    /// End an instance.
    Terminate {
        #[command(flatten)]
        named: Named,
        /// Undo its steps first, where they say how.
        #[arg(long)]
        rollback: bool,
    },
    /// Delete an instance with all that it left.
    Delete(Named),
    /// Send an event to an instance.
    SendEvent {
        #[command(flatten)]
        named: Named,
        /// Which event.
        #[arg(long = "type", value_name = "TYPE")]
        kind: String,
        /// What it says, as JSON.
        #[arg(long, default_value = "{}")]
        payload: String,
    },
}
