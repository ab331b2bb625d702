//! The events that enter an isolate from outside.

use std::rc::Rc;
use std::sync::Arc;

use deno_core::v8;
use quanta::Instant;

use super::{HANDLERS_SCRIPT, Isolate, METHODS, call};
use crate::body::BodySource;
use crate::headers::SharedHeaders;
use crate::io_context::{ContextRef, OnAlarm, OnEnd};
use crate::log::EventTrace;
use crate::outbound::{ObjectTarget, ServiceResource, ServiceTarget};
use crate::pipe::{ArrivedConnection, InboundConnection};
use crate::reply::Reply;
use crate::rpc::RpcEnd;
use crate::websocket::{WebSocketEvent, WebSocketId};

/// A request for the `fetch` handler. Everything borrowed is copied into V8.
pub struct FetchEvent<'a> {
    /// As on the request line.
    pub method: &'a str,
    /// The absolute URL, ASCII.
    pub url: &'a [u8],
    /// Bytes of a [`crate::HeaderBlob`]: what the client sent.
    pub headers: &'a [u8],
    /// What the edge adds to each request of the connection. `CF-Ray` comes on
    /// its own.
    pub shared_headers: &'a SharedHeaders,
    pub body: Option<Box<dyn BodySource>>,
    /// JSON of `request.cf`.
    pub cf: Rc<str>,
    /// What a service binding names of this Worker, where one sends it.
    pub service: Option<&'a ServiceTarget>,
    /// The path names one of the handlers that no client reaches: `handlers.js`
    /// makes of the request what that one gets. `service` may name an export that has it.
    pub for_handler: bool,
    pub reply: Box<dyn Reply>,
    pub on_end: Option<OnEnd>,
    /// Follows the request to the end of its `waitUntil`.
    pub trace: Option<Box<dyn EventTrace>>,
}

/// A connection for the `connect` handler.
pub struct ConnectEvent<'a> {
    pub connection: InboundConnection,
    /// What of the Worker, or which of its Durable Objects, it is for.
    pub service: &'a ServiceTarget,
    pub on_end: Option<OnEnd>,
    /// Follows the event to the end of its `waitUntil`.
    pub trace: Option<Box<dyn EventTrace>>,
}

/// A tick of a cron trigger.
#[derive(Debug, Clone)]
pub struct ScheduledEvent {
    pub cron: String,
    /// Unix time in milliseconds.
    pub time: f64,
}

impl Isolate {
    /// Runs the `fetch` handler up to its first wait. The answer goes to the
    /// event's reply, often before this returns.
    pub fn fetch(&mut self, event: FetchEvent<'_>) -> ContextRef {
        let has_body = event.body.is_some();
        let now = Instant::now();
        let id = self.state.open_context(Some(event.reply), event.body, event.on_end, now);
        let is_called = !event.for_handler;
        let object =
            event.service.filter(|_| is_called).and_then(|service| service.object.as_ref());
        if let Some(mut context) = self.state.context(id) {
            context.cf = event.cf;
            context.for_object = object.is_some();
        }
        if let Some(service) = event.service {
            self.state.set_called(id, service);
        }
        self.state.set_trace(id, event.trace);
        let namespace =
            object.map(|object| object.namespace.open(&mut self.js.op_state().borrow_mut()));
        self.slice_at(Some(id), now, |this| {
            let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
            let realm = this.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
            let method: v8::Local<v8::Value> =
                match METHODS.iter().position(|method| *method == event.method) {
                    Some(index) => v8::Local::new(scope, &this.methods[index]).into(),
                    None => one_byte(scope, event.method.as_bytes()),
                };
            let args = [
                v8::Integer::new_from_unsigned(scope, id).into(),
                method,
                one_byte(scope, event.url),
                one_byte(scope, event.headers),
                v8::Boolean::new(scope, has_body).into(),
                match event.shared_headers.local(scope, this.state.epoch) {
                    Some(shared) => shared.into(),
                    None => one_byte(scope, b""),
                },
            ];
            let mut args = Vec::from(args);
            if event.for_handler {
                let Some(script) = v8::String::new(scope, HANDLERS_SCRIPT) else { return };
                let none: v8::Local<v8::Value> = v8::undefined(scope).into();
                args.extend([none, none, none, script.into()]);
                for text in event.service.map_or([None; 2], ServiceTarget::export) {
                    let text = text.and_then(|text| v8::String::new(scope, text));
                    args.push(text.map_or(none, Into::into));
                }
                call(scope, &hooks.fetch, &args);
                return;
            }
            let Some(service) = event.service else {
                call(scope, &hooks.fetch, &args);
                return;
            };
            push_target(scope, &mut args, service, namespace);
            call(scope, &hooks.fetch, &args);
        });
        if self.state.context(id).is_some() {
            // New ops wait for their first poll.
            self.state.wake();
        } else {
            // Done already: only the report of a rejection can be left.
            self.unpolled = true;
        }
        ContextRef { epoch: self.state.epoch, id }
    }

    /// Runs the `scheduled` handler; `on_end` learns the outcome.
    pub fn scheduled(
        &mut self,
        event: &ScheduledEvent,
        on_end: OnEnd,
        trace: Option<Box<dyn EventTrace>>,
    ) {
        let id = self.state.open_context(None, None, Some(on_end), Instant::now());
        self.state.set_trace(id, trace);
        self.slice(Some(id), |this| {
            let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
            let realm = this.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
            let Some(cron) = v8::String::new(scope, &event.cron) else { return };
            let args = [
                v8::Integer::new_from_unsigned(scope, id).into(),
                cron.into(),
                v8::Number::new(scope, event.time).into(),
            ];
            call(scope, &hooks.scheduled, &args);
        });
        self.state.wake();
    }

    /// Runs the `connect` handler up to its first wait.
    pub fn connect(&mut self, event: ConnectEvent<'_>) -> ContextRef {
        let id = self.state.open_context(None, None, event.on_end, Instant::now());
        self.state.set_called(id, event.service);
        self.state.set_trace(id, event.trace);
        self.state.touch(id);
        let op_state = self.js.op_state();
        let object = event.service.object.as_ref();
        let namespace = object.map(|object| object.namespace.open(&mut op_state.borrow_mut()));
        let InboundConnection { remote, local, .. } = &event.connection;
        let (remote, local) = (remote.clone(), local.clone());
        let arrived = ArrivedConnection::new(event.connection);
        let arrived = op_state.borrow_mut().resource_table.add(arrived);
        self.slice(Some(id), |this| {
            let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
            let realm = this.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
            let Some(local) = v8::String::new(scope, &local) else { return };
            let remote = remote.and_then(|remote| v8::String::new(scope, &remote));
            let mut args = vec![
                v8::Integer::new_from_unsigned(scope, id).into(),
                v8::Integer::new_from_unsigned(scope, arrived).into(),
                remote.map_or_else(|| v8::undefined(scope).into(), Into::into),
                local.into(),
            ];
            push_target(scope, &mut args, event.service, namespace);
            call(scope, &hooks.connect, &args);
        });
        self.state.wake();
        ContextRef { epoch: self.state.epoch, id }
    }

    /// Another isolate begins a session of remote calls to the entrypoint that
    /// `target` names.
    pub fn rpc(&mut self, end: RpcEnd, target: &Arc<ServiceTarget>) {
        let op_state = self.js.op_state();
        let channel = op_state.borrow_mut().resource_table.add(end.open());
        let via = op_state.borrow_mut().resource_table.add(ServiceResource(target.clone()));
        let object = target.object.as_ref();
        let namespace = object.map(|object| object.namespace.open(&mut op_state.borrow_mut()));
        self.slice(None, |this| {
            let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
            let realm = this.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
            let mut args = vec![
                v8::Integer::new_from_unsigned(scope, channel).into(),
                v8::Integer::new_from_unsigned(scope, via).into(),
            ];
            push_target(scope, &mut args, target, namespace);
            call(scope, &hooks.rpc, &args);
        });
        self.state.wake();
    }

    /// Runs the alarm of a Durable Object. `lost` tells how often the object did
    /// not get to the end of it; `on_end` how it went now.
    pub fn alarm(&mut self, object: &ObjectTarget, lost: u32, on_end: OnAlarm) {
        let id = self.state.open_alarm(on_end);
        let namespace = object.namespace.open(&mut self.js.op_state().borrow_mut());
        self.slice(Some(id), |this| {
            let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
            let realm = this.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
            let text = |text: &str| v8::String::new(scope, text);
            let (Some(script), Some(object_id)) =
                (text(object.namespace.script()), text(&object.id))
            else {
                return;
            };
            let name = object.name.as_deref().and_then(text);
            let args = [
                v8::Integer::new_from_unsigned(scope, id).into(),
                script.into(),
                v8::Integer::new_from_unsigned(scope, namespace).into(),
                object_id.into(),
                name.map_or_else(|| v8::undefined(scope).into(), Into::into),
                v8::Integer::new_from_unsigned(scope, lost).into(),
            ];
            call(scope, &hooks.alarm, &args);
        });
        self.state.wake();
    }

    /// The client of a request went away.
    pub fn client_gone(&mut self, context: ContextRef) {
        if context.epoch != self.state.epoch || self.state.context(context.id).is_none() {
            return;
        }
        self.slice(Some(context.id), |this| {
            let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
            let realm = this.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
            let args = [v8::Integer::new_from_unsigned(scope, context.id).into()];
            call(scope, &hooks.abort, &args);
        });
        self.state.wake();
    }

    /// Something arrived on a WebSocket of this isolate.
    pub fn websocket(&mut self, epoch: u32, socket: WebSocketId, event: &WebSocketEvent) {
        if epoch != self.state.epoch || self.state.filter_socket(socket, event) {
            return;
        }
        self.slice(None, |this| {
            let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
            let realm = this.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
            let (kind, data, extra): (i32, v8::Local<v8::Value>, v8::Local<v8::Value>) = match event
            {
                WebSocketEvent::Text(text) => {
                    let Some(text) = v8::String::new(scope, text) else { return };
                    (0, text.into(), v8::undefined(scope).into())
                }
                WebSocketEvent::Binary(bytes) => {
                    let store =
                        v8::ArrayBuffer::new_backing_store_from_vec(bytes.to_vec()).make_shared();
                    let buffer = v8::ArrayBuffer::with_backing_store(scope, &store);
                    (1, buffer.into(), v8::undefined(scope).into())
                }
                WebSocketEvent::Close { code, reason } => {
                    let Some(reason) = v8::String::new(scope, reason) else { return };
                    (2, v8::Integer::new(scope, i32::from(*code)).into(), reason.into())
                }
                WebSocketEvent::Error(message) => {
                    let Some(message) = v8::String::new(scope, message) else { return };
                    (3, message.into(), v8::undefined(scope).into())
                }
            };
            let args = [
                v8::Integer::new_from_unsigned(scope, socket).into(),
                v8::Integer::new(scope, kind).into(),
                data,
                extra,
            ];
            call(scope, &hooks.websocket, &args);
        });
        self.state.wake();
    }
}

/// Appends what hooks are told of a target; `namespace` is the number of its
/// object's.
fn push_target<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    args: &mut Vec<v8::Local<'s, v8::Value>>,
    target: &ServiceTarget,
    namespace: Option<deno_core::ResourceId>,
) {
    let text = |text: Option<&str>| -> v8::Local<'s, v8::Value> {
        match text.and_then(|it| v8::String::new(scope, it)) {
            Some(text) => text.into(),
            None => v8::undefined(scope).into(),
        }
    };
    let env = target.terms.as_ref().and_then(|terms| terms.env.as_deref());
    args.extend([text(target.entrypoint.as_deref()), text(target.props.as_deref()), text(env)]);
    if let (Some(object), Some(namespace)) = (&target.object, namespace) {
        args.extend([
            text(Some(object.namespace.script())),
            v8::Integer::new_from_unsigned(scope, namespace).into(),
            text(Some(&object.id)),
            text(object.name.as_deref()),
            text(object.jurisdiction.as_deref()),
        ]);
    }
}

fn one_byte<'s>(scope: &mut v8::PinScope<'s, '_>, bytes: &[u8]) -> v8::Local<'s, v8::Value> {
    v8::String::new_from_one_byte(scope, bytes, v8::NewStringType::Normal)
        .unwrap_or_else(|| v8::String::empty(scope))
        .into()
}
