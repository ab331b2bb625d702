//! `selvedge run`: one Worker, its isolates, its addresses.
//!
//! Each isolate's thread accepts and parses its own connections; the kernel
//! spreads them (SO_REUSEPORT). The first isolate starts at once, further ones
//! when those that serve are busy, up to what was allowed.

mod listener;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use selvedge_runtime::outbound::{LocalFuture, Outbound};
use selvedge_runtime::{
    CodeCache, Failure, IsolatePool, LocalIsolate, Mode, Platform, Services, ThreadClock,
    WeakIsolate, Worker,
};
use tokio::sync::watch;

use crate::edge::{Client, TlsFacts};
use crate::http1::{self, End};
use crate::http2;
use crate::log::Log;
use crate::outbound::{self, HttpOutbound, Policy, UpgradedSocket};
use crate::run_options::RunOptions;
use crate::site::Site;
use crate::websocket;

/// Requests in flight get this long to end when the server stops.
const DRAIN: Duration = Duration::from_secs(30);
/// A TLS handshake must be done after this.
const TLS_HANDSHAKE: Duration = Duration::from_secs(10);
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
    /// A certificate or key could not be used.
    #[error("{}: {reason}", path.display())]
    Tls { path: PathBuf, reason: String },
}

/// A server that takes requests.
pub struct Server {
    /// Where it listens; ports are real, also where 0 was asked for.
    pub addresses: Vec<SocketAddr>,
    shared: Arc<Shared>,
    pool: Arc<IsolatePool>,
    worker: Arc<Worker>,
    isolates: usize,
    stop: watch::Sender<bool>,
    scheme: &'static str,
}

/// What the threads of a server share.
struct Shared {
    log: Arc<Log>,
    listeners: listener::Addresses,
    tls: Option<tokio_rustls::TlsAcceptor>,
    server_timing: bool,
    /// Seconds in a row in which all isolates were busy.
    busy: AtomicU32,
    /// One entry for each isolate that serves: its last second's CPU time.
    threads: Mutex<Vec<Arc<ThreadUse>>>,
}

/// The CPU time of an isolate's thread, as it was a second ago.
struct ThreadUse {
    clock: ThreadClock,
    before: AtomicU64,
}

impl ThreadUse {
    /// What it used since the last call, in nanoseconds.
    fn since_last(&self) -> u64 {
        let now = self.clock.read().as_nanos() as u64;
        now.saturating_sub(self.before.swap(now, Ordering::Relaxed))
    }
}

/// Serves until `shutdown` is ready and what is in flight is done.
///
/// # Errors
/// When an address is taken, the certificate is unusable, or the Worker does
/// not start.
pub async fn run(options: RunOptions, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
    let log = options.log.clone();
    let server = Server::start(options).await?;
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
        let listeners = listener::Addresses::bind(&options.listen)?;
        let addresses = listeners.all();
        let mut worker = options.project.worker;
        if options.production {
            worker.mode = Mode::Production;
        }
        let worker = Arc::new(worker);
        let cache = CodeCache::new(options.data_dir.join("cache").join("code"));
        let platform = Platform::new(selvedge_snapshot::platform_parts(Some(cache)));
        let policy = Policy::new(worker.mode);
        let services = Services {
            platform,
            log: options.log.clone(),
            outbound: Arc::new(move |isolate| way_out(policy.clone(), isolate)),
        };
        let pool = IsolatePool::new(services, worker.limits.memory_bytes, 0);
        let shared = Arc::new(Shared {
            log: options.log,
            listeners,
            server_timing: options.server_timing,
            busy: AtomicU32::new(0),
            threads: Mutex::default(),
            tls,
        });
        let (stop, _) = watch::channel(false);
        let server = Self {
            addresses,
            scheme: if shared.tls.is_some() { "https" } else { "http" },
            shared,
            pool,
            worker,
            isolates: options.isolates.get(),
            stop,
        };
        server.add_isolate().await?;
        Ok(server)
    }

    /// The URLs that the server answers to.
    pub fn urls(&self) -> Vec<String> {
        let mut urls: Vec<String> = Vec::new();
        for address in &self.addresses {
            let host = if address.ip().is_loopback() {
                "localhost".to_owned()
            } else if address.is_ipv6() {
                format!("[{}]", address.ip())
            } else {
                address.ip().to_string()
            };
            let url = format!("{}://{host}:{}", self.scheme, address.port());
            if !urls.contains(&url) {
                urls.push(url);
            }
        }
        urls
    }

    async fn add_isolate(&self) -> Result<(), RunError> {
        let shared = self.shared.clone();
        let stop = self.stop.subscribe();
        let listeners = self.shared.listeners.another()?;
        let serve = Box::new(move |isolate: LocalIsolate| -> LocalFuture<()> {
            Box::pin(serve_thread(isolate, shared, listeners, stop))
        });
        let started = self.pool.start(self.worker.clone(), serve).await;
        started.map(drop).map_err(|failure| RunError::Start(Box::new(failure)))
    }

    /// Serves until `shutdown` is ready, then ends what is in flight.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                _ = ticks.tick() => self.grow().await,
            }
        }
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
            self.shared.busy.store(0, Ordering::Relaxed);
            return;
        }
        if self.shared.busy.fetch_add(1, Ordering::Relaxed) + 1 >= BUSY_SECONDS {
            self.shared.busy.store(0, Ordering::Relaxed);
            match self.add_isolate().await {
                Ok(()) => tracing::info!(isolates = count + 1, "another isolate for a busy Worker"),
                Err(error) => tracing::warn!(%error, "no further isolate"),
            }
        }
    }
}

/// The one way out of an isolate.
fn way_out(policy: Policy, isolate: WeakIsolate) -> Rc<dyn Outbound> {
    let mut options = outbound::Options::new(policy);
    options.connect_socket = Some(Rc::new(move |socket: UpgradedSocket| {
        let isolate = isolate.clone();
        let UpgradedSocket { io, leftover, epoch, id } = socket;
        let deliver = Rc::new(move |event| isolate.websocket(epoch, id, &event));
        websocket::spawn(io, leftover, websocket::Role::Client, deliver)
    }));
    HttpOutbound::new(options)
}

/// What runs on an isolate's thread.
async fn serve_thread(
    isolate: LocalIsolate,
    shared: Arc<Shared>,
    listeners: Vec<std::net::TcpListener>,
    mut stop: watch::Receiver<bool>,
) {
    let site = Site::new(isolate, shared.log.clone(), shared.server_timing);
    let clock = ThreadClock::of_this_thread();
    let before = AtomicU64::new(clock.read().as_nanos() as u64);
    let usage = Arc::new(ThreadUse { clock, before });
    shared.threads.lock().unwrap_or_else(|poison| poison.into_inner()).push(usage.clone());

    let mut tasks = tokio::task::JoinSet::new();
    for listener in listeners {
        match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => {
                tasks.spawn_local(accept(listener, site.clone(), shared.clone()));
            }
            Err(error) => tracing::error!(%error, "an address is not served"),
        }
    }
    let clock = site.clone();
    tasks.spawn_local(async move { clock.clock.run().await });

    let _ = stop.wait_for(|stop| *stop).await;
    tasks.abort_all();
    site.drain();
    let idle = async {
        while site.connections.get() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    if tokio::time::timeout(DRAIN, idle).await.is_err() {
        tracing::warn!(connections = site.connections.get(), "connections cut off");
    }
    site.isolate.finish(DRAIN).await;
    shared
        .threads
        .lock()
        .unwrap_or_else(|poison| poison.into_inner())
        .retain(|other| !Arc::ptr_eq(other, &usage));
}

async fn accept(listener: tokio::net::TcpListener, site: Rc<Site>, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true);
                tokio::task::spawn_local(connection(stream, peer, site.clone(), shared.clone()));
            }
            Err(error) => {
                // Out of file descriptors, or the client left already.
                tracing::warn!(%error, "connection not accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn connection(
    stream: tokio::net::TcpStream,
    peer: SocketAddr,
    site: Rc<Site>,
    shared: Arc<Shared>,
) {
    let _counted = Counted::new(site.clone());
    let Some(acceptor) = &shared.tls else {
        let client = Client::new(peer, "HTTP/1.1", None);
        if let End::Http2(stream, early) =
            Box::pin(http1::serve(stream, site.clone(), client, Bytes::new())).await
        {
            let client = Client::new(peer, "HTTP/2", None);
            Box::pin(http2::serve(stream, early, site, client)).await;
        }
        return;
    };
    let handshake = tokio::time::timeout(TLS_HANDSHAKE, acceptor.accept(stream)).await;
    let stream = match handshake {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "TLS handshake failed");
            return;
        }
        Err(_) => return,
    };
    let (_, session) = stream.get_ref();
    let facts = TlsFacts {
        version: session.protocol_version().map_or_else(String::new, tls::version_name),
        cipher: session
            .negotiated_cipher_suite()
            .map_or_else(String::new, |suite| tls::cipher_name(&suite)),
    };
    if session.alpn_protocol() == Some(b"h2") {
        let client = Client::new(peer, "HTTP/2", Some(&facts));
        Box::pin(http2::serve(stream, Bytes::new(), site, client)).await;
    } else {
        let client = Client::new(peer, "HTTP/1.1", Some(&facts));
        Box::pin(http1::serve(stream, site, client, Bytes::new())).await;
    }
}

/// Counts a connection for as long as it lives.
struct Counted(Rc<Site>);

impl Counted {
    fn new(site: Rc<Site>) -> Self {
        site.connections.set(site.connections.get() + 1);
        Self(site)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.set(self.0.connections.get() - 1);
    }
}
