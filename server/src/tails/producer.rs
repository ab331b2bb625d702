//! What goes on in one event, on its way to a consumer that is told meanwhile.
//!
//! The Worker waits for nothing: what does not fit is dropped, and the consumer is told
//! how much that was when there is room again.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use selvedge_deployments::WorkerKey;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::{Caller, PATIENCE, script_name};
use crate::handler_call;
use crate::host::trace;

/// Lines that wait for one call.
const WAITING_LINES: usize = 512;
/// Bytes of them: 1 MiB.
const WAITING_BYTES: usize = 1 << 20;
/// Streams that go on at the same time, to one consumer.
pub(super) const STREAMS: usize = 256;

/// The end of an event that tells.
pub(crate) struct Producer {
    lines: mpsc::Sender<Bytes>,
    waiting: Arc<AtomicUsize>,
    /// The number of the first line that was dropped since the last one that was not, and
    /// how many were.
    dropped: Option<(u64, u64)>,
    caller: Arc<Caller>,
}

impl Producer {
    /// Begins a call of the consumer, of an event of `worker`.
    pub(super) fn start(
        caller: Arc<Caller>,
        permit: OwnedSemaphorePermit,
        worker: &WorkerKey,
    ) -> Self {
        let (lines, waiting_lines) = mpsc::channel(WAITING_LINES);
        let waiting = Arc::<AtomicUsize>::default();
        let (ended, end) = oneshot::channel();
        let body = Lines { lines: waiting_lines, waiting: waiting.clone(), _ended: ended };
        let query = format!("?scripts={}", handler_call::encoded(script_name(&worker.name)));
        let of_call = caller.clone();
        caller.runtime.spawn(async move {
            of_call.stream(&query, body, end).await;
            drop(permit);
        });
        Self { lines, waiting, dropped: None, caller }
    }

    /// A line, by its number.
    pub(crate) fn tell(&mut self, number: u64, line: &Bytes) {
        // The consumer wants no more, or could not be called, which is counted.
        if self.lines.is_closed() {
            return;
        }
        if let Some((first, count)) = self.dropped
            && self.fits(&trace::dropped(first, count))
        {
            self.dropped = None;
        }
        if self.dropped.is_none() && self.fits(line) {
            return;
        }
        let (first, count) = self.dropped.unwrap_or((number, 0));
        self.dropped = Some((first, count + 1));
        self.caller.lost(1);
    }

    fn fits(&self, line: &Bytes) -> bool {
        if self.waiting.load(Ordering::Relaxed) > WAITING_BYTES {
            return false;
        }
        let fits = self.lines.try_send(line.clone()).is_ok();
        if fits {
            self.waiting.fetch_add(line.len(), Ordering::Relaxed);
        }
        fits
    }

    /// The last line. The consumer gets it whatever was dropped before.
    pub(crate) fn end(self, line: Bytes) {
        let of_dropped = self.dropped.map(|(first, count)| trace::dropped(first, count));
        let rest: Vec<_> = of_dropped.into_iter().chain([line]).collect();
        let mut left = rest.into_iter().skip_while(|line| self.fits(line)).collect::<Vec<_>>();
        if left.is_empty() {
            return;
        }
        let Self { lines, waiting, caller, .. } = self;
        caller.runtime.clone().spawn(async move {
            let send = async {
                for line in left.drain(..) {
                    let bytes = line.len();
                    if lines.send(line).await.is_err() {
                        return;
                    }
                    waiting.fetch_add(bytes, Ordering::Relaxed);
                }
            };
            let _ = tokio::time::timeout(PATIENCE, send).await;
        });
    }
}

/// Lines as the body of a request.
struct Lines {
    lines: mpsc::Receiver<Bytes>,
    waiting: Arc<AtomicUsize>,
    /// Dropped when all was read.
    _ended: oneshot::Sender<()>,
}

impl Body for Lines {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.lines.poll_recv(cx).map(|line| {
            let line = line?;
            self.waiting.fetch_sub(line.len(), Ordering::Relaxed);
            Some(Ok(Frame::data(line)))
        })
    }
}

impl Caller {
    /// One call of `tailStream()`. It ends when the event does, or the consumer.
    async fn stream(&self, query: &str, body: Lines, end: oneshot::Receiver<()>) {
        let call = async {
            let stream =
                self.switchboard.connect(&self.target).map_err(|error| error.to_string())?;
            handler_call::call_with(stream, "tail-stream", query, body).await
        };
        // It may last as long as the event does, and a while longer.
        let late = async {
            let _ = end.await;
            tokio::time::sleep(PATIENCE).await;
        };
        let answer = tokio::select! {
            answer = call => answer,
            () = late => Err("it took too long".to_owned()),
        };
        if let Err(error) = answer {
            self.lost(1);
            let worker = &self.target.service;
            self.log.warn(&format!("the tail Worker {worker} was not told of an event: {error}"));
        }
    }
}
