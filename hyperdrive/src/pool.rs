//! Connections to origins that are kept, and the thread that sessions run on.

use std::collections::HashMap;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::origin::Origin;
use crate::server::{BackendKey, Server, cancel};
use crate::wire::Fatal;

/// How long a transaction waits for a connection.
const WAIT: Duration = Duration::from_secs(15);
/// How long opening one takes at most.
const OPEN: Duration = Duration::from_secs(15);
/// How long one is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(60);
/// How long the origin may take to forget a session.
const RESET: Duration = Duration::from_secs(10);

/// The bytes of a connection.
pub type Io = Box<dyn Stream>;
/// An answer that may take a while.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Bytes in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What a certificate is checked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    Nothing,
    /// It is of an authority that is believed.
    Authority,
    /// The same, and it is the host's.
    Host,
}

/// Opens connections to origins, as far as they may be reached.
pub trait Dialer: Debug + Send + Sync {
    /// A connection to a host, or why there is none.
    fn dial<'a>(&'a self, host: &'a str, port: u16) -> Later<'a, Result<Io, String>>;

    /// The same connection with TLS.
    fn encrypt<'a>(
        &'a self,
        io: Io,
        host: &'a str,
        verify: Verify,
    ) -> Later<'a, Result<Io, String>>;
}

/// What a client of ours is known by, to end its query.
pub(crate) type ClientKey = [u8; 8];
/// The connection that a client has right now.
pub(crate) type Current = Mutex<Option<(Origin, BackendKey)>>;

/// The pools of a process, and the thread of their sessions.
#[derive(Debug)]
pub struct Pools {
    dialer: Arc<dyn Dialer>,
    runtime: Option<Runtime>,
    pools: Mutex<HashMap<String, Arc<Pool>>>,
    clients: Mutex<HashMap<ClientKey, Weak<Current>>>,
    figures: Figures,
}

/// What pools have done since the process began.
#[derive(Debug, Default)]
pub struct Figures {
    /// Sessions of clients.
    pub sessions: AtomicU64,
    /// Connections that were lent, one for each transaction.
    pub transactions: AtomicU64,
    /// Connections to origins that were opened.
    pub opened: AtomicU64,
    /// Transactions that got no connection.
    pub failed: AtomicU64,
}

impl Pools {
    /// Pools over these connections. Its thread is started here.
    ///
    /// # Errors
    /// When there is no thread.
    pub fn new(dialer: Arc<dyn Dialer>) -> std::io::Result<Arc<Self>> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("hyperdrive")
            .enable_all()
            .build()?;
        let (pools, clients, figures) = Default::default();
        Ok(Arc::new(Self { dialer, runtime: Some(runtime), pools, clients, figures }))
    }

    /// What was done.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Runs something on the thread.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            drop(runtime.spawn(work));
        }
    }

    /// The pool of this id, to this origin. One that led elsewhere ends when its
    /// transactions have.
    pub(crate) fn pool(self: &Arc<Self>, id: &str, origin: Origin) -> Arc<Pool> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(id).filter(|pool| pool.origin == origin) {
            return pool.clone();
        }
        let pool = Arc::new(Pool {
            permits: Arc::new(Semaphore::new(origin.connections)),
            origin,
            pools: Arc::downgrade(self),
            dialer: self.dialer.clone(),
            idle: Mutex::default(),
        });
        self.spawn(close_unused(Arc::downgrade(&pool)));
        pools.insert(id.to_owned(), pool.clone());
        pool
    }

    /// A client that can be asked to end its query.
    pub(crate) fn enter(&self, key: ClientKey) -> Arc<Current> {
        let current = Arc::default();
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.insert(key, Arc::downgrade(&current));
        current
    }

    pub(crate) fn leave(&self, key: &ClientKey) {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Ends the query of a client. Who asks is told nothing, as PostgreSQL has it.
    pub(crate) async fn cancel(&self, key: &[u8]) {
        let current = {
            let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
            let key = ClientKey::try_from(key).ok();
            key.and_then(|key| clients.get(&key)).and_then(Weak::upgrade)
        };
        let Some(current) = current else { return };
        let found = current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((origin, key)) = found
            && let Err(error) = cancel(&*self.dialer, &origin, &key).await
        {
            tracing::warn!(%error, "a query of Hyperdrive was not ended");
        }
    }
}

impl Drop for Pools {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Whoever drops it may be an async thread, which may not wait.
            runtime.shutdown_background();
        }
    }
}

/// The connections to one origin.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) origin: Origin,
    pools: Weak<Pools>,
    dialer: Arc<dyn Dialer>,
    permits: Arc<Semaphore>,
    /// The one that was used last stands last.
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    server: Server,
    since: Instant,
}

impl Debug for Idle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Idle").field("since", &self.since).finish_non_exhaustive()
    }
}

/// A connection for one transaction.
pub(crate) struct Lent {
    pub(crate) server: Server,
    permit: OwnedSemaphorePermit,
}

impl Pool {
    fn count(&self, which: impl Fn(&Figures) -> &AtomicU64) {
        if let Some(pools) = self.pools.upgrade() {
            which(&pools.figures).fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A connection: one that is kept, or a new one.
    pub(crate) async fn lend(&self) -> Result<Lent, Fatal> {
        let lent = self.find().await;
        self.count(|figures| if lent.is_ok() { &figures.transactions } else { &figures.failed });
        lent
    }

    async fn find(&self) -> Result<Lent, Fatal> {
        let waited = tokio::time::timeout(WAIT, self.permits.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = waited else {
            let text = "Timed out while waiting for an open slot in the pool.";
            return Err(Fatal::new("58000", text));
        };
        while let Some(mut server) = self.take_idle() {
            if server.is_quiet() {
                return Ok(Lent { server, permit });
            }
        }
        let open = Server::open(&*self.dialer, &self.origin);
        let opened = tokio::time::timeout(OPEN, open).await;
        let late = |_| Fatal::new("08001", "the origin of Hyperdrive took too long to answer");
        let server = opened.map_err(late)??;
        self.count(|figures| &figures.opened);
        Ok(Lent { server, permit })
    }

    fn take_idle(&self) -> Option<Server> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop().map(|idle| idle.server)
    }

    /// Takes a connection back that is in no transaction.
    pub(crate) async fn give_back(&self, lent: Lent) {
        let Lent { mut server, permit } = lent;
        // The permit is held meanwhile: the origin has a connection of it.
        let reset = tokio::time::timeout(RESET, server.reset()).await;
        if let Ok(Ok(())) = reset {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push(Idle { server, since: Instant::now() });
        }
        drop(permit);
    }
}

/// Closes connections that nobody used for a while, for as long as the pool is
/// there.
async fn close_unused(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(IDLE / 4).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut idle = pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|idle| idle.since.elapsed() < IDLE);
    }
}

/// Bytes that a `ParameterStatus` has.
pub(crate) fn parameter(name: &Bytes, value: &Bytes) -> Vec<u8> {
    [&name[..], b"\0", &value[..], b"\0"].concat()
}
