//! Bodies of which a client gets all or a part, while the cache gets all.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use selvedge_cache::range::Range;
use selvedge_runtime::{BodyError, BodySink, BodySource};

use super::hold::Hold;
use crate::tee::Feeder;

/// Takes what nobody wants.
pub(super) struct Nowhere;

impl BodySink for Nowhere {
    fn write(&mut self, _: &[u8]) -> bool {
        true
    }

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        Poll::Ready(Ok(()))
    }

    fn end(self: Box<Self>) {}
}

/// How much of a body is not wanted yet, and how much is after that.
struct Cut {
    skip: u64,
    left: u64,
}

impl Cut {
    fn of(range: Range) -> Self {
        Self { skip: range.first, left: range.length() }
    }

    /// Where in the next piece of this length what is wanted lies.
    fn next(&mut self, length: usize) -> std::ops::Range<usize> {
        let skipped = self.skip.min(length as u64);
        self.skip -= skipped;
        let taken = self.left.min(length as u64 - skipped);
        self.left -= taken;
        // Both are at most the length of a piece.
        let from = skipped as usize;
        from..from + taken as usize
    }

    fn is_done(&self) -> bool {
        self.left == 0
    }
}

/// A client's part of a body that is pushed.
pub(super) struct Slice {
    sink: Box<dyn BodySink>,
    cut: Option<Cut>,
}

impl Slice {
    pub(super) fn whole(sink: Box<dyn BodySink>) -> Self {
        Self { sink, cut: None }
    }

    pub(super) fn of(sink: Box<dyn BodySink>, range: Range) -> Self {
        Self { sink, cut: Some(Cut::of(range)) }
    }

    fn write(&mut self, chunk: &[u8]) -> bool {
        let wanted = match &mut self.cut {
            Some(cut) => &chunk[cut.next(chunk.len())],
            None => chunk,
        };
        wanted.is_empty() || self.sink.write(wanted)
    }

    fn is_done(&self) -> bool {
        self.cut.as_ref().is_some_and(Cut::is_done)
    }
}

/// A body that the Worker pushes.
pub(super) struct FillSink {
    /// `None`: it is gone, or has what it wanted.
    client: Option<Slice>,
    feeder: Option<Feeder>,
    hold: Option<Hold>,
}

impl FillSink {
    pub(super) fn new(client: Option<Slice>, feeder: Feeder, hold: Option<Hold>) -> Self {
        let sink = Self { client, feeder: Some(feeder), hold };
        if sink.client.is_none() {
            sink.client_is_done();
        }
        sink
    }

    fn client_is_done(&self) {
        if let Some(hold) = &self.hold {
            hold.client_is_done();
        }
    }
}

impl BodySink for FillSink {
    fn write(&mut self, chunk: &[u8]) -> bool {
        let mut goes_on = self.client.as_mut().is_none_or(|client| client.write(chunk));
        if let Some(client) = self.client.take_if(|client| client.is_done()) {
            client.sink.end();
            self.client_is_done();
            goes_on = true;
        }
        self.feeder.as_ref().is_none_or(|feeder| feeder.push(chunk)) && goes_on
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        if let Some(client) = &mut self.client
            && ready!(client.sink.poll_ready(cx)).is_err()
        {
            // The cache goes on.
            self.client = None;
        }
        if self.feeder.as_ref().is_some_and(Feeder::has_failed) {
            self.feeder = None;
        }
        if let Some(feeder) = &self.feeder {
            return feeder.poll_room(cx).map(Ok);
        }
        match &self.client {
            Some(_) => Poll::Ready(Ok(())),
            None => Poll::Ready(Err(BodyError::ConnectionLost)),
        }
    }

    fn end(self: Box<Self>) {
        if let Some(client) = self.client {
            client.sink.end();
        }
        if let Some(feeder) = self.feeder {
            feeder.end();
        }
    }
}

/// A client's part of a body that is pulled.
pub(super) struct Sliced {
    body: Box<dyn BodySource>,
    cut: Cut,
    length: u64,
}

impl Sliced {
    pub(super) fn new(body: Box<dyn BodySource>, range: Range) -> Self {
        Self { body, cut: Cut::of(range), length: range.length() }
    }
}

impl BodySource for Sliced {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        while !self.cut.is_done() {
            match ready!(self.body.poll_chunk(cx)) {
                Some(Ok(piece)) => {
                    let wanted = self.cut.next(piece.len());
                    if !wanted.is_empty() {
                        return Poll::Ready(Some(Ok(piece.slice(wanted))));
                    }
                }
                other => return Poll::Ready(other),
            }
        }
        Poll::Ready(None)
    }

    fn length(&self) -> Option<u64> {
        Some(self.length)
    }
}
