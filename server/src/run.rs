//! `selvedge run`: one Worker, its isolates, its addresses.
//!
//! Each isolate's thread accepts and parses its own connections; the kernel
//! spreads them (SO_REUSEPORT). The first isolate starts at once, further ones
//! when those that serve are busy, up to what was allowed.

mod isolates;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selvedge_assets::Handle;
use selvedge_cache::Cache;
use selvedge_runtime::outbound::Outbound;
use selvedge_runtime::{CodeCache, Failure, IsolatePool, Mode, Platform, Services, WeakIsolate};

use crate::alarms::Alarms;
use crate::backends::{BackendError, Backends};
use crate::bindings;
use crate::control::{Control, socket};
use crate::inspector::{InspectorError, InspectorServer};
use crate::listener::Addresses;
use crate::loaded::{Guests, LocalRuns};
use crate::log::Log;
use crate::outbound::{self, HttpOutbound, Policy, UpgradedSocket};
use crate::project::Project;
use crate::queues::Consumers;
use crate::run_options::RunOptions;
use crate::serve::{DRAIN, Shared};
use crate::site::Before;
use crate::switchboard::Switchboard;
use crate::tcp::LocalListeners;
use crate::{tls, websocket};
pub(crate) use isolates::FIRST;
use isolates::Isolates;

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
    isolates: Isolates,
    scheme: &'static str,
    inspector: Option<InspectorServer>,
    alarms: Arc<Alarms>,
    consumers: Arc<Consumers>,
    /// Where TCP connections come in.
    tcp: LocalListeners,
    /// The bindings' data; it is closed when the isolates are gone.
    control: Arc<Control>,
    _backends: Arc<Backends>,
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
        log.listening(&server.isolates.worker.name, &url);
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
        let Project {
            mut worker,
            bindings,
            objects,
            consumers: queues,
            tails,
            connect,
            assets,
            front,
            ..
        } = options.project;
        if !tails.consumers().is_empty() {
            options
                .log
                .warn("\"tail_consumers\" get nothing here: `dev` and `serve` run several Workers");
        }
        if options.production {
            worker.mode = Mode::Production;
        }
        let backends = Backends::new(&options.data_dir, "selvedge run", options.object_idle);
        // Who runs a Worker says himself where its databases are.
        backends.reach(Policy::new(Mode::Local));
        backends.send_locally(options.smtp.as_deref())?;
        let backends = Arc::new(backends);
        let switchboard = Switchboard::new(backends.placement());
        let alarms = Alarms::new(switchboard.clone());
        let control = Arc::new(Control::new(backends.clone(), switchboard.clone()));
        let cache = CodeCache::new(options.data_dir.join("cache").join("code"));
        let platform = Platform::new(selvedge_snapshot::platform_parts(Some(cache)));
        let policy = Policy::new(worker.mode);
        let services = Services {
            platform,
            log: options.log.clone(),
            outbound: way_out(policy, switchboard.clone(), Some(backends.cache().clone())),
            inspector: None,
        };
        let guests = guests(&services, &switchboard, &backends, &options.log);
        for note in bindings::open(&bindings, &objects, &backends, &guests, &alarms, &mut worker)? {
            options.log.warn(&note);
        }
        let consumers = Consumers::new(switchboard.clone(), options.log.clone());
        queues.start(&worker.name, &backends, &consumers)?;
        let assets = assets.map(|assets| {
            let name = assets.binding.clone();
            let handle = Handle::new(assets.open(Arc::default()));
            name.iter().for_each(|name| bindings::bind_assets(name, &handle, &mut worker));
            handle
        });
        let before = Before { assets, front: front.open(backends.cache(), &worker.name) };
        let worker = Arc::new(worker);
        let (inspector, target) = match options.inspect {
            Some(asked) => {
                let inspector = InspectorServer::start(asked, options.log.clone())?;
                let target = inspector.add(&worker);
                (Some(inspector), Some(target))
            }
            None => (None, None),
        };
        let services = Services { inspector: target, ..services };
        let pool = IsolatePool::new(services, worker.limits.memory_bytes, 0);
        let mut tcp = LocalListeners::new(switchboard.clone(), options.log.clone());
        let shared = Arc::new(Shared {
            log: options.log,
            server_timing: options.server_timing,
            threads: Mutex::default(),
            switchboard: switchboard.clone(),
            traces: None,
            tls,
        });
        let scheme = if shared.tls.is_some() { "https" } else { "http" };
        // A debugger could not follow a request to another isolate.
        let most = if inspector.is_some() { 1 } else { options.isolates.get() };
        let mut isolates = Isolates::new(
            shared,
            pool,
            worker,
            listeners,
            switchboard,
            before,
            isolates::Options { most, scaling: options.scaling },
        );
        isolates.add().await?;
        for address in connect.addresses() {
            tcp.add(&isolates.worker.name, *address)?;
        }
        Ok(Self {
            addresses,
            isolates,
            scheme,
            inspector,
            alarms,
            consumers,
            tcp,
            control,
            _backends: backends,
        })
    }

    /// The URLs that the server answers to.
    pub fn urls(&self) -> Vec<String> {
        urls(self.scheme, &self.addresses)
    }

    /// Where debuggers connect, if they may.
    pub fn inspector(&self) -> Option<&InspectorServer> {
        self.inspector.as_ref()
    }

    /// Serves until `shutdown` is ready, then ends what is in flight.
    pub async fn serve(mut self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        let mut alarms = std::pin::pin!(self.alarms.clone().run());
        let mut consumers = std::pin::pin!(self.consumers.clone().run());
        let control = tokio::spawn(socket::serve(self.control.clone()));
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                () = &mut alarms => {}
                () = &mut consumers => {}
                _ = ticks.tick() => self.isolates.adapt().await,
            }
        }
        control.abort();
        drop(self.tcp);
        // A thread that stands at a breakpoint would not hear that it shall stop.
        drop(self.inspector.take());
        let stop = &self.isolates.stop;
        let _ = stop.send(true);
        // Each thread holds a receiver until it is done.
        let _ = tokio::time::timeout(DRAIN + Duration::from_secs(5), stop.closed()).await;
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

/// What Workers load at run time, in isolates that the process has beside its own.
pub(crate) fn guests(
    services: &Services,
    switchboard: &Arc<Switchboard>,
    backends: &Backends,
    log: &Arc<Log>,
) -> Arc<Guests> {
    let runs = LocalRuns::new(services.clone(), log.clone(), switchboard.clone());
    Guests::new(runs, backends.cache().clone(), switchboard.clone())
}

/// Makes the one way out of each isolate.
pub(crate) fn way_out(
    policy: Policy,
    switchboard: Arc<Switchboard>,
    cache: Option<Arc<Cache>>,
) -> Arc<dyn Fn(WeakIsolate) -> Rc<dyn Outbound> + Send + Sync> {
    Arc::new(move |isolate| {
        let mut options = outbound::Options::new(policy.clone());
        options.cache.clone_from(&cache);
        options.connect_socket = Some(Rc::new(move |socket: UpgradedSocket| {
            let isolate = isolate.clone();
            let UpgradedSocket { io, leftover, agreed, epoch, id } = socket;
            let deliver = Rc::new(move |event| isolate.websocket(epoch, id, &event));
            websocket::spawn(io, leftover, websocket::Role::Client, agreed, deliver)
        }));
        let (rpc, sockets) = (switchboard.clone(), switchboard.clone());
        let switchboard = switchboard.clone();
        options.connect_worker =
            Some(Rc::new(move |target, connection| sockets.connect_socket(target, connection)));
        options.connect_rpc = Some(Rc::new(move |target| rpc.connect_rpc(target)));
        options.connect_service = Some(Rc::new(move |target| switchboard.connect(target)));
        HttpOutbound::new(options)
    })
}
