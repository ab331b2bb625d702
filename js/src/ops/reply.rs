//! Answers on their way out.

use std::borrow::Cow;
use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use deno_core::{OpState, ResourceId, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::body::BodyResource;
use selvedge_runtime::{HeaderBlob, IsolateState, ResponseHead};

use super::isolate;

fn head<'a>(status: u32, status_text: &'a str, headers: &'a [u8]) -> ResponseHead<'a> {
    ResponseHead {
        status: u16::try_from(status).unwrap_or(500),
        status_text,
        headers: HeaderBlob(headers),
        cpu: Duration::ZERO,
    }
}

/// Answers with status 200 and text of a frequent type: 0 plain text, 1 JSON.
#[op2(fast)]
pub(crate) fn op_reply_plain(
    state: &mut OpState,
    #[smi] slot: u32,
    #[smi] kind: u32,
    #[string] body: &str,
    done: bool,
) {
    let headers: &[u8] = match kind {
        1 => b"content-type\0application/json",
        _ => b"content-type\0text/plain;charset=UTF-8",
    };
    let isolate = state.borrow::<Rc<IsolateState>>();
    isolate.respond(slot, head(200, "", headers), body.as_bytes());
    if done {
        isolate.close_context(slot);
    }
}

/// Answers with text. `done`: the context ends with it.
#[op2(fast)]
pub(crate) fn op_reply_text(
    state: &mut OpState,
    #[smi] slot: u32,
    #[smi] status: u32,
    #[string] status_text: &str,
    #[string(onebyte)] headers: Cow<'_, [u8]>,
    #[string] body: &str,
    done: bool,
) {
    let isolate = state.borrow::<Rc<IsolateState>>();
    isolate.respond(slot, head(status, status_text, &headers), body.as_bytes());
    if done {
        isolate.close_context(slot);
    }
}

/// Answers with bytes. `done`: the context ends with it.
#[op2(fast)]
pub(crate) fn op_reply_bytes(
    state: &mut OpState,
    #[smi] slot: u32,
    #[smi] status: u32,
    #[string] status_text: &str,
    #[string(onebyte)] headers: Cow<'_, [u8]>,
    #[buffer] body: &[u8],
    done: bool,
) {
    let isolate = state.borrow::<Rc<IsolateState>>();
    isolate.respond(slot, head(status, status_text, &headers), body);
    if done {
        isolate.close_context(slot);
    }
}

/// Begins an answer whose body follows; `length` is negative when unknown.
/// `false`: nobody listens.
#[op2(fast)]
pub(crate) fn op_reply_stream(
    state: &mut OpState,
    #[smi] slot: u32,
    #[smi] status: u32,
    #[string] status_text: &str,
    #[string(onebyte)] headers: Cow<'_, [u8]>,
    length: f64,
) -> bool {
    let length = (length >= 0.0).then_some(length as u64);
    isolate(state).respond_stream(slot, head(status, status_text, &headers), length)
}

/// Pushes a piece. 0: go on, 1: wait for `op_reply_ready`, 2: nobody listens.
#[op2(fast)]
#[smi]
pub(crate) fn op_reply_write(state: &mut OpState, #[smi] slot: u32, #[buffer] chunk: &[u8]) -> u32 {
    let isolate = state.borrow::<Rc<IsolateState>>();
    let Some(mut context) = isolate.context(slot) else { return 2 };
    match &mut context.sink {
        Some(sink) => u32::from(!sink.write(chunk)),
        None => 2,
    }
}

/// Settles when there is room for the next piece; throws when the client left.
#[op2]
pub(crate) async fn op_reply_ready(
    state: Rc<RefCell<OpState>>,
    #[smi] slot: u32,
) -> Result<(), JsErrorBox> {
    let isolate = isolate(&state.borrow());
    let result = poll_fn(|cx| {
        let Some(mut context) = isolate.context(slot) else {
            return Poll::Ready(Err(selvedge_runtime::BodyError::ConnectionLost));
        };
        match &mut context.sink {
            Some(sink) => sink.poll_ready(cx),
            None => Poll::Ready(Err(selvedge_runtime::BodyError::ConnectionLost)),
        }
    })
    .await;
    isolate.mark_resumed(slot);
    result.map_err(JsErrorBox::from_err)
}

/// The pushed body is whole.
#[op2(fast)]
pub(crate) fn op_reply_end(state: &mut OpState, #[smi] slot: u32) {
    isolate(state).end_stream(slot);
}

/// The pushed body breaks off.
#[op2(fast)]
pub(crate) fn op_reply_abort(state: &mut OpState, #[smi] slot: u32) {
    isolate(state).abort_stream(slot);
}

/// Answers with a body that no JavaScript touched.
#[op2(fast)]
pub(crate) fn op_reply_pipe(
    state: &mut OpState,
    #[smi] slot: u32,
    #[smi] status: u32,
    #[string] status_text: &str,
    #[string(onebyte)] headers: Cow<'_, [u8]>,
    #[smi] rid: ResourceId,
) -> Result<(), JsErrorBox> {
    let source = state
        .resource_table
        .take::<BodyResource>(rid)
        .ok()
        .and_then(BodyResource::take)
        .ok_or_else(|| JsErrorBox::type_error("Body has already been used."))?;
    isolate(state).respond_pipe(slot, head(status, status_text, &headers), source);
    Ok(())
}

/// Answers with a response of status 200 that JavaScript has not looked at, headers
/// included; the context ends with it.
#[op2(fast)]
pub(crate) fn op_reply_kept(
    state: &mut OpState,
    #[smi] slot: u32,
    #[smi] rid: ResourceId,
) -> Result<(), JsErrorBox> {
    let body = state.resource_table.take::<BodyResource>(rid).ok();
    let headers = body.as_ref().and_then(|body| body.take_head());
    let source = body.and_then(BodyResource::take);
    let (Some(headers), Some(source)) = (headers, source) else {
        return Err(JsErrorBox::type_error("Body has already been used."));
    };
    let isolate = state.borrow::<Rc<IsolateState>>();
    isolate.respond_pipe(slot, head(200, "OK", headers.as_blob().0), source);
    isolate.close_context(slot);
    Ok(())
}

/// Answers with status 101 and hands the connection to a WebSocket.
#[op2(fast)]
pub(crate) fn op_reply_upgrade(
    state: &mut OpState,
    #[smi] slot: u32,
    #[string(onebyte)] headers: Cow<'_, [u8]>,
    #[smi] socket: u32,
) -> Result<(), JsErrorBox> {
    isolate(state)
        .respond_upgrade(slot, head(101, "", &headers), socket)
        .map_err(JsErrorBox::type_error)
}
