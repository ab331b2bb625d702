//! Remote calls: contexts for those who are called, and the channels to other
//! isolates.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use deno_core::{JsBuffer, OpState, ResourceId, ToJsBuffer, op2, v8};
use deno_error::JsErrorBox;
use selvedge_runtime::isolate::failure_of_exception;
use selvedge_runtime::outbound::{OpenWay, ServiceResource, ServiceTarget};
use selvedge_runtime::rpc::{RpcChannel, RpcMessage};
use selvedge_runtime::{InnerPlace, IsolateState};
use serde::{Deserialize, Serialize};

use super::isolate;

/// A context for a session that begins with this call of an entrypoint; "" is
/// the default one. `via` is what leads there, and is closed.
#[op2(fast)]
#[smi]
pub(crate) fn op_rpc_open(
    state: &mut OpState,
    #[string] entrypoint: &str,
    #[string] method: &str,
    #[smi] via: ResourceId,
) -> u32 {
    let entrypoint = Some(entrypoint).filter(|name| !matches!(*name, "" | "default"));
    let place = InnerPlace { entrypoint, object: None };
    let target = state.resource_table.take::<ServiceResource>(via).ok();
    let target = target.as_ref().map(|resource| &*resource.0);
    state.borrow::<Rc<IsolateState>>().open_callee(&place, method, target)
}

/// How deep a call is that came through this, which is closed.
#[op2(fast)]
#[smi]
pub(crate) fn op_rpc_depth(state: &mut OpState, #[smi] via: ResourceId) -> u32 {
    let target = state.resource_table.take::<ServiceResource>(via);
    target.map_or(0, |resource| resource.0.depth)
}

/// What the context calls itself through: a number for `op_rpc_open`, to be closed
/// where that is not called. `depth` is that of its event, if it has several.
#[op2(fast)]
#[smi]
pub(crate) fn op_rpc_here(
    state: &mut OpState,
    #[smi] slot: u32,
    #[smi] depth: u32,
) -> Result<ResourceId, JsErrorBox> {
    let isolate = isolate(state);
    let own = ServiceTarget::new(isolate.worker().name.clone());
    let target = isolate.calling(slot, &own, depth).map_err(JsErrorBox::from_err)?;
    Ok(state.resource_table.add(ServiceResource(Arc::new(target))))
}

/// A method that was called in the context threw: its event failed. The caller
/// learns of it on another way, and the log does not.
#[op2(nofast, reentrant)]
pub(crate) fn op_rpc_failed<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    #[smi] slot: u32,
    exception: v8::Local<'s, v8::Value>,
) {
    let isolate = isolate(&state.borrow());
    if isolate.attention() > 0 {
        let failure = failure_of_exception(scope, exception, isolate.worker());
        isolate.uncaught(Some(slot), &failure);
    }
}

/// The session is over: only `waitUntil` keeps the context.
#[op2(fast)]
pub(crate) fn op_rpc_done(state: &mut OpState, #[smi] slot: u32) {
    state.borrow::<Rc<IsolateState>>().callee_done(slot);
}

/// Counts a session against the subrequests of the context that opens it.
#[op2(fast)]
pub(crate) fn op_rpc_subrequest(state: &mut OpState, #[smi] slot: u32) -> Result<(), JsErrorBox> {
    let isolate = state.borrow::<Rc<IsolateState>>();
    isolate.count_subrequest(slot).map_err(JsErrorBox::from_err)?;
    isolate.touch(slot);
    Ok(())
}

pub(super) fn service(state: &OpState, rid: ResourceId) -> Result<Arc<ServiceTarget>, JsErrorBox> {
    match state.resource_table.get::<ServiceResource>(rid) {
        Ok(resource) => Ok(resource.0.clone()),
        Err(_) => Err(JsErrorBox::type_error("the service binding is closed")),
    }
}

/// Opens a channel through a service binding, for a context: the number of its
/// resource. `depth` is that of its event, if it has several.
#[op2(fast)]
#[smi]
pub(crate) fn op_rpc_connect(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[smi] depth: u32,
) -> Result<ResourceId, JsErrorBox> {
    let target = service(state, rid)?;
    let isolate = isolate(state);
    let outbound =
        isolate.outbound().ok_or_else(|| JsErrorBox::type_error("this Worker has no way out"))?;
    let target = isolate.calling(slot, &target, depth).map_err(JsErrorBox::from_err)?;
    let end = outbound.connect_rpc(&Arc::new(target)).map_err(JsErrorBox::from_err)?;
    Ok(state.resource_table.add(end.open()))
}

fn channel(state: &OpState, rid: ResourceId) -> Option<Rc<RpcChannel>> {
    state.resource_table.get::<RpcChannel>(rid).ok()
}

/// Sends the way to a Worker or a Durable Object along with the message that is sent next.
#[op2(fast)]
pub(crate) fn op_rpc_attach(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] way: ResourceId,
) -> Result<(), JsErrorBox> {
    let way = service(state, way)?;
    if let Some(channel) = channel(state, rid) {
        channel.attach(way);
    }
    Ok(())
}

/// Sends a message; `false`: nothing was sent, wait for `op_rpc_writable`.
#[op2]
pub(crate) fn op_rpc_send(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[buffer] head: JsBuffer,
    #[buffer] payload: Option<JsBuffer>,
) -> bool {
    let Some(channel) = channel(state, rid) else { return true };
    let ways = channel.take_attached();
    let message = RpcMessage { head: head.to_vec(), payload: payload.map(|it| it.to_vec()), ways };
    channel.send(message).is_ok()
}

/// Settles when there is room in a channel, or nobody reads it any more.
#[op2]
pub(crate) async fn op_rpc_writable(state: Rc<RefCell<OpState>>, #[smi] rid: ResourceId) {
    let channel = channel(&state.borrow(), rid);
    if let Some(channel) = channel {
        channel.writable().await;
    }
}

/// Settles when there are messages: `false` when no more come.
#[op2]
pub(crate) async fn op_rpc_receive(state: Rc<RefCell<OpState>>, #[smi] rid: ResourceId) -> bool {
    let channel = channel(&state.borrow(), rid);
    match channel {
        Some(channel) => channel.receive().await,
        None => false,
    }
}

/// A message that was received: what it is, its value, and the ways that came with
/// it.
#[op2]
#[serde]
pub(crate) fn op_rpc_take(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Option<(ToJsBuffer, Option<ToJsBuffer>, Option<Vec<OpenWay>>)> {
    let message = channel(state, rid)?.take()?;
    let ways: Vec<OpenWay> = message.ways.iter().map(|way| way.open(state)).collect();
    let ways = (!ways.is_empty()).then_some(ways);
    Some((message.head.into(), message.payload.map(Into::into), ways))
}

/// What a service binding leads to, as another Worker may get it.
#[derive(Serialize, Deserialize)]
pub(crate) struct ServiceParts {
    service: String,
    entrypoint: Option<String>,
    /// JSON.
    props: Option<String>,
}

/// What a service binding leads to, and whether that is this Worker itself.
#[op2]
#[serde]
pub(crate) fn op_service_parts(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<(ServiceParts, bool), JsErrorBox> {
    let target = service(state, rid)?;
    let is_own = target.service == isolate(state).worker().name;
    let parts = ServiceParts {
        service: target.service.clone(),
        entrypoint: target.entrypoint.clone(),
        props: target.props.clone(),
    };
    Ok((parts, is_own))
}

/// The same way once more, to be closed.
#[op2(fast)]
#[smi]
pub(crate) fn op_service_again(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<ResourceId, JsErrorBox> {
    let target = service(state, rid)?;
    Ok(state.resource_table.add(ServiceResource(target)))
}

/// The way to an entrypoint of a Worker; `service` is empty for the own one.
#[op2]
#[smi]
pub(crate) fn op_service_open(state: &mut OpState, #[serde] parts: ServiceParts) -> ResourceId {
    let service = match parts.service.as_str() {
        "" => isolate(state).worker().name.clone(),
        _ => parts.service,
    };
    let target = ServiceTarget {
        service,
        entrypoint: parts.entrypoint,
        props: parts.props,
        ..ServiceTarget::default()
    };
    state.resource_table.add(ServiceResource(Arc::new(target)))
}
