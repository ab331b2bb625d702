//! Bodies that come in: of requests and of subrequests' responses.

use std::borrow::Cow;
use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;

use deno_core::convert::Uint8Array;
use deno_core::{
    AsyncRefCell, CancelHandle, CancelTryFuture, OpState, RcRef, Resource, ResourceId, op2,
};
use deno_error::JsErrorBox;
use selvedge_runtime::{BodyError, BodySource, IsolateState};

/// A body that JavaScript reads.
pub(crate) struct BodyResource {
    source: AsyncRefCell<Option<Box<dyn BodySource>>>,
    cancel: CancelHandle,
}

impl BodyResource {
    pub(crate) fn new(source: Box<dyn BodySource>) -> Self {
        Self { source: AsyncRefCell::new(Some(source)), cancel: CancelHandle::new() }
    }

    /// The source, if nobody is reading from it.
    pub(crate) fn take(self: Rc<Self>) -> Option<Box<dyn BodySource>> {
        let cell = RcRef::map(self, |this| &this.source);
        cell.try_borrow_mut().and_then(|mut source| source.take())
    }
}

impl Resource for BodyResource {
    fn name(&self) -> Cow<'_, str> {
        "body".into()
    }

    fn close(self: Rc<Self>) {
        self.cancel.cancel();
        drop(self.take());
    }
}

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
    let body = resource(state, rid)?;
    let cell = RcRef::map(body, |this| &this.source);
    let ready = cell
        .try_borrow_mut()
        .and_then(|mut source| (*source).as_mut().and_then(|source| source.take_ready()));
    if ready.is_some()
        && let Ok(body) = state.resource_table.take_any(rid)
    {
        body.close();
    }
    Ok(ready)
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
    let Ok(body) = resource(state, rid) else { return -1.0 };
    let cell = RcRef::map(body, |this| &this.source);
    cell.try_borrow_mut()
        .and_then(|source| (*source).as_ref().and_then(|source| source.length()))
        .map_or(-1.0, |length| length as f64)
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
    let piece = next_piece(&body).await;
    isolate.mark_resumed(slot);
    Ok(Uint8Array::from(piece?.map_or_else(Vec::new, Vec::from)))
}

async fn next_piece(body: &Rc<BodyResource>) -> Result<Option<bytes::Bytes>, JsErrorBox> {
    let cancel = RcRef::map(body, |this| &this.cancel);
    let cell = RcRef::map(body, |this| &this.source);
    let read = async {
        let mut source = cell.borrow_mut().await;
        loop {
            let Some(open) = source.as_mut() else { return Ok(None) };
            match poll_fn(|cx| open.poll_chunk(cx)).await {
                None => {
                    *source = None;
                    return Ok(None);
                }
                // An empty piece would read as the end.
                Some(Ok(bytes)) if bytes.is_empty() => {}
                Some(Ok(bytes)) => return Ok(Some(bytes)),
                Some(Err(error)) => {
                    *source = None;
                    return Err(error);
                }
            }
        }
    };
    read.map_err_cancelled(cancel).await
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
        match next_piece(&body).await {
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

/// Turns cancellation into the error that a Worker sees.
trait OrAborted<T> {
    async fn map_err_cancelled(self, cancel: RcRef<CancelHandle>) -> Result<T, JsErrorBox>;
}

impl<T, F> OrAborted<T> for F
where
    F: Future<Output = Result<T, BodyError>>,
{
    async fn map_err_cancelled(self, cancel: RcRef<CancelHandle>) -> Result<T, JsErrorBox> {
        let mapped = async { self.await.map_err(JsErrorBox::from_err) };
        match mapped.try_or_cancel(cancel).await {
            Ok(value) => Ok(value),
            Err(error) => Err(error),
        }
    }
}
