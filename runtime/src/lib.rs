//! One isolate, its thread and its events.
//!
//! This crate names V8 and nothing of the world outside: no socket, no file of
//! a tenant, no storage. What a Worker needs from there comes in through the
//! traits [`Reply`], [`BodySource`], [`Outbound`] and [`WebSocketSink`], which
//! the server implements, and [`Binding`], which each binding's crate does.

pub mod binding;
pub mod body;
pub mod compatibility;
pub mod failure;
pub mod fiber;
pub mod headers;
pub mod inspector;
pub mod io_context;
pub mod isolate;
pub mod limits;
pub mod log;
pub mod outbound;
pub mod pipe;
pub mod platform;
pub mod reply;
pub mod rpc;
pub mod serialized;
pub mod text;
pub mod thread;
pub mod websocket;
pub mod worker;

mod blocking;
mod code_cache;
mod collected;
pub mod memory;
mod modules;
mod monitor;
mod priority;
mod source_map;
mod spans;
mod stack;
mod watchdog;

pub use binding::Binding;
pub use blocking::JobId;
pub use body::{BodyError, BodySource};
pub use code_cache::CodeCache;
pub use collected::Collected;
pub use failure::{Failure, Outcome};
pub use headers::{HeaderBlob, SharedHeaders};
pub use inspector::{Inspector, InspectorClient, InspectorStart};
pub use io_context::{
    AlarmResult, ContextId, ContextRef, Ended, IsolateState, OnAlarm, OnEnd, Span,
};
pub use isolate::{
    ConnectEvent, Evicted, Exports, FetchEvent, Isolate, ObjectsEnd, ScheduledEvent,
};
pub use limits::Limits;
pub use log::{ConsoleLevel, EventTrace, LogSink, Published, Said};
pub use memory::HeldBytes;
pub use modules::{Required, ShownPath, module_url, required, required_value, shown_path};
pub use monitor::{Amount, AmountName, InnerEvent, InnerKind, InnerPlace, Monitor, Operation};
pub use outbound::{ObjectTarget, Outbound, OutboundRequest, OutboundResponse, ServiceTarget};
pub use platform::{Platform, PlatformParts, set_v8_flags, v8_version};
pub use priority::ThreadPriority;
pub use reply::{BodySink, Presence, Reply, ResponseHead};
pub use source_map::SourceMap;
pub use spans::{SpanBegin, SpanChange, SpanNumber, SpanRecord, SpanValue};
pub use thread::{IsolatePool, LocalIsolate, Services, ThreadNumber, WeakIsolate};
pub use watchdog::ThreadClock;
pub use websocket::{WebSocketEvent, WebSocketSink};
pub use worker::{
    EnvEntry, EnvValue, ExpectedClass, GlobalBinding, Mode, Module, ModuleKind, Worker,
};
