//! The command line of `selvedge d1`, in the words of wrangler.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::kv::Place;

const EXAMPLES: &str = "\
Examples:
  selvedge d1 create shop
  selvedge d1 migrations create shop add_products
  selvedge d1 migrations apply shop
  selvedge d1 execute shop --command \"SELECT * FROM products\"
  selvedge d1 export shop --output shop.sql
  selvedge d1 time-travel restore shop --timestamp 2026-11-29T08:30:00Z
  selvedge d1 execute shop --file shop.sql --remote

DATABASE is a database's name, id, or the name of its binding in the configuration.";

/// Work with D1 databases, in a data folder or on a server.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct D1Args {
    #[command(subcommand)]
    pub(crate) command: D1Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum D1Command {
    /// Create a database.
    Create {
        /// Its name.
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Print all databases.
    List {
        /// Print them as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Print what is known of a database.
    Info {
        /// The database.
        database: String,
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Delete a database with all that is in it.
    Delete {
        /// The database.
        database: String,
        #[command(flatten)]
        confirm: Confirm,
        #[command(flatten)]
        place: Place,
    },
    /// Run SQL and print its rows.
    Execute(Box<ExecuteArgs>),
    /// Write a database as statements of SQL.
    Export(Box<ExportArgs>),
    /// Run the statements of a file, all or none.
    Import {
        /// The database.
        database: String,
        /// The file; "-" is standard input.
        file: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Create, list and apply migrations.
    #[command(subcommand, arg_required_else_help = true)]
    Migrations(MigrationsCommand),
    /// Find earlier states of a database, and go back to one.
    #[command(name = "time-travel", subcommand, arg_required_else_help = true)]
    TimeTravel(TimeTravelCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum TimeTravelCommand {
    /// Print the bookmark of the present state, or of an earlier one.
    Info {
        /// The database.
        database: String,
        /// The state at this time: seconds since 1970, or a time of RFC 3339.
        #[arg(long, value_name = "TIME")]
        timestamp: Option<String>,
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Go back to an earlier state. The bookmark to undo that is printed.
    Restore {
        /// The database.
        database: String,
        /// The state of this bookmark.
        #[arg(long, required_unless_present = "timestamp", conflicts_with = "timestamp")]
        bookmark: Option<String>,
        /// The state at this time: seconds since 1970, or a time of RFC 3339.
        #[arg(long, value_name = "TIME")]
        timestamp: Option<String>,
        /// Print the bookmarks as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
}

/// Asking before something is lost.
#[derive(Debug, Args)]
pub(crate) struct Confirm {
    /// Do not ask.
    #[arg(short = 'y', long)]
    pub(crate) skip_confirmation: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExecuteArgs {
    /// The database.
    pub(crate) database: String,

    /// The statements.
    #[arg(long, value_name = "SQL", required_unless_present = "file", conflicts_with = "file")]
    pub(crate) command: Option<String>,

    /// A file of statements, which are run all or none; "-" is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Print results as JSON.
    #[arg(long)]
    pub(crate) json: bool,

    /// Accepted for wrangler's sake: nothing is asked.
    #[arg(short, long, hide = true)]
    _yes: bool,

    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The database.
    pub(crate) database: String,

    /// Where the statements go [default: standard output].
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Only this table; may be given more than once.
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Vec<String>,

    /// Only rows: no statements that make tables and the like.
    #[arg(long, conflicts_with = "no_data")]
    pub(crate) no_schema: bool,

    /// Only statements that make tables and the like: no rows.
    #[arg(long)]
    pub(crate) no_data: bool,

    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MigrationsCommand {
    /// Make an empty file for a new migration.
    Create {
        /// The database.
        database: String,
        /// What it does.
        message: String,
        #[command(flatten)]
        place: Place,
    },
    /// Print the migrations that were not applied.
    List {
        /// The database.
        database: String,
        #[command(flatten)]
        place: Place,
    },
    /// Apply the migrations that were not applied, in the order of their names.
    Apply {
        /// The database.
        database: String,
        #[command(flatten)]
        place: Place,
    },
}
