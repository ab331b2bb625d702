//! The command lines of what talks to a server, in the words of wrangler.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::vars::VarArgs;

const DEPLOY_EXAMPLES: &str = "\
Examples:
  selvedge deploy
      Deploy the Worker of this folder.

  selvedge deploy --env staging --message 'faster search'
      Deploy it as [env.staging] says, with a note for the list of versions.

  selvedge deploy --dry-run --outdir dist
      Build it, write what would be uploaded into a folder, and stop.

The server is that of `selvedge login`, or of SELVEDGE_API_URL and SELVEDGE_API_TOKEN in the
environment or in a .env file beside the configuration.";

const LOGIN_EXAMPLES: &str = "\
Examples:
  selvedge login http://127.0.0.1:8081
      Ask for a token, try it, and remember it.

  printf %s \"$TOKEN\" | selvedge login https://admin.example.com
      The same for a script.";

const TAIL_EXAMPLES: &str = "\
Examples:
  selvedge tail
      Show what the Worker of this folder does from now on.

  selvedge tail api --status error --search timeout
      Show failed events of the Worker `api` whose logs say \"timeout\".

  selvedge tail api --format json | jq .exceptions
      One JSON object a line, for programs.";

const TOKENS_EXAMPLES: &str = "\
Examples:
  selvedge tokens create ci --scope deploy
      A token that may deploy Workers of the account.

  selvedge tokens create admin --scope admin --all-accounts --data-dir /var/lib/selvedge
      The first token, on the server's own machine: whoever may write its data folder needs none.";

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

#[derive(Debug, Subcommand)]
pub(crate) enum NamespaceCommand {
    /// Print all namespaces.
    List {
        /// Print them as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Print what is known of a namespace, as JSON.
    Get {
        /// Its name.
        name: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Create a namespace.
    Create {
        /// Its name.
        name: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Rename a namespace that has no Workers.
    Rename {
        /// What it is called.
        old_name: String,
        /// What it is to be called.
        new_name: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Delete a namespace that has no Workers.
    Delete {
        /// Its name.
        name: String,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
}

impl NamespaceCommand {
    /// Which server.
    pub(crate) fn server(&self) -> &ServerArgs {
        match self {
            Self::List { server, .. }
            | Self::Get { server, .. }
            | Self::Create { server, .. }
            | Self::Rename { server, .. }
            | Self::Delete { server, .. } => server,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Forget responses by URL, tag, host or prefix, or all of the account.
    Purge(PurgeArgs),
}

#[derive(Debug, Args)]
#[group(id = "what", required = true, multiple = true, args = ["urls", "tags", "hosts", "prefixes", "everything"])]
pub(crate) struct PurgeArgs {
    /// The response of this URL; can be given several times, as can the others.
    #[arg(long = "url", value_name = "URL")]
    pub(crate) urls: Vec<String>,

    /// Responses with this tag.
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,

    /// All responses of this host.
    #[arg(long = "host", value_name = "HOST")]
    pub(crate) hosts: Vec<String>,

    /// All responses below this: example.com/images.
    #[arg(long = "prefix", value_name = "HOST/PATH")]
    pub(crate) prefixes: Vec<String>,

    /// All responses of the account.
    #[arg(long, conflicts_with_all = ["urls", "tags", "hosts", "prefixes"])]
    pub(crate) everything: bool,

    /// Do not ask whether that is meant.
    #[arg(short, long)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// The server's API, such as http://127.0.0.1:8081.
    #[arg(value_name = "URL", env = "SELVEDGE_API_URL", hide_env_values = true)]
    pub(crate) url: String,

    /// The account to use [default: the only one that the token reaches].
    #[arg(long, value_name = "ID")]
    pub(crate) account_id: Option<String>,

    /// Also trust the certificates in this file (PEM).
    #[arg(long, value_name = "FILE", env = "SELVEDGE_CA_CERT", hide_env_values = true)]
    pub(crate) ca_cert: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    /// The server [default: that of the last login].
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct WhoamiArgs {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

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

#[derive(Debug, Subcommand)]
pub(crate) enum VersionsCommand {
    /// Build the Worker of this folder and upload it as a version that takes no requests yet.
    Upload(Box<BuildArgs>),
    /// List the newest versions.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        worker: WorkerArgs,
    },
    /// Show one version.
    View {
        /// The version's id.
        #[arg(value_name = "VERSION_ID")]
        id: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        worker: WorkerArgs,
    },
    /// Give versions their shares of the requests.
    Deploy(VersionsDeployArgs),
}

#[derive(Debug, Args)]
pub(crate) struct VersionsDeployArgs {
    /// A version and its share, as in ID@25%; a version without one shares what the others leave.
    #[arg(value_name = "VERSION_ID[@PERCENTAGE]", required = true)]
    pub(crate) versions: Vec<String>,

    /// A note for the list of deployments.
    #[arg(long, value_name = "TEXT")]
    pub(crate) message: Option<String>,

    /// Do not ask.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,

    /// Print what the server answers as JSON.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeploymentsCommand {
    /// List the newest deployments.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        worker: WorkerArgs,
    },
    /// Show which versions take requests now.
    Status {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        worker: WorkerArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The version to deploy [default: the one that was deployed before].
    #[arg(value_name = "VERSION_ID")]
    pub(crate) version: Option<String>,

    /// Why, for the list of deployments.
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: Option<String>,

    /// Do not ask.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Set a secret; its text is read from standard input, or asked for.
    Put {
        /// The name in env.
        key: String,
        #[command(flatten)]
        worker: WorkerArgs,
    },
    /// List the names of secrets.
    List {
        /// How to print them.
        #[arg(long, value_name = "FORMAT", default_value = "json")]
        format: ListFormat,
        #[command(flatten)]
        worker: WorkerArgs,
    },
    /// Delete a secret.
    Delete {
        /// The name in env.
        key: String,
        /// Do not ask.
        #[arg(short = 'y', long, visible_alias = "force")]
        yes: bool,
        #[command(flatten)]
        worker: WorkerArgs,
    },
    /// Set many secrets at once, and delete those that are null.
    Bulk {
        /// A JSON object, or lines as in .env; standard input without it.
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        #[command(flatten)]
        worker: WorkerArgs,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    Json,
    Pretty,
}

#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    /// The Worker [default: that of the configuration].
    #[arg(value_name = "WORKER")]
    pub(crate) script: Option<String>,

    /// How to show events [default: pretty on a terminal, json otherwise].
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<ListFormat>,

    /// Only events that ended so; can be given several times.
    #[arg(long, value_name = "STATUS", help_heading = "Filters")]
    pub(crate) status: Vec<TailStatus>,

    /// Only requests with this method; can be given several times.
    #[arg(long, value_name = "METHOD", help_heading = "Filters")]
    pub(crate) method: Vec<String>,

    /// Only requests with this header, as in NAME or NAME:VALUE.
    #[arg(long, value_name = "HEADER", help_heading = "Filters")]
    pub(crate) header: Option<String>,

    /// Only requests from this address, or "self" for this machine's; can be given several times.
    #[arg(long = "ip", visible_alias = "ip-address", value_name = "ADDRESS")]
    #[arg(help_heading = "Filters")]
    pub(crate) ip: Vec<String>,

    /// Only events whose logs hold this text.
    #[arg(long, value_name = "TEXT", help_heading = "Filters")]
    pub(crate) search: Option<String>,

    /// Only events of this version.
    #[arg(long, value_name = "ID", help_heading = "Filters")]
    pub(crate) version_id: Option<String>,

    /// Which share of the events is shown, from 0 to 1.
    #[arg(long, value_name = "RATE", help_heading = "Filters")]
    pub(crate) sampling_rate: Option<f64>,

    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TailStatus {
    Ok,
    Error,
    Canceled,
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

#[derive(Debug, Args)]
pub(crate) struct TopArgs {
    /// Only Workers of the account.
    #[arg(long)]
    pub(crate) account: bool,

    /// How many seconds there are between two looks.
    #[arg(short, long, value_name = "SECONDS", default_value = "2")]
    pub(crate) interval: f64,

    /// What to sort by.
    #[arg(short, long, value_name = "COLUMN", default_value = "requests")]
    pub(crate) sort: TopSort,

    /// Look once, over one interval, and end.
    #[arg(long)]
    pub(crate) once: bool,

    /// Print the counters since the server's start as JSON, and end.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TopSort {
    Requests,
    Errors,
    P99,
    Cpu,
    Memory,
    Isolates,
    Name,
}
