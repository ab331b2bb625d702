//! How a request is answered, and how it fails.

use std::time::Duration;

use quanta::Instant;

use super::{ContextId, IsolateState};
use crate::body::BodySource;
use crate::failure::{Failure, Outcome};
use crate::log::ConsoleLevel;
use crate::reply::{Reply, ResponseHead};
use crate::websocket::WebSocketId;

impl IsolateState {
    // ----- Answers. -----

    fn take_reply(&self, id: ContextId, status: u16) -> Option<Box<dyn Reply>> {
        let mut context = self.context(id)?;
        context.status = status;
        context.touched = true;
        let reply = context.reply.take()?;
        if let Some(trace) = &mut context.trace {
            trace.responded(status);
        }
        Some(reply)
    }

    /// Answers with a whole body. A second answer to the same request is ignored.
    pub fn respond(&self, id: ContextId, mut head: ResponseHead<'_>, body: &[u8]) {
        if let Some(reply) = self.take_reply(id, head.status) {
            head.cpu = self.cpu(id);
            reply.respond(head, body);
            self.response_complete(id, head.cpu);
        }
    }

    /// Begins an answer whose body follows in pieces; `false` when there is
    /// nobody to answer.
    pub fn respond_stream(
        &self,
        id: ContextId,
        mut head: ResponseHead<'_>,
        length: Option<u64>,
    ) -> bool {
        let Some(reply) = self.take_reply(id, head.status) else { return false };
        head.cpu = self.cpu(id);
        let sink = reply.stream(head, length);
        if let Some(mut context) = self.context(id) {
            context.sink = Some(sink);
        }
        true
    }

    /// Answers with a body that JavaScript does not see.
    pub fn respond_pipe(
        &self,
        id: ContextId,
        mut head: ResponseHead<'_>,
        body: Box<dyn BodySource>,
    ) {
        if let Some(reply) = self.take_reply(id, head.status) {
            head.cpu = self.cpu(id);
            reply.pipe(head, body);
            self.response_complete(id, head.cpu);
        }
    }

    /// Ends a body that was pushed.
    pub fn end_stream(&self, id: ContextId) {
        let sink = self.context(id).and_then(|mut context| context.sink.take());
        if let Some(sink) = sink {
            sink.end();
        }
        self.response_complete(id, self.cpu(id));
    }

    /// Breaks a body off.
    pub fn abort_stream(&self, id: ContextId) {
        let sink = self.context(id).and_then(|mut context| context.sink.take());
        drop(sink);
        self.response_complete(id, self.cpu(id));
    }

    /// Answers with status 101 and makes the connection a WebSocket.
    ///
    /// # Errors
    /// When the request was not a WebSocket handshake.
    pub fn respond_upgrade(
        &self,
        id: ContextId,
        mut head: ResponseHead<'_>,
        socket: WebSocketId,
    ) -> Result<(), String> {
        let Some(reply) = self.take_reply(id, head.status) else { return Ok(()) };
        head.cpu = self.cpu(id);
        let sink = match reply.upgrade(head, socket) {
            Ok(mut sink) => {
                self.count_sink(&mut *sink);
                sink
            }
            Err(reason) => {
                if let Some(mut context) = self.context(id) {
                    context.status = 0;
                    context.outcome = Outcome::Exception;
                }
                return Err(reason);
            }
        };
        self.sockets.borrow_mut().insert(socket, sink);
        self.response_complete(id, head.cpu);
        Ok(())
    }

    /// Tells the client that the Worker failed, if it can still be told; what
    /// comes too late for that goes to the log.
    pub fn fail(&self, id: ContextId, failure: Failure) {
        if self.is_stopping() && failure.outcome == Outcome::Exception {
            // A stop that falls into an op comes out of it as an exception. Why
            // the request ended is told at the end of the slice.
            return;
        }
        let (reply, sink) = {
            let Some(mut context) = self.context(id) else { return };
            context.outcome = failure.outcome;
            if failure.outcome != Outcome::Canceled
                && let Some(trace) = &mut context.trace
            {
                trace.exception(&failure);
            }
            (context.reply.take(), context.sink.take())
        };
        drop(sink);
        match reply {
            Some(reply) => {
                let gone = failure.outcome == Outcome::Canceled;
                let status = reply.fail(failure);
                if let Some(mut context) = self.context(id).filter(|_| !gone) {
                    context.status = status;
                }
            }
            None if failure.outcome == Outcome::Canceled => {}
            None => {
                let text = format!("Uncaught {failure}");
                self.log.console(&self.worker().name, ConsoleLevel::Error, &text);
            }
        }
        self.response_complete(id, self.cpu(id));
    }

    fn response_complete(&self, id: ContextId, cpu: Duration) {
        let Some(mut context) = self.context(id) else { return };
        context.responded.get_or_insert_with(Instant::now);
        context.report(cpu.as_nanos() as u64);
    }
}
