//! The command line of `selvedge queues`, in the words of wrangler.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::kv::Place;

const EXAMPLES: &str = "\
Examples:
  selvedge queues list
  selvedge queues info jobs
  selvedge queues purge jobs
  selvedge queues create jobs --remote
  selvedge queues consumer worker add jobs my-worker --batch-size 50 --remote";

/// Work with queues, in a data folder or on a server.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct QueuesArgs {
    #[command(subcommand)]
    pub(crate) command: QueuesCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueuesCommand {
    /// Print all queues.
    List {
        /// Print them as JSON, with how many messages wait.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Create a queue on a server.
    Create {
        /// Its name.
        name: String,
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        place: Place,
    },
    /// Change what is set of a queue on a server.
    Update {
        /// Its name.
        name: String,
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        place: Place,
    },
    /// Print what is known of a queue, as JSON.
    Info {
        /// Its name.
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Delete a queue with its messages.
    Delete {
        /// Its name.
        name: String,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Delete all messages of a queue.
    Purge {
        /// Its name.
        name: String,
        /// Do not ask.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Stop to deliver messages of a queue on a server.
    PauseDelivery {
        /// Its name.
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Deliver messages again.
    ResumeDelivery {
        /// Its name.
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Say who takes the messages of a queue on a server.
    #[command(subcommand, arg_required_else_help = true)]
    Consumer(ConsumerCommand),
}

/// What can be set of a queue.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Seconds that messages wait before they are delivered.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) delivery_delay_secs: Option<u32>,

    /// Seconds that messages are kept.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) message_retention_period_secs: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConsumerCommand {
    /// The same as `worker add`.
    #[command(hide = true)]
    Add {
        queue: String,
        script: String,
        #[command(flatten)]
        settings: ConsumerSettings,
        #[command(flatten)]
        place: Place,
    },
    /// The same as `worker remove`.
    #[command(hide = true)]
    Remove {
        queue: String,
        script: String,
        #[command(flatten)]
        place: Place,
    },
    /// A Worker takes them.
    #[command(subcommand, arg_required_else_help = true)]
    Worker(WorkerCommand),
    /// Whoever asks over HTTP takes them.
    #[command(subcommand, arg_required_else_help = true)]
    Http(HttpCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkerCommand {
    /// Have a Worker take the messages of a queue.
    Add {
        /// The queue.
        queue: String,
        /// The Worker.
        script: String,
        #[command(flatten)]
        settings: ConsumerSettings,
        #[command(flatten)]
        place: Place,
    },
    /// Have it take no more.
    Remove {
        /// The queue.
        queue: String,
        /// The Worker.
        script: String,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum HttpCommand {
    /// Let messages of a queue be pulled.
    Add {
        /// The queue.
        queue: String,
        #[command(flatten)]
        settings: ConsumerSettings,
        #[command(flatten)]
        place: Place,
    },
    /// Let them be pulled no more.
    Remove {
        /// The queue.
        queue: String,
        #[command(flatten)]
        place: Place,
    },
}

/// What can be set of a consumer.
#[derive(Debug, Args)]
pub(crate) struct ConsumerSettings {
    /// Messages of a batch, at most.
    #[arg(long, value_name = "NUMBER")]
    batch_size: Option<u32>,

    /// Seconds that a batch waits until it is full.
    #[arg(long, value_name = "SECONDS")]
    batch_timeout: Option<u32>,

    /// How often a message is delivered again.
    #[arg(long, value_name = "NUMBER")]
    message_retries: Option<u32>,

    /// The queue for messages that were delivered often enough.
    #[arg(long, value_name = "QUEUE")]
    dead_letter_queue: Option<String>,

    /// Batches that are delivered at the same time, at most.
    #[arg(long, value_name = "NUMBER")]
    max_concurrency: Option<u32>,

    /// Seconds until a message is delivered again.
    #[arg(long, value_name = "SECONDS")]
    retry_delay_secs: Option<u32>,

    /// Seconds that who pulled a message has for it.
    #[arg(long, value_name = "SECONDS")]
    visibility_timeout_secs: Option<u64>,
}

impl ConsumerSettings {
    /// A Worker as consumer, in the words of the API.
    pub(super) fn of_worker(&self, script: &str) -> Value {
        let mut json = self.to_json("worker");
        json["script_name"] = script.into();
        json
    }

    /// Whoever pulls as consumer.
    pub(super) fn of_http(&self) -> Value {
        self.to_json("http_pull")
    }

    fn to_json(&self, kind: &str) -> Value {
        json!({
            "type": kind,
            "dead_letter_queue": self.dead_letter_queue,
            "settings": {
                "batch_size": self.batch_size,
                "max_wait_time_ms": self.batch_timeout.map(|seconds| u64::from(seconds) * 1000),
                "max_retries": self.message_retries,
                "max_concurrency": self.max_concurrency,
                "retry_delay": self.retry_delay_secs,
                "visibility_timeout_ms": self.visibility_timeout_secs.map(|it| it * 1000),
            },
        })
    }
}
