//! `[[tcp]]`: listeners that the operator gives to Workers. A Worker chooses no port of
//! the server by itself.

use std::net::SocketAddr;
use std::sync::Arc;

use selvedge_deployments::WorkerKey;
use selvedge_runtime::Outcome;
use selvedge_runtime::outbound::{OutboundError, ServiceTarget};
use selvedge_runtime::pipe::InboundConnection;
use tokio::sync::{Semaphore, watch};

use super::core::Core;
use super::settings::TcpSettings;
use crate::backends::unix_seconds;
use crate::connections::SocketConnection;
use crate::listener::Addresses;
use crate::metrics::EventKind;
use crate::run::RunError;
use crate::serve::ThreadEvent;
use crate::switchboard::Absent as _;
use crate::tcp::{Bounds, Guard, Open};

/// A listener, and whose connections it takes.
pub(crate) struct TcpListener {
    addresses: Addresses,
    key: WorkerKey,
    bounds: Bounds,
}

impl TcpListener {
    /// Binds the address.
    ///
    /// # Errors
    /// When it is taken, or is none of this machine's.
    pub(crate) fn bind(settings: &TcpSettings) -> Result<Self, RunError> {
        let address = settings.listen;
        let refused = |reason: String| RunError::Listen {
            address,
            reason,
            hint: "\nhint: it is that of `[[tcp]]` in server.toml".to_owned(),
        };
        let addresses = Addresses::bind(&[address]).map_err(|error| match error {
            RunError::Listen { reason, .. } => refused(reason),
            error => error,
        })?;
        let key = settings.key().map_err(refused)?;
        let room = Arc::new(Semaphore::new(settings.connections as usize));
        // Those that are open when the server stops end with their isolates.
        let (_, cut) = watch::channel(false);
        Ok(Self { addresses, key, bounds: Bounds { room, idle: settings.idle(), cut } })
    }

    /// Where it listens; the port is real.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.addresses.all().first().copied()
    }

    /// A socket for one more thread, and what takes its connections.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn another(&self, core: &Arc<Core>) -> Result<Vec<Door>, RunError> {
        let sockets = self.addresses.another()?;
        let door = |socket| Door {
            socket,
            open: opener(core.clone(), self.key.clone()),
            bounds: self.bounds.clone(),
        };
        Ok(sockets.into_iter().map(door).collect())
    }

    /// Tells where it listens, and whether the Worker is there yet.
    pub(crate) fn announce(&self, core: &Core) {
        let name = &self.key.name;
        if let Some(address) = self.address() {
            core.log.listening(name, &format!("tcp://{address}"));
        }
        if core.worker(&self.key).is_none() {
            core.log.warn(&format!(
                "the account {} has no Worker \"{name}\" yet: its TCP connections are refused",
                self.key.account
            ));
        }
    }
}

/// What an ingress thread accepts TCP connections with.
pub(crate) struct Door {
    pub(crate) socket: std::net::TcpListener,
    pub(crate) open: Open,
    pub(crate) bounds: Bounds,
}

fn opener(core: Arc<Core>, key: WorkerKey) -> Open {
    let target = Arc::new(ServiceTarget::new(format!("{}/{}", key.account, key.name)));
    Arc::new(move |connection| open(&core, &key, &target, connection))
}

/// Hands a connection to a version of the Worker, if that may have one more.
fn open(
    core: &Arc<Core>,
    key: &WorkerKey,
    target: &Arc<ServiceTarget>,
    connection: InboundConnection,
) -> Result<Guard, OutboundError> {
    let limits = core.worker(key).map(|worker| worker.limits.clone());
    let bound = limits.filter(|limits| limits.is_bound());
    let under_way = match bound {
        Some(limits) => {
            if let Err(over) = limits.check(unix_seconds()) {
                refused(core, key);
                return Err(OutboundError::Refused(format!("over a bound: {over:?}")));
            }
            Some(limits.begin())
        }
        None => None,
    };
    let socket = SocketConnection { connection, target: target.clone() };
    core.clone().take(target, ThreadEvent::Socket(socket))?;
    Ok(Box::new(under_way))
}

/// Counts a connection that is over a bound.
fn refused(core: &Core, key: &WorkerKey) {
    let worker = core.worker(key);
    if let Some(slot) = worker.as_ref().and_then(|worker| worker.any_slot()) {
        let none = std::time::Duration::ZERO;
        core.traces.meter(slot).event(EventKind::Connect, Outcome::LoadShed, none, none);
    }
}
