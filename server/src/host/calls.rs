//! The way out of each isolate, with a wall between accounts: whatever a binding
//! claims to lead to, it leads to Workers of the isolate's own account.

use std::rc::Rc;
use std::sync::Arc;

use selvedge_cache::Cache;
use selvedge_runtime::WeakIsolate;
use selvedge_runtime::outbound::{Outbound, OutboundError, ServiceTarget};

use crate::outbound::{self, HttpOutbound, Policy, UpgradedSocket};
use crate::switchboard::Switchboard;
use crate::websocket;

/// Makes the way out of an isolate.
type MakeOutbound = Arc<dyn Fn(WeakIsolate) -> Rc<dyn Outbound> + Send + Sync>;

/// Makes the one way out of each isolate.
pub(super) fn way_out(
    policy: Policy,
    switchboard: Arc<Switchboard>,
    cache: Arc<Cache>,
) -> MakeOutbound {
    Arc::new(move |isolate| {
        let mut options = outbound::Options::new(policy.clone());
        options.cache = Some(cache.clone());
        let of_socket = isolate.clone();
        options.connect_socket = Some(Rc::new(move |socket: UpgradedSocket| {
            let isolate = of_socket.clone();
            let UpgradedSocket { io, leftover, agreed, epoch, id } = socket;
            let deliver = Rc::new(move |event| isolate.websocket(epoch, id, &event));
            websocket::spawn(io, leftover, websocket::Role::Client, agreed, deliver)
        }));
        let (sockets, of_sockets) = (switchboard.clone(), isolate.clone());
        options.connect_worker = Some(Rc::new(move |target, connection| {
            check(&of_sockets, target)?;
            sockets.connect_socket(target, connection)
        }));
        let (rpc, of_rpc) = (switchboard.clone(), isolate.clone());
        options.connect_rpc = Some(Rc::new(move |target| {
            check(&of_rpc, target)?;
            rpc.connect_rpc(target)
        }));
        let (service, of_service) = (switchboard.clone(), isolate);
        options.connect_service = Some(Rc::new(move |target| {
            check(&of_service, target)?;
            service.connect(target)
        }));
        HttpOutbound::new(options)
    })
}

/// Refuses what is not of the isolate's account.
fn check(isolate: &WeakIsolate, target: &ServiceTarget) -> Result<(), OutboundError> {
    let account = |name: &str| name.split_once('/').map(|(account, _)| account.to_owned());
    let own = isolate.worker().and_then(|worker| account(&worker.name));
    if own.is_some() && own == account(&target.service) {
        return Ok(());
    }
    tracing::error!(target = target.service, "a binding leads to another account");
    Err(OutboundError::Refused("This binding leads nowhere.".to_owned()))
}
