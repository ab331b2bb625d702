//! Bodies that go to a client and into the cache at the same time. The cache goes on
//! for a while when the client leaves.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use selvedge_cache::entry::Meta;
use selvedge_cache::store::{Fetching, Writer};
use selvedge_runtime::body::{BodyError, BodySource};
use selvedge_runtime::headers::HeaderBlobBuf;
use tokio::sync::mpsc;

/// Pieces that the cache may be ahead of its client.
const AHEAD: usize = 16;
/// How long a body may take to its end without its client.
pub(crate) const ALONE: Duration = Duration::from_secs(60);
/// Bytes that a body may be ahead of the cache's disk.
const QUEUED_BYTES: usize = 1024 * 1024;

/// Ends an entry.
pub(crate) async fn finish(writer: Writer, meta: Meta, headers: HeaderBlobBuf) {
    if let Err(error) = writer.finish(meta, headers).await {
        tracing::warn!(%error, "a response was not cached");
    }
}

/// A body that is pulled, for the client, that goes into the cache, too.
pub(crate) fn both(
    body: Box<dyn BodySource>,
    writer: Writer,
    meta: Meta,
    headers: HeaderBlobBuf,
    claim: Option<Fetching>,
) -> Box<dyn BodySource> {
    let length = body.length();
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_local(async move {
        copy(body, sender, Some(writer), meta, headers).await;
        // Whoever waits looks into the cache now.
        drop(claim);
    });
    Box::new(Copied { receiver, length })
}

async fn copy(
    mut body: Box<dyn BodySource>,
    client: mpsc::Sender<Result<Bytes, BodyError>>,
    mut writer: Option<Writer>,
    meta: Meta,
    headers: HeaderBlobBuf,
) {
    let mut until = None;
    loop {
        let piece = poll_fn(|cx| body.poll_chunk(cx));
        let piece = match until {
            None => piece.await,
            Some(until) => match tokio::time::timeout_at(until, piece).await {
                Ok(piece) => piece,
                Err(_) => return,
            },
        };
        match piece {
            None => break,
            Some(Ok(piece)) => {
                if let Some(open) = &mut writer
                    && let Err(error) = open.write(&meta, &headers, &piece).await
                {
                    tracing::debug!(%error, "a response was not cached");
                    writer = None;
                }
                if client.send(Ok(piece)).await.is_err() {
                    if writer.is_none() {
                        return;
                    }
                    until.get_or_insert_with(|| tokio::time::Instant::now() + ALONE);
                }
            }
            Some(Err(error)) => {
                let _ = client.send(Err(error)).await;
                return;
            }
        }
    }
    if let Some(writer) = writer {
        finish(writer, meta, headers).await;
    }
}

struct Copied {
    receiver: mpsc::Receiver<Result<Bytes, BodyError>>,
    length: Option<u64>,
}

impl BodySource for Copied {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        self.receiver.poll_recv(cx)
    }

    fn length(&self) -> Option<u64> {
        self.length
    }
}

/// Takes a body that is pushed. What is dropped before [`Feeder::end`] is not kept.
pub(crate) struct Feeder {
    /// `None`: it is whole.
    sender: mpsc::UnboundedSender<Option<Bytes>>,
    queue: Rc<Queue>,
}

#[derive(Default)]
struct Queue {
    bytes: Cell<usize>,
    /// Nothing is kept of it any more.
    failed: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Queue {
    fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

impl Feeder {
    pub(crate) fn new(
        mut writer: Writer,
        meta: Meta,
        headers: HeaderBlobBuf,
        claim: Option<Fetching>,
    ) -> Self {
        let (sender, mut receiver) = mpsc::unbounded_channel::<Option<Bytes>>();
        let queue = Rc::new(Queue::default());
        let of_task = queue.clone();
        tokio::task::spawn_local(async move {
            while let Some(piece) = receiver.recv().await {
                let Some(piece) = piece else {
                    finish(writer, meta, headers).await;
                    break;
                };
                let written = writer.write(&meta, &headers, &piece).await;
                of_task.bytes.set(of_task.bytes.get() - piece.len());
                if let Err(error) = written {
                    tracing::debug!(%error, "a response was not cached");
                    of_task.failed.set(true);
                }
                of_task.wake();
                if of_task.failed.get() {
                    break;
                }
            }
            // Whoever waits looks into the cache now.
            drop(claim);
        });
        Self { sender, queue }
    }

    /// Takes a piece. `false`: wait for [`Feeder::poll_room`].
    pub(crate) fn push(&self, piece: &[u8]) -> bool {
        if !self.has_failed() {
            self.queue.bytes.set(self.queue.bytes.get() + piece.len());
            let _ = self.sender.send(Some(Bytes::copy_from_slice(piece)));
        }
        self.has_room()
    }

    fn has_room(&self) -> bool {
        self.has_failed() || self.queue.bytes.get() < QUEUED_BYTES
    }

    /// Whether nothing is kept of it any more.
    pub(crate) fn has_failed(&self) -> bool {
        self.queue.failed.get()
    }

    pub(crate) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        if self.has_room() {
            return Poll::Ready(());
        }
        *self.queue.waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The body is whole.
    pub(crate) fn end(self) {
        let _ = self.sender.send(None);
    }
}
