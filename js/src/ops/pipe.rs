//! A body that JavaScript writes and the host reads: a stream that a
//! subrequest uploads.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use deno_core::{OpState, Resource, ResourceId, op2};
use selvedge_runtime::body::BodyResource;
use selvedge_runtime::{BodyError, BodySource};

/// The writer waits while this many bytes are on their way.
const WINDOW_BYTES: usize = 256 * 1024;

#[derive(Default)]
struct Pipe {
    chunks: VecDeque<Bytes>,
    buffered: usize,
    /// Set at the end: how it ended.
    end: Option<Result<(), BodyError>>,
    reader_gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

struct Reader {
    pipe: Rc<RefCell<Pipe>>,
    length: Option<u64>,
}

impl BodySource for Reader {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let mut pipe = self.pipe.borrow_mut();
        if let Some(chunk) = pipe.chunks.pop_front() {
            pipe.buffered -= chunk.len();
            if let Some(writer) = pipe.writer.take() {
                writer.wake();
            }
            return Poll::Ready(Some(Ok(chunk)));
        }
        match &pipe.end {
            Some(Ok(())) => Poll::Ready(None),
            Some(Err(error)) => Poll::Ready(Some(Err(error.clone()))),
            None => {
                pipe.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn length(&self) -> Option<u64> {
        self.length
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut pipe = self.pipe.borrow_mut();
        pipe.reader_gone = true;
        pipe.chunks.clear();
        if let Some(writer) = pipe.writer.take() {
            writer.wake();
        }
    }
}

struct Writer(Rc<RefCell<Pipe>>);

impl Resource for Writer {
    fn name(&self) -> Cow<'_, str> {
        "bodyWriter".into()
    }

    fn close(self: Rc<Self>) {
        self.end(Err(BodyError::Aborted));
    }
}

impl Writer {
    fn end(&self, how: Result<(), BodyError>) {
        let mut pipe = self.0.borrow_mut();
        pipe.end.get_or_insert(how);
        if let Some(reader) = pipe.reader.take() {
            reader.wake();
        }
    }
}

/// A pipe: the number of its writer, and of the body that reads it.
#[op2]
#[serde]
pub(crate) fn op_body_pipe_new(state: &mut OpState, length: f64) -> (ResourceId, ResourceId) {
    let pipe = Rc::new(RefCell::new(Pipe::default()));
    let length = (length >= 0.0).then_some(length as u64);
    let writer = state.resource_table.add(Writer(pipe.clone()));
    let reader = state.resource_table.add(BodyResource::new(Box::new(Reader { pipe, length })));
    (writer, reader)
}

/// Writes a piece; `false`: wait for `op_body_pipe_ready`.
#[op2(fast)]
pub(crate) fn op_body_pipe_write(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[buffer] chunk: &[u8],
) -> bool {
    let Ok(writer) = state.resource_table.get::<Writer>(rid) else { return false };
    let mut pipe = writer.0.borrow_mut();
    if pipe.reader_gone {
        return false;
    }
    pipe.buffered += chunk.len();
    pipe.chunks.push_back(Bytes::copy_from_slice(chunk));
    if let Some(reader) = pipe.reader.take() {
        reader.wake();
    }
    pipe.buffered < WINDOW_BYTES
}

/// Settles when there is room again: `false` when nobody reads any more.
#[op2]
pub(crate) async fn op_body_pipe_ready(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
) -> bool {
    let (writer, isolate) = {
        let state = state.borrow();
        (state.resource_table.get::<Writer>(rid), super::isolate(&state))
    };
    let Ok(writer) = writer else { return false };
    let open = poll_fn(|cx| {
        let mut pipe = writer.0.borrow_mut();
        if pipe.reader_gone {
            return Poll::Ready(false);
        }
        if pipe.buffered < WINDOW_BYTES {
            return Poll::Ready(true);
        }
        pipe.writer = Some(cx.waker().clone());
        Poll::Pending
    })
    .await;
    isolate.mark_resumed(slot);
    open
}

/// Ends the body; a reason breaks it off.
#[op2(fast)]
pub(crate) fn op_body_pipe_end(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] reason: &str,
) {
    let Ok(writer) = state.resource_table.take::<Writer>(rid) else { return };
    writer.end(match reason {
        "" => Ok(()),
        reason => Err(BodyError::Invalid(reason.to_owned())),
    });
}
