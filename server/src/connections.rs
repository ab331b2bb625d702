//! Connections for `connect()` handlers, on the thread of the isolate that takes them:
//! of other Workers, and of clients that a listener hands over.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use selvedge_runtime::outbound::ServiceTarget;
use selvedge_runtime::pipe::InboundConnection;
use selvedge_runtime::{ConnectEvent, Ended};
use tokio::sync::oneshot;

use crate::gate::{Connected, Followed};
use crate::log::{Field, Level, Log};
use crate::serve::Counted;
use crate::site::Site;

/// A connection on its way to a handler. Where it is dropped, who connects learns it.
pub(crate) struct SocketConnection {
    pub(crate) connection: InboundConnection,
    /// What of the Worker, or which object, it is for.
    pub(crate) target: Arc<ServiceTarget>,
}

/// Calls the handler.
pub(crate) fn serve(site: &Rc<Site>, socket: SocketConnection) {
    let SocketConnection { mut connection, target } = socket;
    let departure = connection.pipe.take_departure();
    let connected = Connected { target: &target, is_client: connection.remote.is_some() };
    let Followed { trace, on_end } = match (&site.gate, &site.watch) {
        (Some(gate), _) => gate.connect(&connected),
        (None, watch) => Followed {
            trace: watch.as_ref().and_then(|watch| watch.connect(&connected)),
            on_end: None,
        },
    };
    let line = tells(site, &connected)
        .then(|| (site.log.clone(), site.isolate.worker().clone(), connection.local.clone()));
    let counted = Counted::new(site.clone());
    let (going_on, over) = oneshot::channel::<()>();
    let on_end = Box::new(move |ended: Ended| {
        drop((counted, going_on));
        if let Some((log, worker, address)) = line {
            tell(&log, &worker.name, &address, &ended);
        }
        if let Some(on_end) = on_end {
            on_end(ended);
        }
    });
    let event = ConnectEvent { connection, service: &target, on_end: Some(on_end), trace };
    let Some(context) = site.isolate.connect(event) else { return };
    let Some(departure) = departure else { return };
    let site = site.clone();
    tokio::task::spawn_local(async move {
        tokio::select! {
            biased;
            // Its number may be that of another context from here on.
            _ = over => {}
            () = departure.wait() => site.isolate.peer_left(context),
        }
    });
}

/// Whether the log has a line for it: not for what an object does, and where many
/// Workers share the server only for clients.
fn tells(site: &Site, connected: &Connected<'_>) -> bool {
    let is_shown = connected.is_client || site.gate.is_none();
    site.log.enabled_requests() && connected.target.object.is_none() && is_shown
}

fn tell(log: &Log, worker: &str, address: &str, ended: &Ended) {
    let millis = |time: Duration| (time.as_secs_f64() * 1e4).round() / 10.0;
    log.event(
        Level::Info,
        "connection ended",
        vec![
            Field::new("worker", worker),
            Field::new("address", address),
            Field::new("outcome", ended.outcome.as_str()),
            Field::new("wall_ms", millis(ended.wall)),
            Field::new("cpu_ms", millis(ended.cpu)),
        ],
    );
}
