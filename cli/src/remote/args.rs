//! The command lines of what talks to a server, in the words of wrangler.

mod accounts;
mod cache;
mod deploy;
mod hyperdrive;
mod login;
mod namespaces;
mod secret;
mod tail;
mod top;
mod versions;

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub(crate) use accounts::{AccountsCommand, LocalArgs, ScopeArg, TokensCommand};
pub(crate) use cache::CacheCommand;
use deploy::DEPLOY_EXAMPLES;
pub(crate) use deploy::{BuildArgs, DeleteArgs, DeployArgs};
pub(crate) use hyperdrive::{HyperdriveCommand, OriginArgs};
use login::LOGIN_EXAMPLES;
pub(crate) use login::{LoginArgs, LogoutArgs, WhoamiArgs};
pub(crate) use namespaces::NamespaceCommand;
pub(crate) use secret::SecretCommand;
use tail::TAIL_EXAMPLES;
pub(crate) use tail::{ListFormat, TailArgs, TailStatus};
pub(crate) use top::{TopArgs, TopSort};
pub(crate) use versions::{DeploymentsCommand, RollbackArgs, VersionsCommand, VersionsDeployArgs};

/// Which server, and as whom.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ServerArgs {
    /// The server's API, such as http://127.0.0.1:8081 [default: that of the last `selvedge login`].
    #[arg(long, value_name = "URL", env = "SELVEDGE_API_URL", hide_env_values = true)]
    #[arg(help_heading = "Server")]
    pub(crate) api_url: Option<String>,

    /// The account [default: account_id of the configuration, that of the login, or the only one].
    #[arg(long, value_name = "ID", env = "SELVEDGE_ACCOUNT_ID", hide_env_values = true)]
    #[arg(help_heading = "Server")]
    pub(crate) account_id: Option<String>,

    /// Also trust the certificates in this file (PEM).
    #[arg(long, value_name = "FILE", env = "SELVEDGE_CA_CERT", hide_env_values = true)]
    #[arg(help_heading = "Server")]
    pub(crate) ca_cert: Option<PathBuf>,
}

/// Which Worker, and on which server.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct WorkerArgs {
    /// The Worker's name [default: that of the configuration].
    #[arg(long, value_name = "NAME", help_heading = "Worker")]
    pub(crate) name: Option<String>,

    /// The configuration: a wrangler.toml, wrangler.json or wrangler.jsonc [default: the one in
    /// this folder or in one above].
    #[arg(short, long, value_name = "FILE", help_heading = "Worker")]
    pub(crate) config: Option<PathBuf>,

    /// The Worker of [env.NAME] of the configuration.
    #[arg(short, long, value_name = "NAME", help_heading = "Worker")]
    #[arg(env = "CLOUDFLARE_ENV", hide_env_values = true)]
    pub(crate) env: Option<String>,

    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RemoteCommand {
    /// Remember a server and a token for it.
    #[command(after_help = LOGIN_EXAMPLES)]
    Login(LoginArgs),
    /// Forget the token of a server.
    Logout(LogoutArgs),
    /// Tell which server, whose token and which accounts the commands use.
    Whoami(WhoamiArgs),
    /// Build the Worker of this folder and deploy it to a server.
    #[command(visible_alias = "publish", after_help = DEPLOY_EXAMPLES)]
    Deploy(Box<DeployArgs>),
    /// Upload versions, list them, give them shares of the requests.
    #[command(subcommand, arg_required_else_help = true)]
    Versions(VersionsCommand),
    /// List which versions were deployed when.
    #[command(subcommand, arg_required_else_help = true)]
    Deployments(DeploymentsCommand),
    /// Deploy an earlier version again.
    Rollback(RollbackArgs),
    /// Set, list and delete a Worker's secrets.
    #[command(subcommand, arg_required_else_help = true)]
    Secret(SecretCommand),
    /// Show the events of a Worker as they happen.
    #[command(after_help = TAIL_EXAMPLES)]
    Tail(TailArgs),
    /// Delete a Worker from a server.
    Delete(DeleteArgs),
    /// Create, list and revoke API tokens.
    #[command(subcommand, arg_required_else_help = true)]
    Tokens(TokensCommand),
    /// Create, list and delete accounts of a server.
    #[command(subcommand, arg_required_else_help = true)]
    Accounts(AccountsCommand),
    /// Forget responses that the cache keeps.
    #[command(subcommand, arg_required_else_help = true)]
    Cache(CacheCommand),
    /// Work with namespaces of Workers that others dispatch to.
    #[command(subcommand, arg_required_else_help = true)]
    DispatchNamespace(NamespaceCommand),
    /// Databases behind Hyperdrive.
    #[command(subcommand, arg_required_else_help = true)]
    Hyperdrive(HyperdriveCommand),
    /// Show what the Workers of a server do, again and again.
    Top(TopArgs),
}
