//! The sockets of objects that may leave memory. Ops name an object by its
//! namespace's number and its id, which only the platform's scripts have.

use deno_core::{OpState, ResourceId, op2};
use deno_error::JsErrorBox;

use super::namespace::handle;
use crate::sockets::{AutoResponse, Owner, Socket, Sockets};

fn owner(state: &OpState, rid: ResourceId, object: &str) -> Result<Owner, JsErrorBox> {
    let id = object.parse().map_err(JsErrorBox::from_err)?;
    Ok((handle(state, rid)?.0.id.clone(), id))
}

/// The object accepted a socket; `false` when it has too many. The tags are
/// separated by NUL, each followed by one.
#[op2(fast)]
pub(crate) fn op_do_socket_add(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] object: &str,
    #[smi] socket: u32,
    #[string] tags: &str,
    #[buffer] attachment: &[u8],
) -> Result<bool, JsErrorBox> {
    let owner = owner(state, rid, object)?;
    let tags = tags.split_terminator('\0').map(Into::into).collect();
    let kept = Socket { tags, attachment: attachment.into(), answered: None };
    Ok(Sockets::of(state).borrow_mut().add(owner, socket, kept))
}

/// The socket is closed.
#[op2(fast)]
pub(crate) fn op_do_socket_remove(state: &mut OpState, #[smi] socket: u32) {
    Sockets::of(state).borrow_mut().remove(socket);
}

/// The namespace and id of the object that a socket belongs to.
#[op2]
#[serde]
pub(crate) fn op_do_socket_owner(
    state: &mut OpState,
    #[smi] socket: u32,
) -> Option<(String, String)> {
    let table = Sockets::of(state);
    let table = table.borrow();
    let (namespace, id) = table.owner(socket)?;
    Some((namespace.to_string(), id.to_string()))
}

/// The sockets of an object, in the order in which it accepted them.
#[op2]
#[serde]
pub(crate) fn op_do_sockets(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] object: &str,
) -> Result<Vec<u32>, JsErrorBox> {
    let owner = owner(state, rid, object)?;
    Ok(Sockets::of(state).borrow().of_object(&owner).to_vec())
}

/// The tags of a socket.
#[op2]
#[serde]
pub(crate) fn op_do_socket_tags(state: &mut OpState, #[smi] socket: u32) -> Vec<String> {
    let table = Sockets::of(state);
    let table = table.borrow();
    table
        .get(socket)
        .map_or(Vec::new(), |socket| socket.tags.iter().map(|tag| tag.to_string()).collect())
}

/// What was attached to a socket; empty: nothing.
#[op2]
#[buffer]
pub(crate) fn op_do_socket_attachment(state: &mut OpState, #[smi] socket: u32) -> Vec<u8> {
    let table = Sockets::of(state);
    let table = table.borrow();
    table.get(socket).map_or(Vec::new(), |socket| socket.attachment.to_vec())
}

/// Attaches a value to a socket.
#[op2(fast)]
pub(crate) fn op_do_socket_attach(
    state: &mut OpState,
    #[smi] socket: u32,
    #[buffer] attachment: &[u8],
) {
    if let Some(socket) = Sockets::of(state).borrow_mut().get_mut(socket) {
        socket.attachment = attachment.into();
    }
}

/// When a socket was last answered automatically, in Unix milliseconds; NaN:
/// never.
#[op2(fast)]
pub(crate) fn op_do_socket_answered(state: &mut OpState, #[smi] socket: u32) -> f64 {
    let table = Sockets::of(state);
    let answered = table.borrow().get(socket).and_then(|socket| socket.answered);
    answered.unwrap_or(f64::NAN)
}

/// Sets the automatic response of an object's sockets.
#[op2(fast)]
pub(crate) fn op_do_auto_response(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] object: &str,
    is_set: bool,
    #[string] request: &str,
    #[string] response: &str,
) -> Result<(), JsErrorBox> {
    let owner = owner(state, rid, object)?;
    let pair = is_set.then(|| AutoResponse { request: request.into(), response: response.into() });
    Sockets::of(state).borrow_mut().set_auto_response(owner, pair);
    Ok(())
}

/// The automatic response of an object's sockets.
#[op2]
#[serde]
pub(crate) fn op_do_auto_response_get(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] object: &str,
) -> Result<Option<(String, String)>, JsErrorBox> {
    let owner = owner(state, rid, object)?;
    let pair = Sockets::of(state).borrow().auto_response(&owner);
    Ok(pair.map(|pair| (pair.request.to_string(), pair.response.to_string())))
}

/// The object was reset: its sockets are cut.
#[op2]
#[serde]
pub(crate) fn op_do_sockets_cut(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] object: &str,
) -> Result<Vec<u32>, JsErrorBox> {
    let owner = owner(state, rid, object)?;
    Ok(Sockets::of(state).borrow_mut().remove_object(&owner))
}
