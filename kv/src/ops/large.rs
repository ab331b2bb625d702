//! Values that come in pieces. A piece at a time is outside of V8's memory.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use deno_core::{
    AsyncRefCell, CancelHandle, CancelTryFuture as _, JsBuffer, OpState, RcRef, Resource,
    ResourceId, ToV8, op2, v8,
};
use deno_error::JsErrorBox;
use selvedge_runtime::{BodyError, BodySource};

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

/// A value in pieces that JavaScript puts together, so that it lies in V8's
/// memory only.
pub(super) struct Large {
    length: u64,
    reading: AsyncRefCell<Reading>,
    cancel: CancelHandle,
}

struct Reading {
    reader: Box<dyn ValueReader>,
    /// The beginning of a character whose rest comes with the next piece.
    rest: Bytes,
}

impl Large {
    pub(super) fn new(reader: Box<dyn ValueReader>) -> Self {
        let length = reader.length();
        let reading = AsyncRefCell::new(Reading { reader, rest: Bytes::new() });
        Self { length, reading, cancel: CancelHandle::new() }
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

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, JsErrorBox> {
        self.reader.next().await.map_err(|error| JsErrorBox::from_err(told(&error)))
    }

    /// The next bytes that end where a character ends.
    async fn next_text(&mut self) -> Result<Option<Bytes>, JsErrorBox> {
        loop {
            let Some(piece) = self.next().await? else {
                let rest = std::mem::take(&mut self.rest);
                return Ok((!rest.is_empty()).then_some(rest));
            };
            let mut piece = if self.rest.is_empty() {
                piece
            } else {
                let mut whole = BytesMut::from(&*std::mem::take(&mut self.rest));
                whole.extend_from_slice(&piece);
                whole.freeze()
            };
            self.rest = piece.split_off(complete(&piece));
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }
}

/// How many of the bytes come before a character that is cut off at their end.
fn complete(bytes: &[u8]) -> usize {
    for (back, byte) in bytes.iter().rev().take(3).enumerate() {
        let needed = match byte {
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf7 => 4,
            _ => 1,
        };
        let there = back + 1;
        return if there < needed { bytes.len() - there } else { bytes.len() };
    }
    bytes.len()
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

/// A piece of text; `null` at the end.
pub(crate) struct TextPiece(Option<Bytes>);

impl<'a> ToV8<'a> for TextPiece {
    type Error = JsErrorBox;

    fn to_v8(
        self,
        scope: &mut v8::PinScope<'a, '_>,
    ) -> Result<v8::Local<'a, v8::Value>, Self::Error> {
        match self.0 {
            Some(bytes) => get::text(scope, &bytes).map(Into::into),
            None => Ok(v8::null(scope).into()),
        }
    }
}

/// The next piece of a value as text.
#[op2]
pub(crate) async fn op_kv_large_text(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
) -> Result<TextPiece, JsErrorBox> {
    let (large, isolate) = {
        let state = state.borrow();
        (large(&state, rid)?, isolate(&state).clone())
    };
    let cancel = RcRef::map(large.clone(), |large| &large.cancel);
    let reading = RcRef::map(large, |large| &large.reading);
    let read = async { reading.borrow_mut().await.next_text().await };
    let piece = read.try_or_cancel(cancel).await;
    isolate.mark_resumed(slot);
    let piece = piece?;
    if piece.is_none() {
        close(&state, rid);
    }
    Ok(TextPiece(piece))
}

/// Fills a buffer of the value's size.
#[op2]
pub(crate) async fn op_kv_large_bytes(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[buffer] mut buffer: JsBuffer,
) -> Result<(), JsErrorBox> {
    let (large, isolate) = {
        let state = state.borrow();
        (large(&state, rid)?, isolate(&state).clone())
    };
    let cancel = RcRef::map(large.clone(), |large| &large.cancel);
    let reading = RcRef::map(large, |large| &large.reading);
    let fill = async {
        let mut reading = reading.borrow_mut().await;
        let mut filled = 0;
        while let Some(piece) = reading.next().await? {
            let Some(part) = buffer.get_mut(filled..filled + piece.len()) else {
                return Err(broken());
            };
            part.copy_from_slice(&piece);
            filled += piece.len();
        }
        if filled == buffer.len() { Ok(()) } else { Err(broken()) }
    };
    let result = fill.try_or_cancel(cancel).await;
    isolate.mark_resumed(slot);
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
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(complete(b""), 0);
        assert_eq!(complete(b"abc"), 3);
        for text in ["\u{e9}", "\u{20ac}", "\u{1f600}"] {
            let bytes = format!("ab{text}").into_bytes();
            assert_eq!(complete(&bytes), bytes.len());
            for cut in 3..bytes.len() {
                assert_eq!(complete(&bytes[..cut]), 2, "{text} {cut}");
            }
        }
        // What is not UTF-8 is not kept back for ever.
        assert_eq!(complete(b"\xff"), 1);
        assert_eq!(complete(b"\x80\x80\x80\x80"), 4);
    }
}
