//! What `selvedge run` is asked to do, in the words of its command line.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::inspector::InspectOptions;
use crate::log::Log;
use crate::project::Project;

/// An isolate that was added for a load rests for so long before it ends.
pub const ISOLATE_REST: Duration = Duration::from_secs(60);

/// One Worker, where it listens, and how it is served.
#[derive(Debug)]
pub struct RunOptions {
    /// The Worker; its mode agrees with `production`.
    pub project: Project,
    /// At least one address; `localhost` has several. Port 0 is any free one.
    pub listen: Vec<SocketAddr>,
    /// How many isolates serve at once, each on a thread of its own.
    pub isolates: NonZeroUsize,
    /// An isolate beside the first that did next to nothing for so long, in
    /// whole seconds, ends: [`ISOLATE_REST`].
    pub isolate_rest: Duration,
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
