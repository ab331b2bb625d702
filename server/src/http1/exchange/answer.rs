//! The isolate's side of an exchange: what a reply and its body write.

use std::io::IoSlice;
use std::task::{Context, Poll};

use deno_http_h1::Version;
use selvedge_runtime::{BodyError, HeaderBlob};

use super::{Exchange, HIGH_BYTES, Stage, State, TURN_BYTES};
use crate::http1::outgoing::{Framing, HeadParts, push_chunk_size, wants_close, write_head};
use crate::io::Io;
use crate::site::Site;
use crate::websocket;

impl<I: Io> Exchange<I> {
    /// Whether anybody still listens.
    pub(in crate::http1) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Puts a whole response into the output.
    pub(in crate::http1) fn write_whole(
        &self,
        status: u16,
        status_text: &str,
        headers: HeaderBlob<'_>,
        body: &[u8],
        cpu: Option<f64>,
    ) {
        let mut guard = self.state.borrow_mut();
        let state = &mut *guard;
        let framing = match status {
            101 | 204 | 304 => Framing::None,
            // A HEAD request learns the length that GET would have.
            _ if state.is_head && body.is_empty() => Framing::Head,
            _ => Framing::Length(body.len() as u64),
        };
        state.write_head(status, status_text, headers, framing, cpu, &self.site);
        state.stage = Stage::Whole;
        if matches!(framing, Framing::Length(_)) && !state.is_head {
            state.left = body.len() as u64;
            if state.push_now(body).is_err() {
                state.stage = Stage::Broken;
            }
        }
        drop(guard);
        self.task.wake();
    }

    /// Begins a response whose body follows.
    pub(in crate::http1) fn write_start(
        &self,
        status: u16,
        status_text: &str,
        headers: HeaderBlob<'_>,
        length: Option<u64>,
        cpu: Option<f64>,
    ) {
        let mut guard = self.state.borrow_mut();
        let state = &mut *guard;
        let framing = match (status, length) {
            (101 | 204 | 304, _) => Framing::None,
            (_, Some(length)) => Framing::Length(length),
            (_, None) if state.version == Version::Http10 => {
                state.keep_alive = false;
                Framing::UntilClose
            }
            (_, None) => Framing::Chunked,
        };
        state.write_head(status, status_text, headers, framing, cpu, &self.site);
        if state.is_head {
            state.framing = Framing::None;
        }
        state.left = length.unwrap_or(0);
        state.stage = Stage::Streaming;
    }

    pub(in crate::http1) fn set_stage(&self, stage: Stage) {
        self.state.borrow_mut().stage = stage;
        self.task.wake();
    }

    /// Accepts a WebSocket handshake with this head.
    pub(in crate::http1) fn write_upgrade(&self, head: &[u8], pending: Box<websocket::Pending>) {
        let mut state = self.state.borrow_mut();
        state.out.extend_from_slice(head);
        state.stage = Stage::Upgrading(pending);
        drop(state);
        self.task.wake();
    }

    /// Pushes a piece of the body: to the network at once where that is
    /// possible, else to the output. `false`: the Worker should wait.
    pub(in crate::http1) fn push(&self, chunk: &[u8]) -> bool {
        if self.closed.get() {
            return false;
        }
        let mut guard = self.state.borrow_mut();
        let state = &mut *guard;
        let room = state.push_now(chunk);
        let unsent = state.out.len() - state.sent;
        state.turn += chunk.len();
        let may_go_on = unsent < HIGH_BYTES && state.turn < TURN_BYTES;
        drop(guard);
        match room {
            Ok(()) => {
                if unsent > 0 {
                    self.task.wake();
                }
                may_go_on
            }
            Err(()) => {
                self.set_stage(Stage::Broken);
                false
            }
        }
    }

    pub(in crate::http1) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        let mut state = self.state.borrow_mut();
        if self.closed.get() || matches!(state.stage, Stage::Broken) {
            return Poll::Ready(Err(BodyError::ConnectionLost));
        }
        let had_turn = std::mem::take(&mut state.turn) >= TURN_BYTES;
        if state.out.len() - state.sent < HIGH_BYTES {
            if had_turn {
                // Once round the event loop.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            return Poll::Ready(Ok(()));
        }
        state.sink = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The pushed body is whole.
    pub(in crate::http1) fn finish_push(&self) {
        end_body(&mut self.state.borrow_mut());
        self.task.wake();
    }
}

impl<I: Io> State<I> {
    pub(super) fn write_head(
        &mut self,
        status: u16,
        status_text: &str,
        headers: HeaderBlob<'_>,
        framing: Framing,
        cpu: Option<f64>,
        site: &Site,
    ) {
        self.framing = framing;
        self.keep_alive &= !site.is_ending() && !wants_close(headers);
        let parts = HeadParts {
            status,
            status_text,
            headers,
            version: self.version,
            keep_alive: self.keep_alive,
            framing,
            cpu: cpu.filter(|_| !self.bare),
            bare: self.bare,
        };
        write_head(&mut self.out, &parts, &site.clock);
    }

    /// Sends a piece with its framing, without a copy if the network takes it.
    pub(super) fn push_now(&mut self, chunk: &[u8]) -> Result<(), ()> {
        // Small pieces are cheaper together with what comes next.
        const DIRECT_BYTES: usize = 4 * 1024;
        if chunk.len() < DIRECT_BYTES || self.framing == Framing::None {
            return append(&mut self.out, self.framing, &mut self.left, chunk)
                .then_some(())
                .ok_or(());
        }
        let chunked = self.framing == Framing::Chunked;
        if chunked {
            push_chunk_size(&mut self.out, chunk.len());
        } else if let Framing::Length(_) = self.framing {
            self.left = self.left.checked_sub(chunk.len() as u64).ok_or(())?;
        }
        let tail: &[u8] = if chunked { b"\r\n" } else { b"" };
        let before = &self.out[self.sent..];
        let parts = [IoSlice::new(before), IoSlice::new(chunk), IoSlice::new(tail)];
        let wrote = match &mut self.io {
            Some(io) => io.write_now(&parts).unwrap_or(0),
            None => return Err(()),
        };
        let pending = before.len();
        if wrote < pending {
            self.sent += wrote;
            self.out.extend_from_slice(chunk);
            self.out.extend_from_slice(tail);
            return Ok(());
        }
        self.out.clear();
        self.sent = 0;
        let of_chunk = (wrote - pending).min(chunk.len());
        self.out.extend_from_slice(&chunk[of_chunk..]);
        let of_tail = wrote - pending - of_chunk;
        self.out.extend_from_slice(&tail[of_tail..]);
        Ok(())
    }
}

/// Appends a piece of a body with its framing; `false`: more than announced.
pub(super) fn append(out: &mut Vec<u8>, framing: Framing, left: &mut u64, chunk: &[u8]) -> bool {
    match framing {
        Framing::None | Framing::Head => {}
        Framing::UntilClose => out.extend_from_slice(chunk),
        Framing::Length(_) => {
            let Some(rest) = left.checked_sub(chunk.len() as u64) else { return false };
            *left = rest;
            out.extend_from_slice(chunk);
        }
        Framing::Chunked if chunk.is_empty() => {}
        Framing::Chunked => {
            push_chunk_size(out, chunk.len());
            out.extend_from_slice(chunk);
            out.extend_from_slice(b"\r\n");
        }
    }
    true
}

pub(super) fn end_body<I>(state: &mut State<I>) {
    match state.framing {
        Framing::Chunked => state.out.extend_from_slice(b"0\r\n\r\n"),
        Framing::Length(_) if state.left > 0 => {
            state.stage = Stage::Broken;
            return;
        }
        _ => {}
    }
    state.stage = Stage::Whole;
}
