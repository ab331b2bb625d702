//! The isolate's way to answer a request of an HTTP/1 connection.

use std::rc::Rc;
use std::task::{Context, Poll};

use selvedge_runtime::headers::HeaderBlob;
use selvedge_runtime::websocket::WebSocketId;
use selvedge_runtime::{
    BodyError, BodySink, BodySource, ContextRef, Failure, Presence, Reply, ResponseHead,
    WebSocketSink,
};

use super::exchange::{Exchange, Handshake, Stage, listed};
use crate::error_page;
use crate::io::Io;
use crate::websocket;

const EXTENSIONS: &[u8] = b"sec-websocket-extensions";

pub(super) struct ConnectionReply<I>(Exchange<I>);

impl<I: Io> ConnectionReply<I> {
    pub(super) fn new(exchange: &Exchange<I>) -> Self {
        Self(exchange.clone())
    }

    /// Which extension is spoken on a WebSocket. Between Workers there is none, as frames
    /// stay within the process; their headers say what the Workers said.
    fn agree(&self, handshake: &Handshake, headers: HeaderBlob<'_>) -> Option<websocket::Deflate> {
        let compatibility = &self.0.site.isolate.worker().compatibility;
        if self.0.is_pipe()
            || handshake.offers.is_empty()
            || !compatibility.is_on("web_socket_compression")
        {
            return None;
        }
        let own = headers.get("sec-websocket-extensions").map(|_| listed(headers, EXTENSIONS));
        websocket::accept_deflate(&handshake.offers, own.as_deref())
    }

    fn cpu(&self, head: &ResponseHead<'_>) -> Option<f64> {
        self.0.site.server_timing.then_some(head.cpu.as_secs_f64() * 1000.0)
    }
}

impl<I: Io> Reply for ConnectionReply<I> {
    fn respond(self: Box<Self>, head: ResponseHead<'_>, body: &[u8]) {
        if !self.0.is_closed() {
            let cpu = self.cpu(&head);
            self.0.write_whole(head.status, head.status_text, head.headers, body, cpu);
        }
    }

    fn stream(self: Box<Self>, head: ResponseHead<'_>, length: Option<u64>) -> Box<dyn BodySink> {
        if !self.0.is_closed() {
            let cpu = self.cpu(&head);
            self.0.write_start(head.status, head.status_text, head.headers, length, cpu);
        }
        Box::new(ConnectionSink { exchange: self.0, ended: false })
    }

    fn pipe(self: Box<Self>, head: ResponseHead<'_>, mut body: Box<dyn BodySource>) {
        if !self.0.is_closed() {
            let cpu = self.cpu(&head);
            // What lies in memory leaves together with the head.
            if let Some(body) = body.take_ready() {
                self.0.write_whole(head.status, head.status_text, head.headers, &body, cpu);
                return;
            }
            self.0.write_start(head.status, head.status_text, head.headers, body.length(), cpu);
            self.0.set_stage(Stage::Piping(body));
        }
    }

    fn upgrade(
        self: Box<Self>,
        head: ResponseHead<'_>,
        socket: WebSocketId,
    ) -> Result<Box<dyn WebSocketSink>, String> {
        let Some(handshake) = self.0.state.borrow_mut().handshake.take() else {
            let failure = Failure::new(
                selvedge_runtime::Outcome::Exception,
                "Worker tried to return WebSocket in a response to a request which did not contain the header \"Upgrade: websocket\".",
            );
            let message = failure.message.clone();
            self.fail(failure);
            return Err(message);
        };
        let epoch = self.0.state.borrow().context.map_or(0, |context| context.epoch);
        let isolate = self.0.site.isolate.clone();
        let agreed = self.agree(&handshake, head.headers);
        let deliver = Rc::new(move |event| isolate.websocket(epoch, socket, &event));
        let pending = websocket::Pending::new(websocket::Role::Server, agreed, deliver);
        let sink = pending.sink();
        let accept = websocket::accept_key(&handshake.key);
        let mut out = Vec::new();
        out.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ");
        out.extend_from_slice(accept.as_bytes());
        out.extend_from_slice(b"\r\n");
        if let Some(agreed) = agreed {
            out.extend_from_slice(format!("sec-websocket-extensions: {agreed}\r\n").as_bytes());
        }
        for (name, value) in head.headers.iter() {
            if name == b"upgrade"
                || name == b"connection"
                || name.starts_with(b"sec-websocket-accept")
                || name == b"content-length"
                || (name == EXTENSIONS && !self.0.is_pipe())
            {
                continue;
            }
            out.extend_from_slice(name);
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        self.0.write_upgrade(&out, Box::new(pending));
        Ok(sink)
    }

    fn fail(self: Box<Self>, failure: Failure) -> u16 {
        let status = error_page::status_of_request(failure.outcome, self.0.is_body_too_large());
        if !self.0.is_closed() {
            self.0.set_stage(Stage::Failed(Box::new(failure)));
        }
        status.as_u16()
    }

    fn lost(self: Box<Self>, untouched: bool) {
        if !self.0.is_closed() {
            self.0.set_stage(Stage::Lost(untouched));
        }
    }

    fn started(&mut self, context: ContextRef) {
        self.0.state.borrow_mut().context = Some(context);
    }

    fn presence(&self) -> Option<Presence> {
        let exchange = self.0.clone();
        Some(Rc::new(move |context| {
            if !exchange.is_closed() {
                exchange.state.borrow_mut().context = Some(context);
                return;
            }
            // JavaScript may run right now: told after it.
            let isolate = exchange.site.isolate.clone();
            tokio::task::spawn_local(async move { isolate.client_gone(context) });
        }))
    }
}

/// Pushes a body to the connection.
struct ConnectionSink<I: Io> {
    exchange: Exchange<I>,
    ended: bool,
}

impl<I: Io> BodySink for ConnectionSink<I> {
    fn write(&mut self, chunk: &[u8]) -> bool {
        self.exchange.push(chunk)
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        self.exchange.poll_room(cx)
    }

    fn end(mut self: Box<Self>) {
        self.ended = true;
        self.exchange.finish_push();
    }
}

impl<I: Io> Drop for ConnectionSink<I> {
    fn drop(&mut self) {
        if !self.ended && !self.exchange.is_closed() {
            self.exchange.set_stage(Stage::Broken);
        }
    }
}
