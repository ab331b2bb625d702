//! `selvedge hyperdrive`.

use clap::{Args, Subcommand};

use super::ServerArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum HyperdriveCommand {
    /// Configure a database.
    Create {
        /// What the configuration is called.
        name: String,
        #[command(flatten)]
        origin: Box<OriginArgs>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Print all configurations.
    List {
        /// Print them as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Print a configuration, without its password.
    Get {
        /// Its id.
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Change a configuration.
    Update {
        /// Its id.
        id: String,
        /// What it is called from now on.
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        origin: Box<OriginArgs>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Delete a configuration.
    Delete {
        /// Its id.
        id: String,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// Where a database is.
#[derive(Debug, Args)]
pub(crate) struct OriginArgs {
    /// postgres://USER:PASSWORD@HOST:PORT/DATABASE; "-" reads it from standard input.
    #[arg(long, value_name = "URL", conflicts_with_all = ["origin_host", "origin_port", "database", "origin_user"])]
    pub(crate) connection_string: Option<String>,

    /// The host.
    #[arg(long, value_name = "HOST", visible_alias = "host")]
    pub(crate) origin_host: Option<String>,

    /// The port.
    #[arg(long, value_name = "PORT", visible_alias = "port")]
    pub(crate) origin_port: Option<u16>,

    /// The database's name.
    #[arg(long, value_name = "NAME")]
    pub(crate) database: Option<String>,

    /// The user.
    #[arg(long, value_name = "NAME", visible_alias = "user")]
    pub(crate) origin_user: Option<String>,

    /// The password, for tests: others may see it in the list of processes.
    #[arg(long, value_name = "TEXT", visible_alias = "password")]
    pub(crate) origin_password: Option<String>,

    /// Whether connections are encrypted: disable, prefer, require, verify-ca or verify-full.
    #[arg(long, value_name = "MODE")]
    pub(crate) sslmode: Option<String>,

    /// Connections at the same time, at most.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) origin_connection_limit: Option<u64>,
}
