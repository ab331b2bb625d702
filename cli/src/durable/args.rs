//! The command line of `selvedge do`.

use clap::{Args, Subcommand};

use crate::kv::Place;

const EXAMPLES: &str = "\
Examples:
  selvedge do list
      Print all namespaces of this folder's data.

  selvedge do list COUNTER
      Print the objects of the namespace that has this binding.

  selvedge do get COUNTER tokyo
      Print all keys and values of the object named tokyo.

  selvedge do sql TODO ada 'SELECT * FROM items WHERE done = 0'
      Print a table of what a query finds.

  selvedge do put COUNTER tokyo value 42 --write
      Change a value.

A NAMESPACE is the name of a binding, of a class, or its id; an OBJECT is its name or its id of 64
hexadecimal digits.";

const GET_HELP: &str = "\
Values are printed as JSON. What JSON cannot hold is printed as an object with one key:
  { \"$date\": \"2026-11-20T20:00:00.000Z\" }, { \"$bigint\": \"12\" }, { \"$map\": [[key, value]] },
  { \"$set\": [value] }, { \"$bytes\": \"base64\", \"class\": \"Uint8Array\" }
and the rest as a word in <>, such as \"<undefined>\".";

/// Look into Durable Objects in a data folder or a running server, and change them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct DoArgs {
    #[command(subcommand)]
    pub(super) command: DoCommand,
}

/// Which object, and where.
#[derive(Debug, Args)]
pub(super) struct Target {
    /// The namespace: the name of its binding or class, or its id.
    pub(super) namespace: String,

    /// The object: its name or its id.
    pub(super) object: String,

    #[command(flatten)]
    pub(super) place: Place,
}

#[derive(Debug, Subcommand)]
pub(super) enum DoCommand {
    /// Print all namespaces, or the objects of one.
    List {
        /// The namespace: the name of its binding or class, or its id.
        namespace: Option<String>,
        /// Only objects whose names begin with this.
        #[arg(long, value_name = "TEXT", requires = "namespace")]
        prefix: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Print what is known of an object, as JSON.
    Info {
        #[command(flatten)]
        target: Target,
    },
    /// Run SQL on an object's database and print the rows.
    Sql {
        #[command(flatten)]
        target: Target,
        /// The statements; the rows of the last one are printed.
        query: String,
        /// Print the rows as JSON.
        #[arg(long)]
        json: bool,
        /// Keep what the statements change.
        #[arg(long)]
        write: bool,
    },
    /// Print values as JSON: that of a key, or all.
    #[command(after_help = GET_HELP)]
    Get {
        #[command(flatten)]
        target: Target,
        /// The key to read; all without it.
        key: Option<String>,
        /// Only keys that begin with this.
        #[arg(long, value_name = "TEXT", conflicts_with = "key")]
        prefix: Option<String>,
    },
    /// Write a value.
    Put {
        #[command(flatten)]
        target: Target,
        /// The key to write.
        key: String,
        /// The value, as JSON.
        #[arg(allow_hyphen_values = true)]
        value: String,
        /// Write it.
        #[arg(long)]
        write: bool,
    },
    /// Delete a key, or the object with all that it has.
    Delete {
        #[command(flatten)]
        target: Target,
        /// The key to delete; the whole object without it.
        key: Option<String>,
        /// Delete it.
        #[arg(long)]
        write: bool,
    },
    /// Print, set or delete the alarm.
    Alarm {
        #[command(flatten)]
        target: Target,
        /// Set it to this time: 2026-11-20T20:00:00Z, or milliseconds since 1970.
        #[arg(long, value_name = "TIME", conflicts_with = "delete")]
        set: Option<String>,
        /// Delete it.
        #[arg(long)]
        delete: bool,
        /// Change it.
        #[arg(long)]
        write: bool,
    },
    /// Take an object out of the memory of the server that has it.
    ///
    /// It leaves as soon as nothing goes on in it; its next call begins it again.
    Evict {
        /// The namespace: the name of its binding or class, or its id.
        namespace: String,
        /// The object: its name or its id; all without it.
        object: Option<String>,
        /// Reset what something goes on in; its callers are told.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        place: Place,
    },
}
