//! What stands between a connection and an isolate where many Workers share the
//! sockets. A server with one Worker has no gate, and its connections ask none.

use std::rc::Rc;

use deno_http_h1::CoreRequest;
use selvedge_deployments::VersionId;
use selvedge_runtime::headers::HeaderBlob;
use selvedge_runtime::outbound::ServiceTarget;
use selvedge_runtime::{Ended, EventTrace, Monitor, OnEnd, ScheduledEvent};

use crate::edge::Client;
use crate::error_page::Page;
use crate::metrics::{EventKind, WebSocketGauge};
use crate::moving::Moved;

/// Where a request goes that a connection has read the head of.
pub(crate) enum Admission {
    /// To the isolate of this thread.
    Here,
    /// To another isolate: the connection goes there, with the request unparsed. If
    /// a version was drawn for the request, it is not drawn again.
    Elsewhere(Option<VersionId>),
    /// Nowhere: the client gets this page.
    Refused(Box<Page>),
}

/// A request that goes to the isolate.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    /// Absolute.
    pub(crate) url: &'a [u8],
    pub(crate) headers: HeaderBlob<'a>,
    pub(crate) client: &'a Client,
}

impl Asked<'_> {
    /// Whether the server brings events of other Workers.
    pub(crate) fn is_for_tail(&self) -> bool {
        self.client.is_for_handler()
            && (memchr::memmem::find(self.url, TAIL).is_some()
                || memchr::memmem::find(self.url, TAIL_STREAM).is_some())
    }
}

/// A connection that goes to the isolate.
pub(crate) struct Connected<'a> {
    pub(crate) target: &'a ServiceTarget,
    /// Whether a client connects, and not a Worker.
    pub(crate) is_client: bool,
}

/// The path of the `tail` handler (`js/handlers.js`).
const TAIL: &[u8] = b"/cdn-cgi/handler/tail?";
/// That of `tailStream`.
const TAIL_STREAM: &[u8] = b"/cdn-cgi/handler/tail-stream?";

/// What follows a request in the isolate.
#[derive(Default)]
pub(crate) struct Followed {
    /// Takes what the Worker says and throws meanwhile, where somebody listens.
    pub(crate) trace: Option<Box<dyn EventTrace>>,
    /// Learns how it ended.
    pub(crate) on_end: Option<OnEnd>,
}

/// Decides for the connections of one isolate's thread.
pub(crate) trait Gate {
    /// Whether a client's request is for the isolate of this thread.
    fn admit(&self, request: &CoreRequest<'_>, client: &Client) -> Admission;

    /// A request begins, of a client or of another Worker.
    fn begin(&self, asked: &Asked<'_>) -> Followed;

    /// A connection begins, of a client or of another Worker.
    fn connect(&self, connected: &Connected<'_>) -> Followed;

    /// A cron trigger fires.
    fn scheduled(&self, event: &ScheduledEvent) -> Option<Box<dyn EventTrace>>;

    /// A WebSocket opened; it is open until this is dropped.
    fn websocket(&self) -> WebSocketGauge;

    /// An event that is no request is over.
    fn ended(&self, kind: EventKind, ended: &Ended);

    /// Counts and follows what goes on inside of the isolate.
    fn monitor(&self) -> Rc<dyn Monitor>;

    /// Whether no deployment has the version.
    fn is_preview(&self) -> bool;

    /// A connection leaves this thread.
    fn hand_on(&self, moved: Moved);
}

/// Makes the gate of a thread, on it.
pub(crate) type MakeGate = Box<dyn FnOnce() -> Box<dyn Gate> + Send>;
