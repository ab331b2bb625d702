//! `selvedge run`: one Worker, its isolates, its addresses.
//!
//! Each isolate's thread accepts and parses its own connections; the kernel
//! spreads them (SO_REUSEPORT). The first isolate starts at once, further ones
//! when those that serve are busy, up to what was allowed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selvedge_runtime::outbound::{LocalFuture, Outbound};
use selvedge_runtime::{
    CodeCache, Failure, IsolatePool, LocalIsolate, Mode, Platform, Services, WeakIsolate, Worker,
};
use tokio::sync::{mpsc, watch};

use crate::backends::{BackendError, Backends};
use crate::bindings;
use crate::inspector::{InspectorError, InspectorServer};
use crate::listener::Addresses;
use crate::outbound::{self, HttpOutbound, Policy, UpgradedSocket};
use crate::run_options::RunOptions;
use crate::serve::{DRAIN, Orders, Shared, serve_thread};
use crate::switchboard::{EVENTS, Switchboard};
use crate::{tls, websocket};

/// An isolate's thread that runs for more of a second than this is busy.
const BUSY_NANOS: u64 = 800_000_000;
/// How many busy seconds bring another isolate.
const BUSY_SECONDS: u32 = 2;

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// An address could not be listened on.
    #[error("cannot listen on {address}: {reason}{hint}")]
    Listen { address: SocketAddr, reason: String, hint: String },
    /// The Worker did not start.
    #[error("the Worker did not start: {0}")]
    Start(Box<Failure>),
    /// The data of a binding could not be used.
    #[error(transparent)]
    Data(#[from] BackendError),
    /// A certificate or key could not be used.
    #[error("{}: {reason}", path.display())]
    Tls { path: PathBuf, reason: String },
    /// Debuggers were to be let in and cannot be.
    #[error(transparent)]
    Inspector(#[from] InspectorError),
}

/// A server that takes requests.
pub struct Server {
    /// Where it listens; ports are real, also where 0 was asked for.
    pub addresses: Vec<SocketAddr>,
    shared: Arc<Shared>,
    pool: Arc<IsolatePool>,
    worker: Arc<Worker>,
    listeners: Addresses,
    switchboard: Arc<Switchboard>,
    isolates: usize,
    /// Seconds in a row in which all isolates were busy.
    busy: AtomicU32,
    open: watch::Sender<bool>,
    stop: watch::Sender<bool>,
    scheme: &'static str,
    inspector: Option<InspectorServer>,
    /// The bindings' data; it is closed when the isolates are gone.
    _backends: Backends,
}

/// Serves until `shutdown` is ready and what is in flight is done.
///
/// # Errors
/// When an address is taken, the certificate is unusable, or the Worker does
/// not start.
pub async fn run(options: RunOptions, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
    let log = options.log.clone();
    let mut shutdown = std::pin::pin!(shutdown);
    let server = tokio::select! {
        started = Server::start(options) => started?,
        // It may wait for a debugger that never comes.
        () = &mut shutdown => return Ok(()),
    };
    for url in server.urls() {
        log.listening(&server.worker.name, &url);
    }
    server.serve(shutdown).await;
    Ok(())
}

impl Server {
    /// Binds the addresses and starts the first isolate.
    ///
    /// # Errors
    /// As [`run`].
    pub async fn start(options: RunOptions) -> Result<Self, RunError> {
        let tls = options.tls.as_ref().map(tls::acceptor).transpose()?;
        let listeners = Addresses::bind(&options.listen)?;
        let addresses = listeners.all();
        let mut worker = options.project.worker;
        if options.production {
            worker.mode = Mode::Production;
        }
        let backends = Backends::new(&options.data_dir, "selvedge run");
        bindings::open(&options.project.bindings, &backends, &mut worker)?;
        let worker = Arc::new(worker);
        let cache = CodeCache::new(options.data_dir.join("cache").join("code"));
        let platform = Platform::new(selvedge_snapshot::platform_parts(Some(cache)));
        let (inspector, target) = match options.inspect {
            Some(asked) => {
                let inspector = InspectorServer::start(asked, options.log.clone())?;
                let target = inspector.add(&worker);
                (Some(inspector), Some(target))
            }
            None => (None, None),
        };
        let policy = Policy::new(worker.mode);
        let switchboard = Arc::new(Switchboard::default());
        let services = Services {
            platform,
            log: options.log.clone(),
            outbound: way_out(policy, switchboard.clone()),
            inspector: target,
        };
        let pool = IsolatePool::new(services, worker.limits.memory_bytes, 0);
        let shared = Arc::new(Shared {
            log: options.log,
            server_timing: options.server_timing,
            threads: Mutex::default(),
            tls,
        });
        let (stop, _) = watch::channel(false);
        let (open, _) = watch::channel(true);
        let server = Self {
            addresses,
            scheme: if shared.tls.is_some() { "https" } else { "http" },
            shared,
            pool,
            worker,
            listeners,
            switchboard,
            // A debugger could not follow a request to another isolate.
            isolates: if inspector.is_some() { 1 } else { options.isolates.get() },
            busy: AtomicU32::new(0),
            open,
            stop,
            inspector,
            _backends: backends,
        };
        server.add_isolate().await?;
        Ok(server)
    }

    /// The URLs that the server answers to.
    pub fn urls(&self) -> Vec<String> {
        urls(self.scheme, &self.addresses)
    }

    async fn add_isolate(&self) -> Result<(), RunError> {
        let shared = self.shared.clone();
        let (sender, events) = mpsc::channel(EVENTS);
        let orders = Orders {
            listeners: self.listeners.another()?,
            events,
            open: self.open.subscribe(),
            stop: self.stop.subscribe(),
            accepts: None,
        };
        let serve = Box::new(move |isolate: LocalIsolate| -> LocalFuture<()> {
            Box::pin(serve_thread(isolate, shared, orders))
        });
        let started = self.pool.start(self.worker.clone(), serve).await;
        started.map_err(|failure| RunError::Start(Box::new(failure)))?;
        self.switchboard.add(&self.worker.name, sender);
        Ok(())
    }

    /// Where debuggers connect, if they may.
    pub fn inspector(&self) -> Option<&InspectorServer> {
        self.inspector.as_ref()
    }

    /// Serves until `shutdown` is ready, then ends what is in flight.
    pub async fn serve(mut self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                _ = ticks.tick() => self.grow().await,
            }
        }
        // A thread that stands at a breakpoint would not hear that it shall stop.
        drop(self.inspector.take());
        let _ = self.stop.send(true);
        // Each thread holds a receiver until it is done.
        let _ = tokio::time::timeout(DRAIN + Duration::from_secs(5), self.stop.closed()).await;
    }

    /// Another isolate, if all that there are were busy for a while.
    async fn grow(&self) {
        let (count, all_busy) = {
            let threads = self.shared.threads.lock().unwrap_or_else(|poison| poison.into_inner());
            // Each is asked: a clock that is not read falls behind.
            let busy = threads.iter().filter(|thread| thread.since_last() > BUSY_NANOS).count();
            (threads.len(), !threads.is_empty() && busy == threads.len())
        };
        if !all_busy || count >= self.isolates {
            self.busy.store(0, Ordering::Relaxed);
            return;
        }
        if self.busy.fetch_add(1, Ordering::Relaxed) + 1 >= BUSY_SECONDS {
            self.busy.store(0, Ordering::Relaxed);
            match self.add_isolate().await {
                Ok(()) => tracing::info!(isolates = count + 1, "another isolate for a busy Worker"),
                Err(error) => tracing::warn!(%error, "no further isolate"),
            }
        }
    }
}

/// The URLs of these addresses, as people type them.
pub(crate) fn urls(scheme: &str, addresses: &[SocketAddr]) -> Vec<String> {
    let mut urls: Vec<String> = Vec::new();
    for address in addresses {
        let host = if address.ip().is_loopback() {
            "localhost".to_owned()
        } else if address.is_ipv6() {
            format!("[{}]", address.ip())
        } else {
            address.ip().to_string()
        };
        let url = format!("{scheme}://{host}:{}", address.port());
        if !urls.contains(&url) {
            urls.push(url);
        }
    }
    urls
}

/// Makes the one way out of each isolate.
pub(crate) fn way_out(
    policy: Policy,
    switchboard: Arc<Switchboard>,
) -> Arc<dyn Fn(WeakIsolate) -> Rc<dyn Outbound> + Send + Sync> {
    Arc::new(move |isolate| {
        let mut options = outbound::Options::new(policy.clone());
        options.connect_socket = Some(Rc::new(move |socket: UpgradedSocket| {
            let isolate = isolate.clone();
            let UpgradedSocket { io, leftover, epoch, id } = socket;
            let deliver = Rc::new(move |event| isolate.websocket(epoch, id, &event));
            websocket::spawn(io, leftover, websocket::Role::Client, deliver)
        }));
        let (rpc, switchboard) = (switchboard.clone(), switchboard.clone());
        options.connect_rpc = Some(Rc::new(move |target| rpc.connect_rpc(target)));
        options.connect_service = Some(Rc::new(move |target| switchboard.connect(target)));
        HttpOutbound::new(options)
    })
}
