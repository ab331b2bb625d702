//! Values that come in pieces. A piece at a time is outside of V8's memory, and
//! in it lies one buffer, which becomes the value.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use deno_core::{
    AsyncRefCell, CancelHandle, CancelTryFuture as _, JsBuffer, OpState, RcRef, Resource,
    ResourceId, op2, v8,
};
use deno_error::JsErrorBox;
use selvedge_runtime::text::{Width, string_in_buffer};
use selvedge_runtime::{BodyError, BodySource};

use super::text::{Decoder, Narrow, Sink, Wide};
use super::{get, isolate};
use crate::namespace::{Operation, Refusal};
use crate::store::{Later, ValueReader};

/// A value in pieces as a body: `get` with type `stream`.
pub(super) struct PiecesBody {
    reader: Box<dyn ValueReader>,
    next: Option<Later<Option<Bytes>>>,
    length: u64,
}

impl PiecesBody {
    pub(super) fn new(reader: Box<dyn ValueReader>) -> Self {
        let length = reader.length();
        Self { reader, next: None, length }
    }
}

impl BodySource for PiecesBody {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let next = self.next.get_or_insert_with(|| self.reader.next());
        let piece = ready!(next.as_mut().poll(cx));
        self.next = None;
        Poll::Ready(match piece {
            Ok(piece) => piece.map(Ok),
            Err(error) => Some(Err(BodyError::Invalid(told(&error).to_string()))),
        })
    }

    fn length(&self) -> Option<u64> {
        Some(self.length)
    }
}

fn told(error: &crate::Error) -> Refusal {
    tracing::error!(%error, "a large KV value could not be read");
    Refusal::of_store(Operation::Get, error)
}

/// A value in pieces that is put together in a buffer of V8.
pub(super) struct Large {
    length: u64,
    reader: AsyncRefCell<Box<dyn ValueReader>>,
    cancel: CancelHandle,
}

impl Large {
    pub(super) fn new(reader: Box<dyn ValueReader>) -> Self {
        let length = reader.length();
        Self { length, reader: AsyncRefCell::new(reader), cancel: CancelHandle::new() }
    }
}

impl Resource for Large {
    fn name(&self) -> Cow<'_, str> {
        "kvLarge".into()
    }

    fn close(self: Rc<Self>) {
        self.cancel.cancel();
    }
}

async fn next(reader: &mut Box<dyn ValueReader>) -> Result<Option<Bytes>, JsErrorBox> {
    reader.next().await.map_err(|error| JsErrorBox::from_err(told(&error)))
}

/// Gives all of a value to `sink`, from its beginning.
async fn decode(reader: &mut Box<dyn ValueReader>, sink: &mut impl Sink) -> Result<(), JsErrorBox> {
    reader.rewind();
    let mut decoder = Decoder::default();
    while let Some(piece) = next(reader).await? {
        decoder.piece(&piece, sink).ok_or_else(broken)?;
    }
    decoder.end(sink).ok_or_else(broken)
}

async fn copy(reader: &mut Box<dyn ValueReader>, out: &mut [u8]) -> Result<(), JsErrorBox> {
    let mut filled = 0;
    while let Some(piece) = next(reader).await? {
        let part = out.get_mut(filled..filled + piece.len()).ok_or_else(broken)?;
        part.copy_from_slice(&piece);
        filled += piece.len();
    }
    if filled == out.len() { Ok(()) } else { Err(broken()) }
}

fn large(state: &OpState, rid: ResourceId) -> Result<Rc<Large>, JsErrorBox> {
    state.resource_table.get::<Large>(rid).map_err(|_| get::gone())
}

/// The size of a value in bytes.
#[op2(fast)]
pub(crate) fn op_kv_large_length(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<f64, JsErrorBox> {
    Ok(large(state, rid)?.length as f64)
}

/// Runs `read` on the value's reader, unless the resource is closed.
async fn with_reader<T>(
    state: &Rc<RefCell<OpState>>,
    rid: ResourceId,
    slot: u32,
    read: impl AsyncFnOnce(&mut Box<dyn ValueReader>) -> Result<T, JsErrorBox>,
) -> Result<T, JsErrorBox> {
    let (large, isolate) = {
        let state = state.borrow();
        (large(&state, rid)?, isolate(&state).clone())
    };
    let cancel = RcRef::map(large.clone(), |large| &large.cancel);
    let reader = RcRef::map(large, |large| &large.reader);
    let work = async { read(&mut *reader.borrow_mut().await).await };
    let result = work.try_or_cancel(cancel).await;
    isolate.mark_resumed(slot);
    result
}

/// Fills a buffer of the value's size with Latin-1 and gives the number of
/// characters. If that is not enough for the text, the number is below zero and
/// [`op_kv_large_wide`] comes next.
#[op2]
pub(crate) async fn op_kv_large_text(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[buffer] mut buffer: JsBuffer,
) -> Result<f64, JsErrorBox> {
    let (units, fits) = with_reader(&state, rid, slot, async |reader| {
        let mut sink = Narrow::new(&mut buffer);
        decode(reader, &mut sink).await?;
        Ok(sink.units())
    })
    .await?;
    if !fits {
        return Ok(-(units as f64));
    }
    close(&state, rid);
    Ok(units as f64)
}

/// Fills a buffer with UTF-16.
#[op2]
pub(crate) async fn op_kv_large_wide(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[buffer] mut buffer: JsBuffer,
) -> Result<(), JsErrorBox> {
    let result = with_reader(&state, rid, slot, async |reader| {
        let mut sink = Wide::new(&mut buffer);
        decode(reader, &mut sink).await?;
        if sink.filled() == buffer.len() { Ok(()) } else { Err(broken()) }
    })
    .await;
    close(&state, rid);
    result
}

/// The string whose characters lie in the buffer, which it takes.
#[op2]
pub(crate) fn op_kv_large_string<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    buffer: v8::Local<'s, v8::ArrayBuffer>,
    #[number] units: u64,
    wide: bool,
) -> Result<v8::Local<'s, v8::String>, JsErrorBox> {
    let width = if wide { Width::Two } else { Width::One };
    usize::try_from(units)
        .ok()
        .and_then(|units| string_in_buffer(scope, buffer, units, width))
        .ok_or_else(|| JsErrorBox::range_error("Invalid string length"))
}

/// Gives the memory of a buffer back at once.
#[op2(fast)]
pub(crate) fn op_kv_large_free(buffer: v8::Local<'_, v8::ArrayBuffer>) {
    buffer.detach(None);
}

/// Fills a buffer of the value's size.
#[op2]
pub(crate) async fn op_kv_large_bytes(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[buffer] mut buffer: JsBuffer,
) -> Result<(), JsErrorBox> {
    let result =
        with_reader(&state, rid, slot, async |reader| copy(reader, &mut buffer).await).await;
    close(&state, rid);
    result
}

/// A value is not as long as it was said to be.
fn broken() -> JsErrorBox {
    let error = crate::Error::Data("a value's pieces do not add up to its length".into());
    JsErrorBox::from_err(told(&error))
}

fn close(state: &RefCell<OpState>, rid: ResourceId) {
    if let Ok(large) = state.borrow_mut().resource_table.take_any(rid) {
        large.close();
    }
}

#[cfg(test)]
mod tests;
