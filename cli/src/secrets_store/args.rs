//! The command line of `selvedge secrets-store`, in the words of wrangler.

use clap::{Args, Subcommand};

use crate::kv::Place;

const EXAMPLES: &str = "\
Examples:
  selvedge secrets-store secret create STORE --name TOKEN --scopes workers < token.txt
  selvedge secrets-store secret list STORE
  selvedge secrets-store store create shared --remote
  selvedge secrets-store secret create STORE --name TOKEN --scopes workers --remote

On this machine a store is there as soon as it has a secret: STORE is any name. On a server it is
the id that `store create` printed.";

/// Work with secrets that several Workers share.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct SecretsStoreArgs {
    #[command(subcommand)]
    pub(crate) command: SecretsStoreCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretsStoreCommand {
    /// Stores of a server.
    #[command(subcommand, arg_required_else_help = true)]
    Store(StoreCommand),
    /// Secrets in a store.
    #[command(subcommand, arg_required_else_help = true)]
    Secret(SecretCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Create a store.
    Create {
        /// Its name.
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Print all stores.
    List {
        /// Print them as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Delete a store that has no secrets.
    Delete {
        /// Its id.
        store: String,
        /// Delete its secrets, too.
        #[arg(long)]
        force: bool,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
        #[command(flatten)]
        place: Place,
    },
}

/// What stands beside a secret.
#[derive(Debug, Args)]
pub(crate) struct About {
    /// What may use it: "workers".
    #[arg(long, value_name = "SCOPES")]
    pub(super) scopes: Option<String>,

    /// A remark.
    #[arg(long, value_name = "TEXT")]
    pub(super) comment: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Create a secret; its text is standard input.
    Create {
        /// The store.
        store: String,
        /// The secret's name.
        #[arg(long)]
        name: String,
        /// Its text, for tests: others may see it in the list of processes.
        #[arg(long, value_name = "TEXT")]
        value: Option<String>,
        #[command(flatten)]
        about: About,
        #[command(flatten)]
        place: Place,
    },
    /// Print the secrets of a store, without their texts.
    List {
        /// The store.
        store: String,
        /// Print them as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Print what is known of a secret, without its text.
    Get {
        /// The store.
        store: String,
        /// The secret's id.
        #[arg(long)]
        secret_id: String,
        #[command(flatten)]
        place: Place,
    },
    /// Change a secret.
    Update {
        /// The store.
        store: String,
        /// The secret's id.
        #[arg(long)]
        secret_id: String,
        /// Its text, for tests: others may see it in the list of processes.
        #[arg(long, value_name = "TEXT")]
        value: Option<String>,
        /// Its text is standard input.
        #[arg(long, conflicts_with = "value")]
        value_from_stdin: bool,
        #[command(flatten)]
        about: About,
        #[command(flatten)]
        place: Place,
    },
    /// Create a secret with the text of another one.
    Duplicate {
        /// The store.
        store: String,
        /// The other one's id.
        #[arg(long)]
        secret_id: String,
        /// The new one's name.
        #[arg(long)]
        name: String,
        #[command(flatten)]
        about: About,
        #[command(flatten)]
        place: Place,
    },
    /// Delete a secret.
    Delete {
        /// The store.
        store: String,
        /// The secret's id.
        #[arg(long)]
        secret_id: String,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
        #[command(flatten)]
        place: Place,
    },
}
