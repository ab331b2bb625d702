//! What `selvedge run` is asked to do, in the words of its command line.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use crate::inspector::InspectOptions;
use crate::log::Log;
use crate::project::Project;

/// One Worker, where it listens, and how it is served.
#[derive(Debug)]
pub struct RunOptions {
    /// The Worker; its mode agrees with `production`.
    pub project: Project,
    /// At least one address; `localhost` has several. Port 0 is any free one.
    pub listen: Vec<SocketAddr>,
    /// How many isolates serve at once, each on a thread of its own.
    pub isolates: NonZeroUsize,
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
    /// Where debuggers connect, if they may. One isolate serves then.
    pub inspect: Option<InspectOptions>,
}

/// A certificate chain and its key, both PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}
