//! The answer to a request that goes past the cache: it says so.

use selvedge_runtime::websocket::WebSocketId;
use selvedge_runtime::{
    BodySink, BodySource, ContextRef, Failure, Presence, Reply, ResponseHead, WebSocketSink,
};

use super::{Status, shown};

pub(super) struct Stamped(Box<dyn Reply>);

impl Stamped {
    pub(super) fn new(reply: Box<dyn Reply>) -> Self {
        Self(reply)
    }
}

impl Reply for Stamped {
    fn respond(self: Box<Self>, head: ResponseHead<'_>, body: &[u8]) {
        let headers = shown(head.headers, Status::Bypass);
        self.0.respond(ResponseHead { headers: headers.as_blob(), ..head }, body);
    }

    fn stream(self: Box<Self>, head: ResponseHead<'_>, length: Option<u64>) -> Box<dyn BodySink> {
        let headers = shown(head.headers, Status::Bypass);
        self.0.stream(ResponseHead { headers: headers.as_blob(), ..head }, length)
    }

    fn pipe(self: Box<Self>, head: ResponseHead<'_>, body: Box<dyn BodySource>) {
        let headers = shown(head.headers, Status::Bypass);
        self.0.pipe(ResponseHead { headers: headers.as_blob(), ..head }, body);
    }

    fn upgrade(
        self: Box<Self>,
        head: ResponseHead<'_>,
        socket: WebSocketId,
    ) -> Result<Box<dyn WebSocketSink>, String> {
        self.0.upgrade(head, socket)
    }

    fn fail(self: Box<Self>, failure: Failure) -> u16 {
        self.0.fail(failure)
    }

    fn lost(self: Box<Self>, untouched: bool) {
        self.0.lost(untouched);
    }

    fn started(&mut self, context: ContextRef) {
        self.0.started(context);
    }

    fn presence(&self) -> Option<Presence> {
        self.0.presence()
    }
}
