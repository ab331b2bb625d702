//! The isolate's side: V8's inspector, its sessions, and the pause.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::Waker;

use deno_core::v8;
use serde_json::{Value, json};
use v8::inspector::{
    Channel, StringView, V8Inspector, V8InspectorClient, V8InspectorClientTrustLevel,
    V8InspectorSession,
};

use super::client::{Client, OWN_ID, Outlet, Pause};
use super::port::{Command, Port};
use super::script_urls::ScriptUrls;
use super::{ClientId, Inspector, InspectorStart};
use crate::watchdog::DebuggerMeter;
use crate::worker::Worker;

/// V8 groups contexts; there is one of them.
const CONTEXT_GROUP: i32 = 1;
/// Editors that know Node.js look for this.
const CONTEXT_FACTS: &[u8] = br#"{"isDefault": true, "type": "default"}"#;
/// Scripts of the platform: stepping goes past them.
const PLATFORM_SCRIPTS: &str = "^ext:";

/// Makes an isolate one that can be debugged, for as long as this lives. It must
/// be dropped before the isolate.
pub(crate) struct Debugger(Rc<Inner>);

/// By this V8's interrupts find their way.
struct Slot(Weak<Inner>);

pub(super) struct Inner {
    inspector: Inspector,
    port: Arc<Port>,
    isolate: v8::UnsafeRawIsolatePtr,
    context: RefCell<Option<v8::Global<v8::Context>>>,
    v8: RefCell<Option<Rc<V8Inspector>>>,
    sessions: RefCell<BTreeMap<ClientId, Rc<Session>>>,
    meter: DebuggerMeter,
    pub(super) urls: ScriptUrls,
    start: InspectorStart,
    /// JavaScript is paused, and shall stay so.
    paused: Cell<bool>,
    /// The Worker waits for a debugger before it starts.
    waiting: Cell<bool>,
}

struct Session {
    v8: V8InspectorSession,
    outlet: Outlet,
}

impl Debugger {
    /// Attaches an isolate that is about to get its Worker.
    pub(crate) fn attach(
        inspector: &Inspector,
        worker: &Worker,
        isolate: &mut v8::OwnedIsolate,
        context: v8::Global<v8::Context>,
        meter: DebuggerMeter,
        start: InspectorStart,
    ) -> Self {
        let port = Arc::new(Port::new(isolate.thread_safe_handle(), on_interrupt));
        // SAFETY: the pointer is used on this thread alone, and not after the
        // debugger was dropped, which happens before the isolate is.
        let raw = unsafe { isolate.as_raw_isolate_ptr() };
        let inner = Rc::new(Inner {
            inspector: inspector.clone(),
            port: port.clone(),
            isolate: raw,
            context: RefCell::new(Some(context.clone())),
            v8: RefCell::new(None),
            sessions: RefCell::default(),
            meter,
            urls: ScriptUrls::of(worker),
            start,
            paused: Cell::new(false),
            waiting: Cell::new(false),
        });
        isolate.set_slot(Slot(Rc::downgrade(&inner)));
        let client = V8InspectorClient::new(Box::new(Client(Rc::downgrade(&inner))));
        v8::scope_with_context!(scope, isolate, &context);
        let v8 = V8Inspector::create(scope, client);
        let context = v8::Local::new(scope, context);
        v8.context_created(
            context,
            CONTEXT_GROUP,
            StringView::from(worker.name.as_bytes()),
            StringView::from(CONTEXT_FACTS),
        );
        *inner.v8.borrow_mut() = Some(Rc::new(v8));
        inspector.attach(&port);
        Self(inner)
    }

    /// Blocks until a debugger lets the Worker start, if that was asked for.
    pub(crate) fn wait_at_start(&self) {
        if self.0.start == InspectorStart::AtOnce {
            return;
        }
        self.0.waiting.set(true);
        while self.0.waiting.get() {
            match self.0.port.wait() {
                Some(command) => {
                    self.0.handle(command);
                    // An expression may await something.
                    self.0.with_scope(|scope, _| scope.perform_microtask_checkpoint());
                }
                None => {
                    self.0.end_all();
                    self.0.waiting.set(false);
                }
            }
        }
    }

    /// Has the code that runs next pause at its first statement, if that was
    /// asked for.
    pub(crate) fn pause_at_start(&self) {
        if self.0.start == InspectorStart::Paused {
            self.0.pause_at_next_statement();
        }
    }

    /// Wakes the isolate's task when a client has something to say.
    pub(crate) fn register(&self, waker: &Waker) {
        self.0.port.register(waker);
    }

    /// What a client said and nobody heard yet; it may run JavaScript.
    pub(crate) fn mail(&self) -> Option<Mail> {
        let inner = &self.0;
        let any = inner.port.has_mail()
            && !(inner.port.is_closed() && inner.sessions.borrow().is_empty());
        any.then(|| Mail(inner.clone()))
    }

    /// Tells debuggers of an exception that nobody caught.
    pub(crate) fn reporter(&self) -> ExceptionReporter {
        ExceptionReporter(Rc::downgrade(&self.0))
    }
}

impl Drop for Debugger {
    fn drop(&mut self) {
        let inner = &self.0;
        inner.inspector.detach(&inner.port);
        inner.port.close();
        inner.port.clear();
        let v8 = inner.v8.borrow_mut().take();
        inner.with_scope(|scope, context| {
            if let Some(v8) = &v8 {
                v8.context_destroyed(context);
            }
            inner.end_all();
            drop(v8);
            let _ = scope;
        });
        inner.context.borrow_mut().take();
    }
}

/// Commands that wait for the isolate.
pub(crate) struct Mail(Rc<Inner>);

impl Mail {
    pub(crate) fn handle(self) {
        self.0.serve();
    }
}

/// Brings exceptions to the debuggers of an isolate.
#[derive(Clone)]
pub(crate) struct ExceptionReporter(Weak<Inner>);

impl ExceptionReporter {
    pub(crate) fn report<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        prefix: &str,
        exception: v8::Local<'s, v8::Value>,
    ) {
        let Some(inner) = self.0.upgrade() else { return };
        let Some(v8) = inner.v8.borrow().clone() else { return };
        let message = v8::Exception::create_message(scope, exception);
        let said = message.get(scope).to_rust_string_lossy(scope);
        let text = format!("{} {}", prefix.trim(), said.trim_start_matches("Uncaught "));
        let stack = message.get_stack_trace(scope);
        let (url, line, column) = self::place(scope, stack).unwrap_or_default();
        let url = inner.urls.file(&url).unwrap_or(&url);
        let stack = v8.create_stack_trace(stack);
        let context = scope.get_current_context();
        let encoded: Vec<u16> = text.encode_utf16().collect();
        v8.exception_thrown(
            context,
            StringView::from(prefix.trim().as_bytes()),
            exception,
            // V8 keeps the exception itself to scripts of the same origin, which
            // no module counts as: the text must say it all.
            StringView::from(&encoded[..]),
            StringView::from(url.as_bytes()),
            line,
            column,
            stack,
            0,
        );
    }
}

/// The script, line and column of the Worker's frame on top.
fn place(
    scope: &mut v8::PinScope,
    stack: Option<v8::Local<v8::StackTrace>>,
) -> Option<(String, u32, u32)> {
    let stack = stack?;
    for index in 0..stack.get_frame_count() {
        let frame = stack.get_frame(scope, index)?;
        let name = frame.get_script_name(scope).map(|name| name.to_rust_string_lossy(scope));
        if let Some(name) = name
            && !name.starts_with("ext:")
        {
            let number = |number: usize| u32::try_from(number).unwrap_or(0);
            return Some((name, number(frame.get_line_number()), number(frame.get_column())));
        }
    }
    None
}

/// Called by V8 on the isolate's thread, between two instructions of JavaScript.
unsafe extern "C" fn on_interrupt(isolate: v8::UnsafeRawIsolatePtr, _: *mut c_void) {
    // SAFETY: V8 hands the isolate that it is running on this thread.
    let isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) };
    let inner = isolate.get_slot::<Slot>().and_then(|slot| slot.0.upgrade());
    if let Some(inner) = inner {
        inner.port.interrupted();
        inner.serve();
    }
}

impl Inner {
    /// Does all that waits.
    fn serve(&self) {
        while let Some(command) = self.port.take() {
            self.handle(command);
        }
        if self.port.is_closed() {
            self.end_all();
        }
    }

    fn handle(&self, command: Command) {
        match command {
            Command::Connect { client, output } => {
                self.connect(client, Outlet::new(output, self.urls.maps()));
            }
            Command::Message { client, message } => self.dispatch(client, message),
            Command::Disconnect { client } => self.end(client),
            Command::End => self.end_all(),
        }
    }

    // ----- Sessions. -----

    fn connect(&self, client: ClientId, outlet: Outlet) {
        let Some(v8) = self.v8.borrow().clone() else { return };
        let session = self.with_scope(|_, _| {
            v8.connect(
                CONTEXT_GROUP,
                Channel::new(Box::new(outlet.clone())),
                StringView::empty(),
                V8InspectorClientTrustLevel::FullyTrusted,
            )
        });
        let Some(session) = session else { return };
        self.sessions.borrow_mut().insert(client, Rc::new(Session { v8: session, outlet }));
        self.meter.set_attached(true);
    }

    fn dispatch(&self, client: ClientId, message: String) {
        // Kept while V8 works on the message: it may end the session itself.
        let Some(session) = self.session(client) else { return };
        let (message, enables_debugger) = prepared(message);
        self.with_scope(|_, _| {
            session.v8.dispatch_protocol_message(StringView::from(message.as_bytes()));
            if enables_debugger {
                session.command("Debugger.setBlackboxPatterns", blackbox(Vec::new()));
            }
            drop(session);
        });
    }

    fn session(&self, client: ClientId) -> Option<Rc<Session>> {
        self.sessions.borrow().get(&client).cloned()
    }

    fn end(&self, client: ClientId) {
        let session = self.sessions.borrow_mut().remove(&client);
        let Some(session) = session else { return };
        session.outlet.close();
        self.meter.set_attached(!self.sessions.borrow().is_empty());
        self.with_scope(|_, _| {
            if Rc::strong_count(&session) > 1 {
                // V8 is in the middle of one of its commands, an expression that
                // reached a breakpoint, say: it goes on, then the session goes.
                session.command("Debugger.disable", json!({}));
            }
            drop(session);
        });
    }

    fn end_all(&self) {
        loop {
            let next = self.sessions.borrow().keys().next().copied();
            let Some(client) = next else { return };
            self.end(client);
        }
    }

    // ----- The pause. -----

    /// Serves clients until one of them lets JavaScript go on.
    pub(super) fn pause(&self) {
        self.paused.set(true);
        self.with_isolate(|isolate| self.meter.pause(isolate));
        self.step_through_platform();
        while self.paused.get() {
            match self.port.wait() {
                Some(command) => self.handle(command),
                None => {
                    self.end_all();
                    self.paused.set(false);
                }
            }
        }
        self.meter.resume();
    }

    /// Goes on at once where no debugger was shown the pause.
    fn step_through_platform(&self) {
        let sessions: Vec<_> = self.sessions.borrow().values().cloned().collect();
        let pauses = || sessions.iter().map(|session| session.outlet.pause());
        if pauses().any(|pause| pause == Pause::Shown) {
            return;
        }
        let hidden = sessions.iter().find(|session| session.outlet.pause() == Pause::Hidden);
        if let Some(session) = hidden {
            self.with_scope(|_, _| session.command("Debugger.stepInto", json!({})));
        }
    }

    pub(super) fn go_on(&self) {
        self.paused.set(false);
    }

    pub(super) fn stop_waiting(&self) {
        self.waiting.set(false);
    }

    fn pause_at_next_statement(&self) {
        let sessions: Vec<_> = self.sessions.borrow().values().cloned().collect();
        self.with_scope(|_, _| {
            for session in sessions {
                // Editors know this reason from Node.js.
                let reason = StringView::from(&b"Break on start"[..]);
                session.v8.schedule_pause_on_next_statement(reason, StringView::from(&b"{}"[..]));
            }
        });
    }

    // ----- V8. -----

    /// The Worker's context, in the handle scope that V8 has open.
    pub(super) fn local_context<'s>(&self) -> Option<v8::Local<'s, v8::Context>> {
        let context = self.context.borrow().clone()?;
        // SAFETY: see `attach`.
        let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(self.isolate) };
        let isolate = &mut isolate;
        // SAFETY: V8 calls for this with a handle scope open, on this thread.
        v8::callback_scope!(unsafe scope, isolate);
        let local = v8::Local::new(scope, context);
        // SAFETY: the handle belongs to V8's scope, which outlives the call.
        Some(unsafe { local.extend_lifetime_unchecked() })
    }

    fn with_isolate<T>(&self, act: impl FnOnce(&mut v8::Isolate) -> T) -> T {
        // SAFETY: see `attach`.
        let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(self.isolate) };
        act(&mut isolate)
    }

    /// Enters the Worker's context; nothing once the debugger is gone.
    fn with_scope<T>(
        &self,
        act: impl FnOnce(&mut v8::PinScope, v8::Local<v8::Context>) -> T,
    ) -> Option<T> {
        let context = self.context.borrow().clone()?;
        self.with_isolate(|isolate| {
            v8::scope_with_context!(scope, isolate, &context);
            let context = v8::Local::new(scope, &context);
            Some(act(scope, context))
        })
    }
}

impl Session {
    /// A command of our own.
    fn command(&self, method: &str, params: Value) {
        let message = json!({ "id": OWN_ID, "method": method, "params": params }).to_string();
        self.v8.dispatch_protocol_message(StringView::from(message.as_bytes()));
    }
}

/// The message as V8 shall get it, and whether it switches the debugger on: the
/// platform's scripts are always among those that stepping goes past.
fn prepared(message: String) -> (String, bool) {
    if !message.contains("Debugger.") {
        return (message, false);
    }
    let Ok(mut parsed) = serde_json::from_str::<Value>(&message) else { return (message, false) };
    match parsed["method"].as_str() {
        Some("Debugger.enable") => (message, true),
        Some("Debugger.setBlackboxPatterns") => {
            let Some(patterns) = parsed["params"]["patterns"].as_array().cloned() else {
                return (message, false);
            };
            parsed["params"]["patterns"] = blackbox(patterns)["patterns"].take();
            (parsed.to_string(), false)
        }
        _ => (message, false),
    }
}

fn blackbox(mut patterns: Vec<Value>) -> Value {
    patterns.push(PLATFORM_SCRIPTS.into());
    json!({ "patterns": patterns })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_is_always_blackboxed() {
        let (message, _) = prepared(
            r#"{"id":1,"method":"Debugger.setBlackboxPatterns","params":{"patterns":["^node:"]}}"#
                .into(),
        );
        let message: Value = serde_json::from_str(&message).expect("JSON");
        assert_eq!(message["params"]["patterns"], json!(["^node:", PLATFORM_SCRIPTS]));
        assert_eq!(message["id"], 1);
    }

    #[test]
    fn other_messages_pass_as_they_are() {
        for text in [
            r#"{"id":1,"method":"Runtime.evaluate","params":{"expression":"'Debugger.enable'"}}"#,
            r#"{"id":1,"method":"Debugger.setBlackboxPatterns","params":{}}"#,
            "Debugger. not JSON",
            "[\"Debugger.enable\"]",
        ] {
            assert_eq!(prepared(text.to_owned()), (text.to_owned(), false), "{text}");
        }
        assert!(prepared(r#"{"id":1,"method":"Debugger.enable"}"#.into()).1);
    }
}
