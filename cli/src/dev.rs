//! `selvedge dev`: from the command line to Workers that follow their files.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use selvedge_runtime::Mode;
use selvedge_server::config::{self, Config, Dev, Selection};
use selvedge_server::dev::{Build, Built, CronMode, DevOptions};
use selvedge_server::log::{Log, LogOptions};
use selvedge_server::project::{Project, Watched};
use selvedge_server::run_options::TlsFiles;

use crate::args::{CronArg, DevArgs};
use crate::guard::Output;
use crate::keys::Keys;
use crate::run::{DATA_DIR, addresses, end};
use crate::{custom_build, signals, terminal, trace};

/// Where `dev` listens if nobody says otherwise, as `wrangler dev` does.
const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 8787;

/// Serves until it is told to stop.
pub(crate) fn dev(args: DevArgs) -> ExitCode {
    let log = Log::new(LogOptions {
        format: args.log_format.into(),
        level: args.log_level.into(),
        colors: terminal::colors(),
    });
    trace::install(&log);
    end(serve(args, &log), &log)
}

fn serve(args: DevArgs, log: &Arc<Log>) -> anyhow::Result<()> {
    let configured = configured(&args);
    let host = args.host.clone().or(configured.ip);
    let port = args.port.or(configured.port).unwrap_or(DEFAULT_PORT);
    let listen = addresses(host.as_deref().unwrap_or(DEFAULT_HOST), port)?;
    let mut workers: Vec<Build> =
        args.config.iter().map(|config| build(None, Some(config.clone()), &args)).collect();
    if workers.is_empty() {
        workers.push(build(args.file.clone(), None, &args));
    }
    // What the first Worker's configuration lies in, as for `selvedge run`.
    let first = args.config.first().or(args.file.as_ref()).cloned().or_else(above);
    let beside = folder_of(first.as_deref().unwrap_or(Path::new("."))).join(DATA_DIR);
    let (ready, places) = std::sync::mpsc::channel();
    let options = DevOptions {
        workers,
        listen,
        log: log.clone(),
        tls: args
            .tls_cert
            .zip(args.tls_key)
            .map(|(certificate, key)| TlsFiles { certificate, key }),
        server_timing: args.server_timing,
        smtp: args.smtp,
        inspect: args.inspect.options(),
        cron: match args.cron {
            CronArg::Auto => CronMode::Auto,
            CronArg::Manual => CronMode::Manual,
        },
        data_dir: args.data_dir.unwrap_or(beside),
        object_idle: args.object_idle,
        on_ready: Box::new(move |where_| {
            let _ = ready.send(where_);
        }),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")?;
    runtime.block_on(async {
        let signal = signals::shutdown().context("cannot listen for signals")?;
        let keys = Keys::listen(places);
        let shutdown = async {
            tokio::select! {
                () = signal => {}
                () = keys.stop() => {}
            }
        };
        selvedge_server::dev::dev(options, shutdown)
            .await
            .map_err(|error| anyhow!(error.to_string()))
    })
}

/// The configuration that lies in this folder or in one above.
fn above() -> Option<PathBuf> {
    config::find_above(Path::new("."))
}

/// The folder that a path names or lies in.
fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !path.is_dir() => Path::new(".").join(parent),
        _ => path.to_path_buf(),
    }
}

/// What the first configuration says of where to listen. If it cannot be read, the
/// build says why.
fn configured(args: &DevArgs) -> Dev {
    let selection = Selection {
        file: args.file.as_deref().filter(|_| args.config.is_empty()),
        config: args.config.first().map(PathBuf::as_path),
        env: args.env.as_deref(),
        ..Selection::default()
    };
    Config::load(selection).map(|config| config.dev).unwrap_or_default()
}

/// How a Worker is built, again and again.
fn build(file: Option<PathBuf>, config: Option<PathBuf>, args: &DevArgs) -> Build {
    let env = args.env.clone();
    let vars = args.vars.options();
    Arc::new(move || {
        let selection = Selection {
            file: file.as_deref(),
            config: config.as_deref(),
            env: env.as_deref(),
            vars: Some(&vars),
        };
        let given = config.clone().or_else(|| file.clone()).or_else(above);
        let given = given.unwrap_or_else(|| PathBuf::from("."));
        let mut built = read(selection);
        // Whatever went wrong, a change of what was named is a reason to try again.
        if let Ok(given) = given.canonicalize() {
            if built.root.as_os_str().is_empty() {
                let folder = if given.is_dir() { Some(given.as_path()) } else { given.parent() };
                built.root = folder.unwrap_or(Path::new("/")).to_path_buf();
            }
            built.files.push(given);
        }
        built
    })
}

fn read(selection: Selection<'_>) -> Built {
    let config = match Config::load(selection) {
        Ok(config) => config,
        Err(error) => {
            return Built {
                result: Err(error),
                files: Vec::new(),
                folders: Vec::new(),
                trees: Vec::new(),
                assets: Vec::new(),
                root: PathBuf::new(),
            };
        }
    };
    let root = config.root.clone();
    let assets: Vec<PathBuf> = config.assets.iter().cloned().collect();
    let trees = match config.build.command {
        Some(_) => config.build.watch_dirs.clone(),
        None => Vec::new(),
    };
    if let Err(error) = custom_build::run(&config.build, Output::Ours) {
        let files = config.watched.clone();
        return Built { result: Err(error), files, folders: Vec::new(), trees, assets, root };
    }
    let of_config = config.watched.clone();
    let (result, Watched { mut files, mut folders, assets }) = Project::build(config, Mode::Local);
    if !trees.is_empty() {
        // The command writes modules: its own work must not bring it again.
        files = of_config;
        folders.clear();
    }
    Built { result, files, folders, trees, assets, root }
}
