//! What an isolate tells its server beside answers: what bindings do, and the
//! events that begin inside of it, those of Durable Objects and remote calls.

use std::time::{Duration, Instant};

use crate::io_context::Ended;
use crate::log::EventTrace;

/// What a Worker does to storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    KvGet,
    KvPut,
    KvDelete,
    KvList,
    /// A call of an object's `fetch()` or methods.
    ObjectCall,
    /// A statement or a call of an object's storage.
    ObjectStorage,
    /// A call of a D1 database, with all of its statements.
    D1Query,
    /// A call of a bucket.
    R2Call,
    /// Messages that are sent to a queue in one call.
    QueueSend,
    /// A question to a rate limit.
    RateLimit,
    /// A data point.
    AnalyticsWrite,
    /// A secret of a store that is read.
    SecretGet,
    /// A client that connects to a database behind Hyperdrive.
    HyperdriveConnect,
}

impl Operation {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 13] = [
        Self::KvGet,
        Self::KvPut,
        Self::KvDelete,
        Self::KvList,
        Self::ObjectCall,
        Self::ObjectStorage,
        Self::D1Query,
        Self::R2Call,
        Self::QueueSend,
        Self::RateLimit,
        Self::AnalyticsWrite,
        Self::SecretGet,
        Self::HyperdriveConnect,
    ];

    /// Its name in metrics and traces.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KvGet => "kv_get",
            Self::KvPut => "kv_put",
            Self::KvDelete => "kv_delete",
            Self::KvList => "kv_list",
            Self::ObjectCall => "object_call",
            Self::ObjectStorage => "object_storage",
            Self::D1Query => "d1_query",
            Self::R2Call => "r2_call",
            Self::QueueSend => "queue_send",
            Self::RateLimit => "rate_limit",
            Self::AnalyticsWrite => "analytics_write",
            Self::SecretGet => "secret_get",
            Self::HyperdriveConnect => "hyperdrive_connect",
        }
    }
}

/// An event that the server did not hand to the isolate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InnerEvent<'a> {
    /// A request to an object.
    Fetch {
        method: &'a str,
        url: &'a str,
    },
    Rpc {
        method: &'a str,
    },
    Alarm {
        /// Unix time in milliseconds.
        scheduled_time: u64,
    },
    /// `message`, `close` or `error` of a socket that an object accepted.
    WebSocket {
        kind: &'a str,
    },
}

/// Where such an event goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InnerPlace<'a> {
    /// The class of an object, or the export that is called; `None`: the default
    /// one.
    pub entrypoint: Option<&'a str>,
    /// The object's id.
    pub object: Option<&'a str>,
}

/// What kind of event it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InnerKind {
    Fetch,
    Rpc,
    Alarm,
    WebSocket,
}

impl InnerEvent<'_> {
    pub(crate) fn kind(&self) -> InnerKind {
        match self {
            Self::Fetch { .. } => InnerKind::Fetch,
            Self::Rpc { .. } => InnerKind::Rpc,
            Self::Alarm { .. } => InnerKind::Alarm,
            Self::WebSocket { .. } => InnerKind::WebSocket,
        }
    }
}

/// Watches an isolate. Calls come from the isolate's thread and must not block
/// it, nor call the isolate.
pub trait Monitor {
    /// A binding did something.
    fn operation(&self, operation: Operation);

    /// Whether somebody wants to know of events.
    fn wants(&self) -> bool;

    /// An event begins inside of the isolate; `None`: nobody wants to know of it.
    fn follow(&self, place: &InnerPlace<'_>, event: &InnerEvent<'_>)
    -> Option<Box<dyn EventTrace>>;

    /// Such an event is over.
    fn ended(&self, kind: InnerKind, ended: &Ended);
}

/// Something that an event waited for, as a part of its trace.
#[derive(Debug, Clone)]
pub struct SpanRecord {
    /// `fetch`, or what [`Operation::as_str`] says.
    pub name: &'static str,
    pub began: Instant,
    pub took: Duration,
    /// Names of OpenTelemetry, and values.
    pub attributes: Vec<(&'static str, String)>,
    pub failed: bool,
}
