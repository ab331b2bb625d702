//! `selvedge serve`: many Workers of many accounts behind the same sockets.
//!
//! A few *ingress* threads accept. They read as much of a connection as tells
//! whose it is and hand the whole connection to an isolate of that Worker, which
//! serves it as `selvedge run` would: a request has no hop. When the next request
//! on it is for another Worker or version, or the isolate leaves, the connection
//! goes on, unparsed. So versions are swapped and isolates evicted without a
//! client that notices.
//!
//! What decides is a table of routes, which is replaced as a whole when something
//! is deployed ([`change`]).

pub(crate) mod answer;
mod api;
mod assets;
mod calls;
mod certificates;
mod change;
mod core;
mod crons;
mod deployed;
mod env;
mod fairness;
mod gate;
mod hyperdrive;
mod ingress;
mod limits;
mod loaded;
mod objects;
mod previews;
mod proxy_protocol;
mod queues;
mod route;
mod secrets;
pub mod settings;
mod share;
pub(crate) mod slot;
mod start;
mod stocks;
mod streams;
mod table;
mod tcp;
pub mod trace;
mod upkeep;
mod validate;
mod workflows;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use selvedge_deployments::DeploymentStore;
use selvedge_email::mailer::Relay;
use selvedge_runtime::{CodeCache, Mode, Platform, Services};
use tokio::sync::{mpsc, watch};

use crate::access_log::AccessLog;
use crate::alarms::Alarms;
use crate::backends::{BackendError, Backends, unix_seconds};
use crate::kept_events::KeptEvents;
use crate::listener::Addresses;
use crate::log::{Level, Log};
use crate::metrics::Registry;
use crate::otlp::{Otlp, OtlpOptions};
use crate::outbound::Policy;
use crate::proxies::Proxies;
use crate::queues::Consumers;
use crate::run::{RunError, urls};
use crate::serve::DRAIN;
use crate::switchboard::Switchboard;
use crate::tails::TailConsumers;
use certificates::Certificates;
use core::{Core, Parts};
use ingress::Ingress;
use settings::{LogSettings, Settings, TraceSettings};
use tcp::{Door, TcpListener};
use trace::Traces;

/// What `selvedge serve` is asked to do.
pub struct HostOptions {
    /// Where all is kept.
    pub data_dir: PathBuf,
    /// At least one address for the clients of Workers.
    pub listen: Vec<SocketAddr>,
    /// Threads that accept; 0: as many as fit the machine.
    pub ingress_threads: usize,
    pub settings: Settings,
    pub log: Arc<Log>,
}

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Data(#[from] BackendError),
    #[error("what is deployed cannot be read: {0}")]
    Store(#[from] selvedge_deployments::Error),
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    #[error("events cannot be kept: {0}")]
    Logs(#[from] selvedge_logs::Error),
    #[error("traces: {0}")]
    Traces(String),
    #[error("the access log {}: {error}", path.display())]
    AccessLog { path: PathBuf, error: std::io::Error },
}

/// A server that takes requests.
pub struct Server {
    /// Where it listens; ports are real, also where 0 was asked for.
    pub addresses: Vec<SocketAddr>,
    core: Arc<Core>,
    certificates: Option<Arc<Certificates>>,
    /// Makes ingress threads accept nothing more.
    closing: watch::Sender<bool>,
    ingress: Vec<std::thread::JoinHandle<()>>,
    upkeep: Vec<tokio::task::JoinHandle<()>>,
}

/// A handle on a running server, for the API and for signals.
#[derive(Clone, Debug)]
pub struct Handle(Arc<Core>);

impl Server {
    /// Binds the addresses, reads what is deployed, and takes requests.
    /// `backends` are those of the data folder; `store` lies in it.
    ///
    /// # Errors
    /// When an address is taken, a certificate unusable, or the store unreadable.
    pub async fn start(
        options: HostOptions,
        store: Arc<dyn DeploymentStore>,
        backends: Backends,
    ) -> Result<Self, HostError> {
        let certificates = Certificates::load(options.settings.tls.clone())?;
        let addresses = Addresses::bind(&options.listen)?;
        let tcp = options.settings.tcp.iter().map(TcpListener::bind);
        let tcp = tcp.collect::<Result<Vec<_>, _>>()?;
        let switchboard = Switchboard::new(backends.placement());
        let alarms = Alarms::new(switchboard.clone());
        let consumers = Consumers::new(switchboard.clone(), options.log.clone());
        let cache = CodeCache::new(options.data_dir.join("cache").join("code"));
        let networks = options.settings.network.allowed.clone();
        let policy = Policy::new(Mode::Production).with_networks(networks);
        backends.reach(policy.clone());
        if let Some(url) = &options.settings.email.relay {
            backends.send_with(Arc::new(Relay::new(url).map_err(BackendError::Relay)?));
        }
        let services = Services {
            platform: Platform::new(selvedge_snapshot::platform_parts(Some(cache))),
            log: options.log.clone(),
            outbound: calls::way_out(policy, switchboard.clone(), backends.cache().clone()),
            inspector: None,
        };
        let traces = Traces::new(Arc::new(Registry::new(unix_seconds())));
        let (kept, otlp) = watch_events(&options, &traces)?;
        let registry = traces.registry().clone();
        let tails = TailConsumers::new(switchboard.clone(), options.log.clone(), registry);
        traces.add_sink(tails.clone());
        let access_log = open_access_log(&options.settings)?;
        let core = Core::new(Parts {
            store,
            access_log,
            otlp,
            settings: options.settings,
            log: options.log,
            traces,
            kept,
            tails,
            backends,
            switchboard,
            alarms,
            consumers,
            services,
            control: tokio::runtime::Handle::current(),
        });
        // The blank isolates are made meanwhile.
        core.pool(core.settings.limits.memory_bytes);
        objects::watch_alarms(&core)?;
        workflows::watch_all(&core)?;
        let count = change::load_all(&core).await?;
        if let Err(error) = queues::follow(&core) {
            core.log.warn(&format!("no messages of queues are delivered: {error}"));
        }
        core.log.event(Level::Info, &format!("{count} Workers are deployed"), Vec::new());
        let (closing, _) = watch::channel(false);
        let mut server = Self {
            addresses: addresses.all(),
            core,
            certificates,
            closing,
            ingress: Vec::new(),
            upkeep: Vec::new(),
        };
        let threads = ingress_threads(options.ingress_threads);
        for _ in 0..threads {
            let core = &server.core;
            let doors = tcp.iter().map(|listener| listener.another(core));
            let doors = doors.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
            server.accept(addresses.another()?, doors)?;
        }
        tcp.iter().for_each(|listener| listener.announce(&server.core));
        let core = &server.core;
        server.upkeep = vec![
            tokio::spawn(upkeep::run(core.clone())),
            tokio::spawn(crons::run(core.clone())),
            tokio::spawn(core.alarms.clone().run()),
            tokio::spawn(core.consumers.clone().run()),
        ];
        server.core.is_ready.store(true, Ordering::Relaxed);
        Ok(server)
    }

    /// Starts a thread that takes connections of these sockets.
    fn accept(
        &mut self,
        listeners: Vec<std::net::TcpListener>,
        doors: Vec<Door>,
    ) -> Result<(), HostError> {
        let (sender, arrivals) = mpsc::unbounded_channel();
        let core = self.core.clone();
        let (certificates, closing) = (self.certificates.clone(), self.closing.subscribe());
        let proxies = Arc::new(Proxies::new(core.settings.proxies.trusted.clone()));
        let thread = std::thread::Builder::new().name("ingress".into()).spawn(move || {
            let built = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build_local(tokio::runtime::LocalOptions::default());
            match built {
                Ok(runtime) => {
                    let ingress = Rc::new(Ingress { core, certificates, proxies });
                    runtime.block_on(ingress::run(ingress, listeners, doors, arrivals, closing));
                }
                Err(error) => tracing::error!(%error, "no event loop for the ingress"),
            }
        });
        self.ingress.push(thread.map_err(HostError::Thread)?);
        self.core.add_ingress(sender);
        Ok(())
    }

    /// The URLs that the server answers to.
    pub fn urls(&self) -> Vec<String> {
        urls(if self.certificates.is_some() { "https" } else { "http" }, &self.addresses)
    }

    /// What the API works with.
    pub fn handle(&self) -> Handle {
        Handle(self.core.clone())
    }

    /// Reads the certificates again, and opens the access log anew.
    ///
    /// # Errors
    /// When one cannot be used; those that are in use stay.
    pub fn reload(&self) -> Result<(), RunError> {
        if let Some(access_log) = &self.core.access_log {
            access_log.reopen();
        }
        self.certificates.as_ref().map_or(Ok(()), |certificates| certificates.reload())
    }

    /// Stops: says that it is not ready, waits as the settings say, takes no more
    /// connections, and ends what is in flight.
    pub async fn stop(self) {
        self.core.is_ready.store(false, Ordering::Relaxed);
        let delay = Duration::from_secs(self.core.settings.drain.delay_seconds);
        tokio::time::sleep(delay).await;
        let _ = self.closing.send(true);
        let stop = &self.core.stop;
        stop.send_replace(true);
        let patience = DRAIN + Duration::from_secs(5);
        // Each isolate's thread holds a receiver until it is done.
        let _ = tokio::time::timeout(patience, stop.closed()).await;
        for task in &self.upkeep {
            task.abort();
        }
        let joined = tokio::task::spawn_blocking(move || {
            for thread in self.ingress {
                let _ = thread.join();
            }
        });
        let _ = tokio::time::timeout(patience, joined).await;
    }
}

fn open_access_log(settings: &Settings) -> Result<Option<Arc<AccessLog>>, HostError> {
    let Some(path) = settings.access_log.file.clone() else { return Ok(None) };
    let opened = AccessLog::start(path.clone());
    opened.map(Some).map_err(|error| HostError::AccessLog { path, error })
}

/// Starts what keeps events, and what sends traces if the settings say where to.
fn watch_events(
    options: &HostOptions,
    traces: &Traces,
) -> Result<(Arc<KeptEvents>, Option<Arc<Otlp>>), HostError> {
    let LogSettings { retention_days, max_bytes_per_account } = options.settings.logs;
    let now = || selvedge_runtime::log::unix_millis() as i64;
    let mut of_logs = selvedge_logs::Options::new(options.data_dir.join("logs"), now);
    of_logs.retention = Duration::from_secs(u64::from(retention_days) * 24 * 60 * 60);
    of_logs.max_bytes_per_account = max_bytes_per_account;
    let kept = Arc::new(KeptEvents::new(selvedge_logs::LogStore::open(of_logs)?));
    traces.add_sink(kept.clone());
    let TraceSettings { endpoint, token, sample_rate } = options.settings.traces.clone();
    let Some(endpoint) = endpoint else { return Ok((kept, None)) };
    let otlp = Otlp::start(OtlpOptions { endpoint, token, sample_rate });
    let otlp = Arc::new(otlp.map_err(HostError::Traces)?);
    traces.add_sink(otlp.clone());
    Ok((kept, Some(otlp)))
}

/// A few: they do little for each connection.
fn ingress_threads(wanted: usize) -> usize {
    if wanted > 0 {
        return wanted;
    }
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get).div_ceil(4)
}
