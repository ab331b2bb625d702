//! `selvedge tokens` and `accounts`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::ServerArgs;

const TOKENS_EXAMPLES: &str = "\
Examples:
  selvedge tokens create ci --scope deploy
      A token that may deploy Workers of the account.

  selvedge tokens create admin --scope admin --all-accounts --data-dir /var/lib/selvedge
      The first token, on the server's own machine: whoever may write its data folder needs none.";

/// On the server's own machine.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct LocalArgs {
    /// The server's data folder, on its own machine: no token is needed.
    #[arg(long, value_name = "FOLDER", help_heading = "Server")]
    pub(crate) data_dir: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokensCommand {
    /// Make a token and print it, this once.
    #[command(after_help = TOKENS_EXAMPLES)]
    Create {
        /// What it is for.
        name: String,
        /// What it may do; can be given several times.
        #[arg(long = "scope", visible_alias = "scopes", value_name = "SCOPE")]
        #[arg(value_delimiter = ',', default_value = "deploy")]
        scopes: Vec<ScopeArg>,
        /// For all accounts of the server, not for one.
        #[arg(long)]
        all_accounts: bool,
        /// When it stops to be valid: a number of days.
        #[arg(long, value_name = "DAYS")]
        expires_in: Option<u32>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        local: LocalArgs,
    },
    /// List tokens, without their texts.
    List {
        /// Those for all accounts of the server, not those for one.
        #[arg(long)]
        all_accounts: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        local: LocalArgs,
    },
    /// Make a token invalid, at once.
    Revoke {
        /// The token's id, as the list has it.
        id: String,
        /// One for all accounts of the server, not of one.
        #[arg(long)]
        all_accounts: bool,
        #[command(flatten)]
        local: LocalArgs,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScopeArg {
    /// See which account it is.
    Account,
    /// Look at everything of the account but secrets and data.
    Read,
    /// Deploy and delete Workers, set secrets; includes read.
    Deploy,
    /// Read and write KV and objects.
    Storage,
    /// Everything, tokens too.
    Admin,
}

impl ScopeArg {
    /// Its name in the API.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Read => "read",
            Self::Deploy => "deploy",
            Self::Storage => "storage",
            Self::Admin => "admin",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountsCommand {
    /// Make an account.
    Create {
        /// Its name, for people.
        name: String,
        /// The part of its Workers' host names before the server's domain.
        #[arg(long, value_name = "NAME")]
        subdomain: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        local: LocalArgs,
    },
    /// List the accounts that the token reaches.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        local: LocalArgs,
    },
    /// Delete an account, its Workers and its data.
    Delete {
        /// The account's id.
        id: String,
        /// Do not ask, and delete it also when it has Workers.
        #[arg(short = 'y', long, visible_alias = "yes")]
        force: bool,
        #[command(flatten)]
        local: LocalArgs,
    },
}
