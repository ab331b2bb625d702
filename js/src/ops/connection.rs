//! Connections between Workers and Durable Objects, and those that came in for a
//! `connect()` handler. Once one stands, it is a socket as any other.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use deno_core::{OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::outbound::{OutboundError, OutboundSocket};
use selvedge_runtime::pipe::{ArrivedConnection, Connecting, InboundConnection};

use super::isolate;
use super::rpc::service;
use super::socket::keep;

/// The caller's end, until somebody takes the other one.
struct Waiting(RefCell<Option<Connecting>>);

impl Resource for Waiting {
    fn name(&self) -> Cow<'_, str> {
        "connecting".into()
    }
}

fn waiting(connecting: Connecting) -> Waiting {
    Waiting(RefCell::new(Some(connecting)))
}

/// Opens a connection to what a service binding names, for a context: the number for
/// [`op_socket_connected`]. `depth` is that of its event, if it has several.
#[op2(fast)]
#[smi]
pub(crate) fn op_socket_call(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[smi] depth: u32,
    #[string] address: &str,
) -> Result<ResourceId, JsErrorBox> {
    let target = service(state, rid)?;
    let isolate = isolate(state);
    let outbound =
        isolate.outbound().ok_or_else(|| JsErrorBox::type_error("this Worker has no way out"))?;
    let target = isolate.calling(slot, &target, depth).map_err(JsErrorBox::from_err)?;
    isolate.count_subrequest(slot).map_err(JsErrorBox::from_err)?;
    isolate.touch(slot);
    let (inbound, connecting) = InboundConnection::from_worker(address);
    outbound.connect_worker(&Arc::new(target), inbound).map_err(JsErrorBox::from_err)?;
    Ok(state.resource_table.add(waiting(connecting)))
}

/// A connection within this isolate: the number for [`op_socket_connected`], and that of
/// what arrived.
#[op2]
#[serde]
pub(crate) fn op_socket_pair(
    state: &mut OpState,
    #[string] address: &str,
) -> (ResourceId, ResourceId) {
    let (inbound, connecting) = InboundConnection::from_worker(address);
    let connecting = state.resource_table.add(waiting(connecting));
    (connecting, state.resource_table.add(ArrivedConnection::new(inbound)))
}

/// The socket of a connection, when somebody takes it.
#[op2]
#[smi]
pub(crate) async fn op_socket_connected(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] address: String,
) -> Result<ResourceId, JsErrorBox> {
    let (connecting, isolate) = {
        let mut state = state.borrow_mut();
        (state.resource_table.take::<Waiting>(rid), isolate(&state))
    };
    let taken = connecting.ok().and_then(|connecting| connecting.0.take());
    let Some(connecting) = taken else {
        return Err(JsErrorBox::type_error("This socket is closed."));
    };
    let pipe = connecting.wait().await;
    isolate.mark_resumed(slot);
    let Some(pipe) = pipe else {
        let port = address.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0);
        let reason = "nobody took the connection".to_owned();
        return Err(JsErrorBox::from_err(OutboundError::NotConnected { port, reason }));
    };
    Ok(keep(&mut state.borrow_mut(), OutboundSocket::of_pipe(pipe)))
}

fn arrived(state: &mut OpState, rid: ResourceId) -> Result<InboundConnection, JsErrorBox> {
    let arrived = state.resource_table.take::<ArrivedConnection>(rid);
    let connection = arrived.ok().and_then(|arrived| arrived.take());
    connection.ok_or_else(|| JsErrorBox::type_error("This socket is closed."))
}

/// Takes a connection that arrived: its socket.
#[op2(fast)]
#[smi]
pub(crate) fn op_socket_accept(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<ResourceId, JsErrorBox> {
    let InboundConnection { pipe, accepted, .. } = arrived(state, rid)?;
    // Who no longer waits for it has left: the socket tells of that.
    let _ = accepted.send(());
    Ok(keep(state, OutboundSocket::of_pipe(pipe)))
}

/// Sends a connection that arrived on to where its object lives by now.
#[op2(fast)]
pub(crate) fn op_socket_hand_on(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] way: ResourceId,
    #[smi] slot: u32,
) -> Result<(), JsErrorBox> {
    let target = service(state, way)?;
    let isolate = isolate(state);
    let outbound =
        isolate.outbound().ok_or_else(|| JsErrorBox::type_error("this Worker has no way out"))?;
    let target = isolate.calling(slot, &target, 0).map_err(JsErrorBox::from_err)?;
    let connection = arrived(state, rid)?;
    outbound.connect_worker(&Arc::new(target), connection).map_err(JsErrorBox::from_err)
}

/// The handler of a connection is over: only `waitUntil` keeps the context.
#[op2(fast)]
pub(crate) fn op_connection_done(state: &mut OpState, #[smi] slot: u32) {
    isolate(state).connection_done(slot);
}
