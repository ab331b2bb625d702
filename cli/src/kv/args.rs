//! The command line of `selvedge kv`, in the words of wrangler.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::remote::ServerArgs;

const KV_EXAMPLES: &str = "\
Examples:
  selvedge kv namespace create sessions
  selvedge kv key put --binding KV greeting hello --ttl 3600
  selvedge kv key get --binding KV greeting
  selvedge kv key list --binding KV --prefix user:
  selvedge kv bulk put --binding KV entries.json
  selvedge kv key list --binding KV --remote";

const BULK_PUT_HELP: &str = "\
FILE is a JSON array, or one JSON object after the other (newline-delimited JSON):
  [{\"key\": \"a\", \"value\": \"1\"},
   {\"key\": \"b\", \"value\": \"aGk=\", \"base64\": true, \"expiration_ttl\": 3600, \"metadata\": {}}]
Further properties: \"expiration\", in seconds since the UNIX epoch. A file is checked whole before
the first key is written; standard input is written as it comes.";

const BULK_KEYS_HELP: &str = "\
FILE is a JSON array of keys, or one key after the other (newline-delimited JSON). A key is a string,
or an object with a \"name\", as `kv key list` prints them.";

/// Work with KV namespaces, in a data folder or on a server.
#[derive(Debug, Args)]
#[command(after_help = KV_EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct KvArgs {
    #[command(subcommand)]
    pub(crate) command: KvCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KvCommand {
    /// Create, list, delete and rename namespaces.
    #[command(subcommand, arg_required_else_help = true)]
    Namespace(NamespaceCommand),
    /// Work with single keys.
    #[command(subcommand, arg_required_else_help = true)]
    Key(KeyCommand),
    /// Work with many keys at once.
    #[command(subcommand, arg_required_else_help = true)]
    Bulk(BulkCommand),
}

/// Where the data is.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The configuration: a wrangler.toml, wrangler.json or wrangler.jsonc [default: the one in
    /// this folder or in one above].
    #[arg(short, long, value_name = "FILE", help_heading = "Data")]
    pub(crate) config: Option<PathBuf>,

    /// Read the configuration as [env.NAME] says.
    #[arg(short, long, value_name = "NAME", help_heading = "Data")]
    pub(crate) env: Option<String>,

    /// Where Selvedge keeps its data [default: .selvedge beside the configuration, or in this
    /// folder].
    #[arg(long, value_name = "FOLDER", env = "SELVEDGE_DATA_DIR", hide_env_values = true)]
    #[arg(help_heading = "Data")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Accepted for wrangler's sake: data is local unless `--remote` says otherwise.
    #[arg(long, hide = true, conflicts_with = "remote")]
    local: bool,

    /// Work with the data of a server, over its API.
    #[arg(long, help_heading = "Data")]
    pub(crate) remote: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Which namespace, and where.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The namespace that has this binding in the configuration.
    #[arg(long, value_name = "NAME", conflicts_with = "namespace_id")]
    pub(crate) binding: Option<String>,

    /// The namespace with this id.
    #[arg(long, value_name = "ID")]
    pub(crate) namespace_id: Option<String>,

    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NamespaceCommand {
    /// Create a namespace.
    Create {
        /// Its title. With --env, the environment's name comes before it.
        namespace: String,
        #[command(flatten)]
        place: Place,
    },
    /// Print all namespaces as JSON.
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Delete a namespace with all that is in it.
    Delete {
        /// Its title.
        #[arg(conflicts_with_all = ["binding", "namespace_id"])]
        namespace: Option<String>,
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Give a namespace another title.
    Rename {
        /// Its title until now.
        #[arg(required_unless_present = "namespace_id", conflicts_with = "namespace_id")]
        old_name: Option<String>,
        /// Its id.
        #[arg(long, value_name = "ID")]
        namespace_id: Option<String>,
        /// The new title.
        #[arg(long, value_name = "TITLE")]
        new_name: String,
        #[command(flatten)]
        place: Place,
    },
}

/// For what cannot be undone.
#[derive(Debug, Args)]
pub(crate) struct Confirm {
    /// Do not ask.
    #[arg(short = 'y', long, short_alias = 'f', alias = "skip-confirmation")]
    pub(crate) force: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Write a value.
    Put(Box<PutArgs>),
    /// Print a value as it is.
    Get {
        /// The key to read.
        key: String,
        /// Print it as UTF-8 text, with a line break after it.
        #[arg(long)]
        text: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Print all keys as JSON.
    List {
        /// Only keys that begin with this.
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        prefix: String,
        #[command(flatten)]
        target: Target,
    },
    /// Delete a key.
    Delete {
        /// The key to delete.
        key: String,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Debug, Args)]
pub(crate) struct PutArgs {
    /// The key to write.
    pub(crate) key: String,

    /// The value.
    #[arg(required_unless_present = "path", conflicts_with = "path")]
    pub(crate) value: Option<String>,

    /// Take the value from this file; "-" is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) path: Option<PathBuf>,

    /// How many seconds the entry lives, at least 60.
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) ttl: Option<i64>,

    /// When the entry expires, in seconds since the UNIX epoch.
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) expiration: Option<i64>,

    /// A JSON object to keep beside the value, up to 1024 bytes.
    #[arg(long, value_name = "JSON")]
    pub(crate) metadata: Option<String>,

    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BulkCommand {
    /// Write many keys.
    #[command(after_help = BULK_PUT_HELP)]
    Put {
        /// The keys and values; "-" is standard input.
        #[arg(value_name = "FILE")]
        filename: PathBuf,
        #[command(flatten)]
        target: Target,
    },
    /// Print many values as JSON; null for a key that is not there.
    #[command(after_help = BULK_KEYS_HELP)]
    Get {
        /// The keys; "-" is standard input.
        #[arg(value_name = "FILE")]
        filename: PathBuf,
        #[command(flatten)]
        target: Target,
    },
    /// Delete many keys.
    #[command(after_help = BULK_KEYS_HELP)]
    Delete {
        /// The keys; "-" is standard input, with --force.
        #[arg(value_name = "FILE")]
        filename: PathBuf,
        #[command(flatten)]
        confirm: Confirm,
        #[command(flatten)]
        target: Target,
    },
}

impl KvCommand {
    /// Where the data is that the command is about.
    pub(crate) fn place(&self) -> &Place {
        match self {
            Self::Namespace(
                NamespaceCommand::Create { place, .. }
                | NamespaceCommand::List { place }
                | NamespaceCommand::Rename { place, .. },
            ) => place,
            Self::Namespace(NamespaceCommand::Delete { target, .. })
            | Self::Key(
                KeyCommand::Get { target, .. }
                | KeyCommand::List { target, .. }
                | KeyCommand::Delete { target, .. },
            )
            | Self::Bulk(
                BulkCommand::Put { target, .. }
                | BulkCommand::Get { target, .. }
                | BulkCommand::Delete { target, .. },
            ) => &target.place,
            Self::Key(KeyCommand::Put(args)) => &args.target.place,
        }
    }
}
