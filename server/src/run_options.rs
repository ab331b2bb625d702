//! What `selvedge run` is asked to do, in the words of its command line.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::inspector::InspectOptions;
use crate::log::Log;
use crate::project::Project;

/// When a Worker gets another isolate, and when it loses one again.
#[derive(Debug, Clone, Copy)]
pub struct Scaling {
    /// An isolate whose thread computes for more of a second than this is busy:
    /// 0.8 s. When all are, for two seconds in a row, another one starts.
    pub busy: Duration,
    /// One beside the first that did next to nothing for so long, in whole
    /// seconds, ends: 60 s.
    pub rest: Duration,
}

impl Default for Scaling {
    fn default() -> Self {
        Self { busy: Duration::from_millis(800), rest: Duration::from_secs(60) }
    }
}

/// One Worker, where it listens, and how it is served.
#[derive(Debug)]
pub struct RunOptions {
    /// The Worker; its mode agrees with `production`.
    pub project: Project,
    /// At least one address; `localhost` has several. Port 0 is any free one.
    pub listen: Vec<SocketAddr>,
    /// How many isolates serve at once, each on a thread of its own.
    pub isolates: NonZeroUsize,
    /// When there are more of them, and when fewer.
    pub scaling: Scaling,
    pub log: Arc<Log>,
    /// HTTPS, if there is a certificate for it.
    pub tls: Option<TlsFiles>,
    /// Whether clients are strangers: codes instead of stacks, clocks that
    /// stand still, no private addresses in `fetch`.
    pub production: bool,
    /// Whether responses carry `Server-Timing` with their CPU time.
    pub server_timing: bool,
    /// Where state is kept. It may not exist yet.
    pub data_dir: PathBuf,
    /// How long a Durable Object stays in memory without events.
    pub object_idle: Duration,
    /// The URL of a relay that takes mail; without one it goes into a folder.
    pub smtp: Option<String>,
    /// Where debuggers connect, if they may. One isolate serves then.
    pub inspect: Option<InspectOptions>,
}

/// A certificate chain and its key, both PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}
