//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};
use selvedge_server::log;

use crate::backup::{BackupArgs, RestoreArgs};
use crate::check::CheckArgs;
use crate::init::InitArgs;
use crate::inspect::InspectArgs;
use crate::types::TypesArgs;
use crate::vars::VarArgs;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const TOP_EXAMPLES: &str = "\
Examples:
  selvedge run worker.js            Serve a Worker on http://127.0.0.1:8787
  selvedge dev                      Serve the Worker of this folder, follow its files
  selvedge init my-worker           Make a project that runs and has a test
  selvedge check                    Look for mistakes in the Worker of this folder
  selvedge kv --help                Look into KV namespaces, fill and empty them
  selvedge d1 --help                Look into D1 databases, migrate them
  selvedge r2 --help                Buckets of R2, and objects in them
  selvedge secrets-store --help     Secrets that several Workers share
  selvedge do --help                Look into Durable Objects
  selvedge workflows --help         Look into Workflows and their instances
  selvedge deploy                   Deploy the Worker of this folder to a server
  selvedge run --help               All that `run` can do
  selvedge completions bash         Print what bash needs to complete commands";

const RUN_EXAMPLES: &str = "\
Examples:
  selvedge run worker.js
      Serve one file on http://127.0.0.1:8787. A wrangler.toml, wrangler.json
      or wrangler.jsonc beside it is read.

  selvedge run --env staging
      Serve the Worker of this folder as its [env.staging] says.

  selvedge run dist/index.js --config wrangler.toml --port 0
      Serve what `npx wrangler deploy --dry-run --outdir dist` made, on any
      free port.

  selvedge run worker.js --production --host 0.0.0.0 --isolates auto \\
      --tls-cert cert.pem --tls-key key.pem --log-format json
      Serve strangers on all cores over HTTPS, with a log for programs.

Ctrl-C stops taking requests and finishes those in flight; pressed again, it
ends at once. The exit code is 0 when all was finished, and 1 for every error.";

const DEV_EXAMPLES: &str = "\
Examples:
  selvedge dev
      Serve the Worker of this folder on http://127.0.0.1:8787 and reload it
      when its files change.

  selvedge dev -c web/wrangler.toml -c auth/wrangler.toml
      Serve two Workers; web reaches auth by its service binding.

  curl 'http://localhost:8787/cdn-cgi/handler/scheduled?cron=*+*+*+*+*'
      Call the scheduled() handler.

Keys: b opens a browser, d DevTools (with --inspect), c clears the screen, x stops.";

/// The self-hosted edge: runs Cloudflare-Workers-style JavaScript.
#[derive(Debug, Parser)]
#[command(name = "selvedge", version, styles = STYLES, after_help = TOP_EXAMPLES)]
#[command(subcommand_required = true, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve one Worker from a file or a folder.
    Run(Box<RunArgs>),
    /// Serve Workers and follow their files: for developing.
    Dev(Box<DevArgs>),
    /// Serve many Workers, which are deployed over an API.
    Serve(Box<crate::serve::ServeArgs>),
    /// Make a new project from a template.
    Init(InitArgs),
    /// Write worker-configuration.d.ts: the types of what `env` holds.
    Types(TypesArgs),
    /// Check a Worker and its configuration without serving it.
    Check(CheckArgs),
    /// Hold a command's processes and end them with the process that wants them.
    #[command(name = "__guard", hide = true)]
    Guard { line: std::ffi::OsString },
    /// Work with KV namespaces in a data folder.
    Kv(Box<crate::kv::KvArgs>),
    /// Work with D1 databases in a data folder.
    D1(Box<crate::d1::D1Args>),
    /// Work with queues in a data folder.
    Queues(Box<crate::queues::QueuesArgs>),
    /// Work with R2 buckets in a data folder.
    R2(Box<crate::r2::R2Args>),
    /// Work with secrets that Workers share, in a data folder.
    SecretsStore(Box<crate::secrets_store::SecretsStoreArgs>),
    /// Ask about the data points of Analytics Engine in a data folder.
    Analytics(Box<crate::analytics::AnalyticsArgs>),
    /// Work with Workflows and their instances.
    Workflows(Box<crate::workflows::WorkflowsArgs>),
    /// Look into Durable Objects in a data folder, and change them.
    Do(Box<crate::durable::DoArgs>),
    /// Copy a server's data folder while the server runs.
    Backup(BackupArgs),
    /// Make a data folder of a copy.
    Restore(RestoreArgs),
    #[command(flatten)]
    Remote(Box<crate::remote::args::RemoteCommand>),
    /// Print a script that makes a shell complete selvedge's commands.
    Completions {
        /// The shell to complete in.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
#[command(after_help = RUN_EXAMPLES)]
pub(crate) struct RunArgs {
    /// The Worker's main module, or a folder with a Worker or a wrangler.toml [default: this
    /// folder, or that of --config].
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// The configuration: a wrangler.toml, wrangler.json or wrangler.jsonc [default: the one beside
    /// FILE].
    #[arg(short, long, value_name = "FILE", help_heading = "Worker")]
    pub(crate) config: Option<PathBuf>,

    /// Run the Worker as [env.NAME] of the configuration says.
    #[arg(short, long, value_name = "NAME", help_heading = "Worker")]
    #[arg(env = "CLOUDFLARE_ENV", hide_env_values = true)]
    pub(crate) env: Option<String>,

    #[command(flatten)]
    pub(crate) vars: VarArgs,

    /// Serve a named export, a class that extends WorkerEntrypoint or an object with handlers,
    /// instead of the default one.
    #[arg(long, value_name = "NAME", help_heading = "Worker")]
    pub(crate) entrypoint: Option<String>,

    /// How many isolates a busy Worker gets at most, each on its own thread: a number, or "auto" for
    /// one per core. It starts with one; global variables are not shared between them.
    #[arg(long, value_name = "N", default_value = "auto", value_parser = isolates)]
    #[arg(help_heading = "Worker")]
    pub(crate) isolates: NonZeroUsize,

    /// Where Selvedge keeps files of its own [default: .selvedge beside the configuration, or beside
    /// FILE].
    #[arg(long, value_name = "FOLDER", env = "SELVEDGE_DATA_DIR", hide_env_values = true)]
    #[arg(help_heading = "Worker")]
    pub(crate) data_dir: Option<PathBuf>,

    /// A relay that takes the mail of Workers: smtps://USER:PASSWORD@HOST, or smtp:// with
    /// ?tls=required for STARTTLS [default: mail goes into a folder of the data folder].
    #[arg(long, value_name = "URL", env = "SELVEDGE_SMTP", hide_env_values = true)]
    #[arg(hide_short_help = true, help_heading = "Worker")]
    pub(crate) smtp: Option<String>,

    /// How many seconds a Durable Object stays in memory without events.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    #[arg(hide_short_help = true, help_heading = "Worker")]
    pub(crate) object_idle: Duration,

    /// Flags for V8, as one string: for measuring, not for production.
    #[arg(long, value_name = "FLAGS", hide_short_help = true, allow_hyphen_values = true)]
    #[arg(help_heading = "Worker")]
    pub(crate) v8_flags: Option<String>,

    /// The port to listen on; 0 takes any free one.
    #[arg(short, long, value_name = "PORT", default_value_t = 8787)]
    #[arg(env = "SELVEDGE_PORT", hide_env_values = true, help_heading = "Server")]
    pub(crate) port: u16,

    /// The address to listen on; 0.0.0.0 takes requests from other machines.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    #[arg(env = "SELVEDGE_HOST", hide_env_values = true, help_heading = "Server")]
    pub(crate) host: String,

    /// Serve HTTPS with this certificate chain (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_key", help_heading = "Server")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The certificate's private key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "Server")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Clients are strangers: they see error codes instead of stacks, clocks advance only with I/O,
    /// and fetch() does not reach private addresses.
    #[arg(long, help_heading = "Server")]
    pub(crate) production: bool,

    /// Add a Server-Timing header with the CPU time to each response.
    #[arg(long, help_heading = "Server")]
    pub(crate) server_timing: bool,

    #[command(flatten)]
    pub(crate) inspect: InspectArgs,

    /// How much to say: "info" includes requests and all console output, "warn" and "error" only
    /// console.warn() and console.error().
    #[arg(long, value_name = "LEVEL", default_value = "info", help_heading = "Log")]
    #[arg(env = "SELVEDGE_LOG_LEVEL", hide_env_values = true)]
    pub(crate) log_level: LevelArg,

    /// How to say it: "pretty" for people, "json" for programs, one object a line on stdout.
    #[arg(long, value_name = "FORMAT", default_value = "pretty", help_heading = "Log")]
    #[arg(env = "SELVEDGE_LOG_FORMAT", hide_env_values = true)]
    pub(crate) log_format: FormatArg,
}

#[derive(Debug, Args)]
#[command(after_help = DEV_EXAMPLES)]
pub(crate) struct DevArgs {
    /// The Worker's main module, or a folder with a Worker or a configuration [default: this
    /// folder].
    #[arg(value_name = "FILE", conflicts_with = "config")]
    pub(crate) file: Option<PathBuf>,

    /// A configuration: a wrangler.toml, wrangler.json or wrangler.jsonc. Given several times, all
    /// of these Workers run; the first takes the requests, the others are reached by service
    /// bindings.
    #[arg(short, long, value_name = "FILE", help_heading = "Worker")]
    pub(crate) config: Vec<PathBuf>,

    /// Run the Worker as [env.NAME] of the configuration says.
    #[arg(short, long, value_name = "NAME", help_heading = "Worker")]
    #[arg(env = "CLOUDFLARE_ENV", hide_env_values = true)]
    pub(crate) env: Option<String>,

    #[command(flatten)]
    pub(crate) vars: VarArgs,

    /// When cron triggers fire: as the configuration says, or only by a request to
    /// /cdn-cgi/handler/scheduled?cron=..
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Worker")]
    pub(crate) cron: CronArg,

    /// Where state is kept [default: .selvedge beside the first configuration, or beside FILE].
    #[arg(long, value_name = "FOLDER", env = "SELVEDGE_DATA_DIR", hide_env_values = true)]
    #[arg(visible_alias = "persist-to", help_heading = "Worker")]
    pub(crate) data_dir: Option<PathBuf>,

    /// A relay that takes the mail of Workers: smtps://USER:PASSWORD@HOST, or smtp:// with
    /// ?tls=required for STARTTLS [default: mail goes into a folder of the data folder].
    #[arg(long, value_name = "URL", env = "SELVEDGE_SMTP", hide_env_values = true)]
    #[arg(hide_short_help = true, help_heading = "Worker")]
    pub(crate) smtp: Option<String>,

    /// How many seconds a Durable Object stays in memory without events.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    #[arg(hide_short_help = true, help_heading = "Worker")]
    pub(crate) object_idle: Duration,

    /// The port to listen on; 0 takes any free one [default: dev.port of the first configuration,
    /// or 8787].
    #[arg(short, long, value_name = "PORT")]
    #[arg(env = "SELVEDGE_PORT", hide_env_values = true, help_heading = "Server")]
    pub(crate) port: Option<u16>,

    /// The address to listen on; 0.0.0.0 takes requests from other machines [default: dev.ip of the
    /// first configuration, or 127.0.0.1].
    #[arg(long, value_name = "ADDRESS", visible_alias = "ip")]
    #[arg(env = "SELVEDGE_HOST", hide_env_values = true, help_heading = "Server")]
    pub(crate) host: Option<String>,

    /// Serve HTTPS with this certificate chain (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_key", help_heading = "Server")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The certificate's private key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "Server")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Add a Server-Timing header with the CPU time to each response.
    #[arg(long, help_heading = "Server")]
    pub(crate) server_timing: bool,

    #[command(flatten)]
    pub(crate) inspect: InspectArgs,

    /// How much to say: "info" includes requests and all console output.
    #[arg(long, value_name = "LEVEL", default_value = "info", help_heading = "Log")]
    #[arg(env = "SELVEDGE_LOG_LEVEL", hide_env_values = true)]
    pub(crate) log_level: LevelArg,

    /// How to say it: "pretty" for people, "json" for programs.
    #[arg(long, value_name = "FORMAT", default_value = "pretty", help_heading = "Log")]
    #[arg(env = "SELVEDGE_LOG_FORMAT", hide_env_values = true)]
    pub(crate) log_format: FormatArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CronArg {
    Auto,
    Manual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LevelArg {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

impl From<LevelArg> for log::Level {
    fn from(level: LevelArg) -> Self {
        match level {
            LevelArg::Off => Self::Off,
            LevelArg::Error => Self::Error,
            LevelArg::Warn => Self::Warn,
            LevelArg::Info => Self::Info,
            LevelArg::Debug => Self::Debug,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    Pretty,
    Json,
}

impl From<FormatArg> for log::Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Pretty => Self::Pretty,
            FormatArg::Json => Self::Json,
        }
    }
}

/// More isolates than this are a slip of the keyboard.
const MAX_ISOLATES: usize = 1024;
/// The longest time that an option takes.
const MAX_TIME: Duration = Duration::from_secs(86_400);

/// A time in seconds; fractions are allowed.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds
        .filter(|time| !time.is_zero() && *time <= MAX_TIME)
        .ok_or_else(|| "expected a number of seconds above 0, a day at most".to_owned())
}

fn isolates(text: &str) -> Result<NonZeroUsize, String> {
    if text == "auto" {
        return Ok(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN));
    }
    text.parse()
        .ok()
        .filter(|number: &NonZeroUsize| number.get() <= MAX_ISOLATES)
        .ok_or_else(|| format!("expected \"auto\" or a number from 1 to {MAX_ISOLATES}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn run_args(line: &str) -> Result<RunArgs, clap::Error> {
        match Cli::try_parse_from(line.split(' '))?.command {
            Command::Run(args) => Ok(*args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn defaults_are_those_of_wrangler_dev() {
        let args = run_args("selvedge run worker.js").expect("valid");
        assert_eq!((args.port, args.host.as_str()), (8787, "127.0.0.1"));
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        assert_eq!(args.isolates.get(), cores);
        assert_eq!(args.log_level, LevelArg::Info);
        assert!(!args.production);
    }

    #[test]
    fn a_wrong_flag_suggests_the_right_one() {
        let error = run_args("selvedge run worker.js --prot 1").expect_err("unknown");
        assert!(error.to_string().contains("'--port'"), "{error}");
        assert!(error.use_stderr());
    }

    #[test]
    fn isolates_are_a_number_or_auto() {
        assert!(run_args("selvedge run a.js --isolates auto").is_ok());
        for wrong in ["0", "-1", "1025", "many"] {
            assert!(run_args(&format!("selvedge run a.js --isolates {wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_certificate_needs_its_key() {
        assert!(run_args("selvedge run a.js --tls-cert c.pem").is_err());
        assert!(run_args("selvedge run a.js --tls-cert c.pem --tls-key k.pem").is_ok());
    }
}
