//! Bodies that come in: of requests and of subrequests' responses.

use std::cell::RefCell;
use std::rc::Rc;

use deno_core::convert::Uint8Array;
use deno_core::{OpState, ResourceId, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::IsolateState;
use selvedge_runtime::body::BodyResource;

fn resource(state: &OpState, rid: ResourceId) -> Result<Rc<BodyResource>, JsErrorBox> {
    state
        .resource_table
        .get::<BodyResource>(rid)
        .map_err(|_| JsErrorBox::type_error("Body has already been used."))
}

/// Opens the body of a request; 0 when it has none (any more). The result is
/// the resource's number plus one.
#[op2(fast)]
#[smi]
pub(crate) fn op_request_body(state: &mut OpState, #[smi] slot: u32) -> u32 {
    let source = {
        let isolate = state.borrow::<Rc<IsolateState>>();
        isolate.context(slot).and_then(|mut context| context.body.take())
    };
    match source {
        Some(source) => state.resource_table.add(BodyResource::new(source)) + 1,
        None => 0,
    }
}

/// The whole body of a request as text, if it is in memory already and was not
/// opened: the usual case for small bodies.
#[op2]
#[string]
pub(crate) fn op_request_take_text(state: &mut OpState, #[smi] slot: u32) -> Option<String> {
    let isolate = state.borrow::<Rc<IsolateState>>();
    let mut context = isolate.context(slot)?;
    let bytes = context.body.as_mut()?.take_ready()?;
    context.body = None;
    Some(utf8_without_bom(&bytes))
}

/// The whole body as text, if it is in memory already.
#[op2]
#[string]
pub(crate) fn op_body_take_text(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<Option<String>, JsErrorBox> {
    Ok(take_ready(state, rid)?.map(|bytes| utf8_without_bom(&bytes)))
}

/// The whole body as bytes, if it is in memory already.
#[op2]
pub(crate) fn op_body_take_bytes(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<Option<Uint8Array>, JsErrorBox> {
    Ok(take_ready(state, rid)?.map(|bytes| Uint8Array::from(Vec::from(bytes))))
}

fn take_ready(state: &mut OpState, rid: ResourceId) -> Result<Option<bytes::Bytes>, JsErrorBox> {
    let ready = resource(state, rid)?.take_ready();
    if ready.is_some()
        && let Ok(body) = state.resource_table.take_any(rid)
    {
        body.close();
    }
    Ok(ready)
}

/// The headers of a response that waits with its body. They are taken.
#[op2]
#[string]
pub(crate) fn op_body_head(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<String, JsErrorBox> {
    let head = resource(state, rid)?.take_head().unwrap_or_default();
    // JavaScript has headers as Latin-1.
    Ok(head.as_blob().0.iter().map(|byte| char::from(*byte)).collect())
}

/// Text of UTF-8 bytes, broken sequences replaced
/// (<https://encoding.spec.whatwg.org/#utf-8-decode>).
fn utf8_without_bom(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    String::from_utf8_lossy(bytes).into_owned()
}

/// The announced length, or -1.
#[op2(fast)]
pub(crate) fn op_body_length(state: &mut OpState, #[smi] rid: ResourceId) -> f64 {
    let length = resource(state, rid).ok().and_then(BodyResource::length);
    length.map_or(-1.0, |length| length as f64)
}

/// The next piece; an empty one is the end.
#[op2]
pub(crate) async fn op_body_read(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
) -> Result<Uint8Array, JsErrorBox> {
    let (body, isolate) = {
        let state = state.borrow();
        (resource(&state, rid)?, super::isolate(&state))
    };
    let piece = body.clone().next_piece().await;
    isolate.mark_resumed(slot);
    Ok(Uint8Array::from(piece?.map_or_else(Vec::new, Vec::from)))
}

/// Reads to the end, up to what the isolate may hold.
#[op2]
pub(crate) async fn op_body_read_all(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
) -> Result<Uint8Array, JsErrorBox> {
    let (body, isolate) = {
        let state = state.borrow();
        (resource(&state, rid)?, super::isolate(&state))
    };
    let limit = isolate.worker().limits.memory_bytes;
    let mut all = Vec::new();
    let result = loop {
        match body.clone().next_piece().await {
            Ok(None) => break Ok(Uint8Array::from(all)),
            Ok(Some(bytes)) if all.len() + bytes.len() > limit => {
                break Err(JsErrorBox::range_error("Memory limit exceeded before EOF."));
            }
            Ok(Some(bytes)) => all.extend_from_slice(&bytes),
            Err(error) => break Err(error),
        }
    };
    isolate.mark_resumed(slot);
    if let Ok(body) = state.borrow_mut().resource_table.take_any(rid) {
        body.close();
    }
    result
}

/// Stops reading: the peer learns that nobody wants the rest.
#[op2(fast)]
pub(crate) fn op_body_close(state: &mut OpState, #[smi] rid: ResourceId) {
    if let Ok(body) = state.resource_table.take_any(rid) {
        body.close();
    }
}
