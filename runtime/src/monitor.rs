//! What an isolate tells its server beside answers: what bindings do, and the
//! events that begin inside of it, those of Durable Objects and remote calls.

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
    /// A look for an object of a bucket.
    R2Head,
    R2Get,
    R2Put,
    R2Delete,
    R2List,
    /// A call of an upload in parts: its begin, a part, its end.
    R2Multipart,
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
    /// A message that is to be sent, forwarded or replied.
    EmailSend,
    /// A call of a Workflow or of an instance of it.
    WorkflowCall,
    /// A Worker that is asked of a Worker Loader.
    LoaderGet,
    /// An event that goes to a Worker of a dispatch namespace.
    DispatchCall,
}

impl Operation {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 22] = [
        Self::KvGet,
        Self::KvPut,
        Self::KvDelete,
        Self::KvList,
        Self::ObjectCall,
        Self::ObjectStorage,
        Self::D1Query,
        Self::R2Head,
        Self::R2Get,
        Self::R2Put,
        Self::R2Delete,
        Self::R2List,
        Self::R2Multipart,
        Self::QueueSend,
        Self::RateLimit,
        Self::AnalyticsWrite,
        Self::SecretGet,
        Self::HyperdriveConnect,
        Self::EmailSend,
        Self::WorkflowCall,
        Self::LoaderGet,
        Self::DispatchCall,
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
            Self::R2Head => "r2_head",
            Self::R2Get => "r2_get",
            Self::R2Put => "r2_put",
            Self::R2Delete => "r2_delete",
            Self::R2List => "r2_list",
            Self::R2Multipart => "r2_multipart",
            Self::QueueSend => "queue_send",
            Self::RateLimit => "rate_limit",
            Self::AnalyticsWrite => "analytics_write",
            Self::SecretGet => "secret_get",
            Self::HyperdriveConnect => "hyperdrive_connect",
            Self::EmailSend => "email_send",
            Self::WorkflowCall => "workflow_call",
            Self::LoaderGet => "loader_get",
            Self::DispatchCall => "dispatch_call",
        }
    }
}

/// What calls of bindings come to, where their number says little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    D1RowsRead,
    D1RowsWritten,
    R2BytesRead,
    R2BytesWritten,
    /// Messages that were taken by a queue.
    QueueMessages,
    /// Messages that the relay has, or the folder.
    EmailsSent,
    /// Messages that are not allowed, or that the relay will not take.
    EmailsRefused,
    /// Messages that nobody took.
    EmailsFailed,
    /// Isolates that a Worker Loader started.
    LoadedIsolates,
    /// Steps of Workflows that ran, each attempt for itself.
    WorkflowSteps,
    /// Events of other Workers that did not reach a `tail` handler.
    TailEventsLost,
}

/// How an amount is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AmountName {
    /// Of a metric, without what all begin with.
    pub metric: &'static str,
    /// A label and its value, where the metric has several amounts.
    pub label: Option<(&'static str, &'static str)>,
}

impl Amount {
    /// All of them, in the order of their numbers. Those of one metric stand together.
    pub const ALL: [Self; 11] = [
        Self::D1RowsRead,
        Self::D1RowsWritten,
        Self::R2BytesRead,
        Self::R2BytesWritten,
        Self::QueueMessages,
        Self::EmailsSent,
        Self::EmailsRefused,
        Self::EmailsFailed,
        Self::LoadedIsolates,
        Self::WorkflowSteps,
        Self::TailEventsLost,
    ];

    /// Its name in metrics.
    pub fn name(self) -> AmountName {
        let (metric, label) = match self {
            Self::D1RowsRead => ("d1_rows", Some(("access", "read"))),
            Self::D1RowsWritten => ("d1_rows", Some(("access", "written"))),
            Self::R2BytesRead => ("r2_bytes", Some(("access", "read"))),
            Self::R2BytesWritten => ("r2_bytes", Some(("access", "written"))),
            Self::QueueMessages => ("queue_messages", None),
            Self::EmailsSent => ("emails", Some(("result", "sent"))),
            Self::EmailsRefused => ("emails", Some(("result", "refused"))),
            Self::EmailsFailed => ("emails", Some(("result", "failed"))),
            Self::LoadedIsolates => ("loaded_isolates", None),
            Self::WorkflowSteps => ("workflow_steps", None),
            Self::TailEventsLost => ("tail_events_lost", None),
        };
        AmountName { metric, label }
    }
}

/// An event that the server did not hand to the isolate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InnerEvent<'a> {
    /// A connection to an object.
    Connect,
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
        /// Of a `close`: its code, and whether both sides closed.
        close: Option<(u16, bool)>,
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
    Connect,
    Fetch,
    Rpc,
    Alarm,
    WebSocket,
}

impl InnerEvent<'_> {
    pub(crate) fn kind(&self) -> InnerKind {
        match self {
            Self::Connect => InnerKind::Connect,
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

    /// What it did came to this.
    fn amount(&self, amount: Amount, count: u64);

    /// Whether somebody wants to know of events.
    fn wants(&self) -> bool;

    /// An event begins inside of the isolate; `None`: nobody wants to know of it.
    fn follow(&self, place: &InnerPlace<'_>, event: &InnerEvent<'_>)
    -> Option<Box<dyn EventTrace>>;

    /// Such an event is over.
    fn ended(&self, kind: InnerKind, ended: &Ended);
}
