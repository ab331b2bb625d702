//! The task of a socket: reads, delivers, writes, and closes in good order.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{BufMut, Bytes};
use selvedge_runtime::websocket::WebSocketEvent;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::decoder::{Decoder, Incoming, Place};
use super::deflate::Unpacker;
use super::frame::{Opcode, Violation};
use super::outbox::{MAX_UNSENT_BYTES, Outbox};
use super::{Deliver, Role, buffers};

/// While more than this waits to leave, nothing is read from the peer, so that
/// an echo does not collect what its peer does not read.
pub(super) const HIGH_WATER_BYTES: usize = 1024 * 1024;
/// A peer that neither takes what we sent nor answers our close frame for this
/// long is cut.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
/// After this much a socket lets others have their turn.
const MESSAGES_A_TURN: u32 = 1024;
const READS_A_TURN: u32 = 16;

// Texts of workerd (capnproto, kj/compat/http.c++).
/// Comes after a close frame that was not answered; JavaScript knows the text.
const GONE: &str = "The other end of the WebSocket is gone.";
const LOST: &str = "WebSocket disconnected between frames without sending `Close`.";
const LOST_IN_HEAD: &str = "WebSocket EOF in frame header";
const LOST_IN_MESSAGE: &str = "WebSocket EOF in message";

/// One socket on its connection. The future ends when the connection may go.
pub(super) struct Connection<I> {
    io: I,
    outbox: Rc<Outbox>,
    deliver: Deliver,
    decoder: Decoder,
    /// Bytes that were read, and wait until there is room in the outbox.
    rest: Vec<u8>,
    /// How many of them were taken.
    rest_taken: usize,
    input: Input,
    output: Output,
    /// The last event was delivered.
    ended: bool,
    /// Runs while we wait for the peer to close.
    deadline: Option<Pin<Box<Sleep>>>,
    close_timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Open,
    /// The peer's close frame came, or it broke the protocol: what else comes
    /// is thrown away (RFC 6455, 5.5.1 and 7.1.7).
    Closed,
    /// Nothing comes any more.
    Eof,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Open,
    /// Something was written and may sit in a buffer of the connection.
    Unflushed,
    /// Our side of the connection is shut down.
    Shut,
    /// Nothing can be written.
    Broken,
}

/// What a socket may still do in this turn.
struct Turn {
    messages: u32,
    reads: u32,
}

impl<I> Connection<I> {
    pub(super) fn new(
        io: I,
        leftover: Bytes,
        outbox: Rc<Outbox>,
        unpacker: Option<Box<Unpacker>>,
        deliver: Deliver,
    ) -> Self {
        outbox.connect();
        let decoder = Decoder::new(outbox.role(), unpacker);
        Self {
            io,
            outbox,
            deliver,
            decoder,
            rest: leftover.into(),
            rest_taken: 0,
            input: Input::Open,
            output: Output::Open,
            ended: false,
            deadline: None,
            close_timeout: CLOSE_TIMEOUT,
        }
    }

    #[cfg(test)]
    pub(super) fn set_close_timeout(&mut self, timeout: Duration) {
        self.close_timeout = timeout;
    }

    // ----- What arrives. -----

    fn deliver(&mut self, event: WebSocketEvent) {
        if !self.outbox.is_released() {
            (self.deliver)(event);
        }
    }

    /// Delivers the last event.
    fn end(&mut self, event: WebSocketEvent) {
        if !std::mem::replace(&mut self.ended, true) {
            self.deliver(event);
        }
    }

    fn end_with_error(&mut self, text: &str) {
        self.end(WebSocketEvent::Error(text.to_owned()));
    }

    /// No message comes any more: gives back what held them.
    fn close_input(&mut self) {
        self.input = Input::Closed;
        self.decoder = Decoder::new(self.outbox.role(), None);
        self.outbox.hold(0);
        self.rest = Vec::new();
    }

    /// What is in the outbox must leave before the peer may cause more.
    fn is_full(&self) -> bool {
        self.outbox.len() > HIGH_WATER_BYTES && !self.outbox.is_closing()
    }

    /// Takes what was read, until the outbox is full or the turn is over; gives
    /// how much that was.
    fn take(&mut self, input: &mut [u8], turn: &mut Turn) -> usize {
        let mut taken = 0;
        while self.input == Input::Open && turn.messages > 0 && !self.is_full() {
            match self.decoder.next(input, &mut taken) {
                Ok(Some(incoming)) => {
                    turn.messages -= 1;
                    self.handle(incoming);
                }
                Ok(None) => break,
                Err(violation) => self.fail(&violation),
            }
        }
        taken
    }

    fn handle(&mut self, incoming: Incoming) {
        if let Some(bytes) = self.decoder.held() {
            self.outbox.hold(bytes);
        }
        match incoming {
            Incoming::Ping(payload) => self.outbox.push(Opcode::Pong, &payload),
            Incoming::Event(event @ WebSocketEvent::Close { .. }) => {
                self.close_input();
                self.end(event);
            }
            Incoming::Event(event) => self.deliver(event),
        }
    }

    /// Fails the connection (RFC 6455, 7.1.7).
    fn fail(&mut self, violation: &Violation) {
        self.close_input();
        self.outbox.close(Some(violation.code), &violation.text);
        self.end_with_error(&violation.text);
    }

    /// Nothing comes any more.
    fn eof(&mut self) {
        if self.input == Input::Open {
            // Without the closing handshake nothing that we send matters.
            self.output = Output::Broken;
            self.outbox.kill();
            self.end_with_error(match self.decoder.place() {
                Place::BetweenFrames => LOST,
                Place::InHead => LOST_IN_HEAD,
                Place::InPayload => LOST_IN_MESSAGE,
            });
            self.close_input();
        } else if self.input == Input::Closed && !self.outbox.is_closing() {
            // Who has not answered the close frame yet need not.
            self.deliver(WebSocketEvent::Error(GONE.to_owned()));
        }
        self.input = Input::Eof;
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Connection<I> {
    fn advance(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut turn = Turn { messages: MESSAGES_A_TURN, reads: READS_A_TURN };
        loop {
            self.write(cx);
            if self.outbox.overflowed() {
                self.end_with_error(&format!(
                    "WebSocket disconnected because more than {MAX_UNSENT_BYTES} bytes of \
                     messages were waiting for the peer to read them."
                ));
                return Poll::Ready(());
            }
            if self.poll_closed(cx).is_ready() {
                return Poll::Ready(());
            }
            if turn.messages == 0 || turn.reads == 0 {
                cx.waker().wake_by_ref();
                return self.poll_deadline(cx);
            }
            if self.read(cx, &mut turn).is_pending() {
                return self.poll_deadline(cx);
            }
        }
    }

    /// Reads once, and delivers what came.
    fn read(&mut self, cx: &mut Context<'_>, turn: &mut Turn) -> Poll<()> {
        if self.input == Input::Eof || self.is_full() {
            return Poll::Pending;
        }
        if !self.rest.is_empty() {
            self.take_rest(turn);
            return Poll::Ready(());
        }
        if let Some((buffer, limit)) = self.decoder.direct() {
            let mut buffer = buffer.limit(limit);
            let read = ready!(pin!(self.io.read_buf(&mut buffer)).poll(cx));
            turn.reads -= 1;
            match read {
                Ok(0) => self.eof(),
                Ok(count) => match self.decoder.received(count) {
                    Ok(Some(incoming)) => self.handle(incoming),
                    Ok(None) => {}
                    Err(violation) => self.fail(&violation),
                },
                Err(error) => self.lost(&error),
            }
            return Poll::Ready(());
        }
        let mut scratch = buffers::take_scratch();
        let mut buffer = ReadBuf::new(&mut scratch);
        let read = Pin::new(&mut self.io).poll_read(cx, &mut buffer);
        let count = buffer.filled().len();
        match read {
            Poll::Ready(Ok(())) if count == 0 => self.eof(),
            Poll::Ready(Ok(())) => {
                let taken = self.take(&mut scratch[..count], turn);
                if self.input == Input::Open {
                    self.rest.extend_from_slice(&scratch[taken..count]);
                }
            }
            Poll::Ready(Err(ref error)) => self.lost(error),
            Poll::Pending => {}
        }
        buffers::return_scratch(scratch);
        turn.reads -= 1;
        read.map(drop)
    }

    /// Goes on with what was read earlier.
    fn take_rest(&mut self, turn: &mut Turn) {
        let mut rest = std::mem::take(&mut self.rest);
        self.rest_taken += self.take(&mut rest[self.rest_taken..], turn);
        if self.rest_taken < rest.len() && self.input == Input::Open {
            self.rest = rest;
        } else {
            self.rest_taken = 0;
        }
    }

    fn lost(&mut self, error: &io::Error) {
        tracing::debug!(%error, "websocket connection lost");
        self.eof();
    }

    // ----- What leaves. -----

    /// Writes what is in the outbox.
    fn write(&mut self, cx: &mut Context<'_>) {
        if matches!(self.output, Output::Shut | Output::Broken) {
            return;
        }
        let left = match self.outbox.write_to(&mut self.io, cx) {
            Ok(0) => 0,
            Ok(left) => {
                self.output = Output::Unflushed;
                left
            }
            Err(error) => return self.break_output(&error),
        };
        if self.output == Output::Unflushed && self.outbox.len() == 0 {
            match Pin::new(&mut self.io).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.output = Output::Open,
                Poll::Ready(Err(error)) => return self.break_output(&error),
                Poll::Pending => {}
            }
        }
        if left > 0
            && let Some(deadline) = &mut self.deadline
        {
            deadline.as_mut().reset(Instant::now() + self.close_timeout);
        }
    }

    /// The peer is gone, but what it sent before may still be read: perhaps a
    /// close frame that it did not wait to have answered.
    fn break_output(&mut self, error: &io::Error) {
        tracing::debug!(%error, "websocket cannot be written to");
        self.output = Output::Broken;
        self.outbox.kill();
    }

    // ----- The end. -----

    /// Ready when both ends closed. The server then closes the connection
    /// first, and the client waits for that (RFC 6455, 7.1.1). What still comes
    /// is read until the end, as unread bytes would have the system reset the
    /// connection, and the peer would never see our close frame.
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.input == Input::Open {
            return Poll::Pending;
        }
        if self.output == Output::Open && self.outbox.is_closing() && self.outbox.len() == 0 {
            if self.outbox.role() == Role::Client && self.input != Input::Eof {
                return Poll::Pending;
            }
            if ready!(Pin::new(&mut self.io).poll_shutdown(cx)).is_err() {
                self.output = Output::Broken;
            } else {
                self.output = Output::Shut;
            }
        }
        match (self.input, self.output) {
            (_, Output::Broken) | (Input::Eof, Output::Shut) => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }

    /// Ready when the peer let us wait too long. It only does once we closed,
    /// or can write nothing.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.outbox.is_closing() && self.output != Output::Broken {
            return Poll::Pending;
        }
        let timeout = self.close_timeout;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(timeout)));
        ready!(deadline.as_mut().poll(cx));
        self.end_with_error(LOST);
        Poll::Ready(())
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Future for Connection<I> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.outbox.task_runs(cx.waker());
        let done = this.advance(cx);
        this.outbox.task_waits();
        done
    }
}

impl<I> Drop for Connection<I> {
    fn drop(&mut self) {
        self.outbox.disconnect();
    }
}
