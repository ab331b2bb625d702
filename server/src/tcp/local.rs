//! The listeners of `run` and `dev`: those that configurations ask for with `connect`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use selvedge_runtime::outbound::ServiceTarget;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use super::{Bounds, Guard, Open, accept};
use crate::listener;
use crate::log::{Level, Log};
use crate::run::RunError;
use crate::switchboard::Switchboard;

/// Connections of one listener at once.
const CONNECTIONS: usize = 10_000;

/// Who listens where.
pub(crate) struct LocalListeners {
    switchboard: Arc<Switchboard>,
    log: Arc<Log>,
    open: HashMap<SocketAddr, Listener>,
    /// Cuts all connections.
    cut: watch::Sender<bool>,
    /// Why others do not, as it was said.
    said: HashMap<SocketAddr, String>,
}

struct Listener {
    worker: String,
    task: JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl LocalListeners {
    /// Nobody listens yet.
    pub(crate) fn new(switchboard: Arc<Switchboard>, log: Arc<Log>) -> Self {
        let (cut, _) = watch::channel(false);
        Self { switchboard, log, open: HashMap::new(), cut, said: HashMap::new() }
    }

    /// Listens for a Worker.
    ///
    /// # Errors
    /// When the address is taken, or is none of this machine's.
    pub(crate) fn add(&mut self, worker: &str, address: SocketAddr) -> Result<(), RunError> {
        if let Some(other) = self.open.get(&address) {
            let reason = format!("the Worker \"{}\" listens there", other.worker);
            let hint = "\nhint: choose another port in `connect`".to_owned();
            return Err(RunError::Listen { address, reason, hint });
        }
        let listener = listener::bind_for_connect(address)?;
        let failed = |error: std::io::Error| RunError::Listen {
            address,
            reason: error.to_string(),
            hint: String::new(),
        };
        let listener = tokio::net::TcpListener::from_std(listener).map_err(failed)?;
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        let bounds = Bounds { room, idle: None, cut: self.cut.subscribe() };
        let open = self.opener(worker);
        let task = tokio::spawn(accept(listener, open, bounds));
        self.open.insert(address, Listener { worker: worker.to_owned(), task });
        self.log.listening(worker, &format!("tcp://{address}"));
        Ok(())
    }

    /// Has a Worker listen at these addresses and no others; what is wrong with one is
    /// said once.
    pub(crate) fn set(&mut self, worker: &str, wanted: &[SocketAddr]) {
        self.open.retain(|address, listener| listener.worker != worker || wanted.contains(address));
        for address in wanted {
            let is_open = self.open.get(address).is_some_and(|it| it.worker == worker);
            if is_open {
                continue;
            }
            match self.add(worker, *address) {
                Ok(()) => drop(self.said.remove(address)),
                Err(error) => self.say(*address, &error),
            }
        }
    }

    /// Nobody listens any more, and the connections that are open are cut.
    pub(crate) fn close(&mut self) {
        self.open.clear();
        self.cut.send_replace(true);
    }

    fn say(&mut self, address: SocketAddr, error: &RunError) {
        let text = error.to_string();
        if self.said.get(&address) != Some(&text) {
            self.log.event(Level::Error, &text, Vec::new());
            self.said.insert(address, text);
        }
    }

    fn opener(&self, worker: &str) -> Open {
        let target = Arc::new(ServiceTarget::new(worker));
        let switchboard = self.switchboard.clone();
        Arc::new(move |connection| {
            let guard: Guard = Box::new(());
            switchboard.connect_socket(&target, connection).map(|()| guard)
        })
    }
}
