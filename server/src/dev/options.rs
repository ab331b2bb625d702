//! What `selvedge dev` is asked to do, what it tells, and why it could not start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Diagnostic;
use crate::inspector::InspectOptions;
use crate::log::Log;
use crate::project::Project;
use crate::run::RunError;
use crate::run_options::TlsFiles;

/// What one build gave.
#[derive(Debug)]
pub struct Built {
    pub result: Result<Project, Diagnostic>,
    /// The files that the result depends on, also those that are missing.
    pub files: Vec<PathBuf>,
    /// Folders in which any file matters.
    pub folders: Vec<PathBuf>,
    /// The same with all that lies below them.
    pub trees: Vec<PathBuf>,
    /// Folders of static assets: all that lies below them is served.
    pub assets: Vec<PathBuf>,
    /// The folder in which a change may help a build that failed.
    pub root: PathBuf,
}

/// Reads and bundles a Worker. It is called on a thread of its own.
pub type Build = Arc<dyn Fn() -> Built + Send + Sync>;

/// When cron triggers fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CronMode {
    /// As the configuration says.
    Auto,
    /// Only by a request to `/cdn-cgi/handler/scheduled`.
    Manual,
}

/// What `selvedge dev` is asked to do.
pub struct DevOptions {
    /// At least one. The first takes the requests, the others are reached by
    /// service bindings.
    pub workers: Vec<Build>,
    /// At least one address; port 0 is any free one.
    pub listen: Vec<SocketAddr>,
    pub log: Arc<Log>,
    pub tls: Option<TlsFiles>,
    pub server_timing: bool,
    pub cron: CronMode,
    /// Where debuggers connect, if they may. A Worker stays the same target when
    /// it is reloaded.
    pub inspect: Option<InspectOptions>,
    /// Where the state of all Workers is kept. It may not exist yet.
    pub data_dir: PathBuf,
    /// How long a Durable Object stays in memory without events.
    pub object_idle: Duration,
    /// The URL of a relay that takes mail; without one it goes into a folder.
    pub smtp: Option<String>,
    /// Called when the addresses are bound and the Workers started, or failed to.
    pub on_ready: OnReady,
}

/// Takes note of where Workers can be reached.
pub type OnReady = Box<dyn FnOnce(Ready) + Send>;

/// Where the Workers of `selvedge dev` can be reached.
#[derive(Debug, Clone, Default)]
pub struct Ready {
    /// At least one.
    pub urls: Vec<String>,
    /// Where debuggers connect, the first Worker's first.
    pub debuggers: Vec<String>,
}

/// Why `selvedge dev` could not start.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    #[error(transparent)]
    Run(#[from] RunError),
    /// Two configurations name the same Worker.
    #[error(
        "two Workers are named \"{0}\"\nhint: give them different names, service bindings go by them"
    )]
    SameName(String),
    /// The system does not tell of changed files.
    #[error("cannot watch files: {0}")]
    Watch(String),
}
