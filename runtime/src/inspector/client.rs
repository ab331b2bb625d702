//! What V8's inspector calls: the pause, and the way out of a session.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::{Rc, Weak};

use deno_core::v8;
use v8::inspector::{ChannelImpl, StringBuffer, StringView, V8InspectorClientImpl};

use super::Output;
use super::debugger::Inner;
use super::script_urls::SourceMaps;

/// The id of commands that are sent to V8 from here; their answers go nowhere.
pub(super) const OWN_ID: i32 = i32::MIN + 1;

/// V8's view of the embedder.
pub(super) struct Client(pub(super) Weak<Inner>);

impl V8InspectorClientImpl for Client {
    fn run_message_loop_on_pause(&self, _group: i32) {
        if let Some(inner) = self.0.upgrade() {
            inner.pause();
        }
    }

    fn quit_message_loop_on_pause(&self) {
        if let Some(inner) = self.0.upgrade() {
            inner.go_on();
        }
    }

    fn run_if_waiting_for_debugger(&self, _group: i32) {
        if let Some(inner) = self.0.upgrade() {
            inner.stop_waiting();
        }
    }

    fn ensure_default_context_in_group(&self, _group: i32) -> Option<v8::Local<'_, v8::Context>> {
        self.0.upgrade()?.local_context()
    }

    fn resource_name_to_url(&self, name: &StringView) -> Option<v8::UniquePtr<StringBuffer>> {
        let inner = self.0.upgrade()?;
        let url = inner.urls.file(&text_of(name))?;
        Some(StringBuffer::create(StringView::from(url.as_bytes())))
    }
}

/// Where the messages of a session go, until it ends.
///
/// V8 is told to step past the platform's scripts, and does so with those that
/// were loaded late; what came out of the startup snapshot it does not connect
/// with the context. A step that ends there is hidden from the debugger here,
/// and goes on.
#[derive(Clone)]
pub(super) struct Outlet(Rc<State>);

struct State {
    output: RefCell<Option<Output>>,
    /// The ids of the platform's scripts.
    platform: RefCell<HashSet<String>>,
    maps: Rc<SourceMaps>,
    pause: Cell<Pause>,
}

/// What a debugger knows of the present pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    /// There is none, or V8 did not tell this session.
    Unknown,
    Shown,
    /// It is within the platform: nobody wants to stop there.
    Hidden,
}

impl Outlet {
    pub(super) fn new(output: Output, maps: Rc<SourceMaps>) -> Self {
        Self(Rc::new(State {
            output: RefCell::new(Some(output)),
            platform: RefCell::default(),
            maps,
            pause: Cell::new(Pause::Unknown),
        }))
    }

    /// Says no more: the client learns that its session is over.
    pub(super) fn close(&self) {
        let output = self.0.output.borrow_mut().take();
        drop(output);
    }

    pub(super) fn pause(&self) -> Pause {
        self.0.pause.get()
    }

    fn send(&self, message: String) {
        if let Some(output) = &mut *self.0.output.borrow_mut() {
            output(message);
        }
    }

    /// Whether a step ended in the platform.
    fn is_step_in_platform(&self, paused: &str) -> bool {
        let Ok(event) = serde_json::from_str::<serde_json::Value>(paused) else { return false };
        let params = &event["params"];
        let is_step = matches!(params["reason"].as_str(), Some("other" | "step"))
            && params["hitBreakpoints"].as_array().is_none_or(Vec::is_empty);
        let script = params["callFrames"][0]["location"]["scriptId"].as_str();
        is_step && script.is_some_and(|id| self.0.platform.borrow().contains(id))
    }
}

const PAUSED: &str = r#"{"method":"Debugger.paused","#;
const RESUMED: &str = r#"{"method":"Debugger.resumed","#;
const PARSED: &str = r#"{"method":"Debugger.scriptParsed","#;

impl ChannelImpl for Outlet {
    fn send_response(&self, id: i32, message: v8::UniquePtr<StringBuffer>) {
        if id != OWN_ID
            && let Some(message) = message.as_ref()
        {
            self.send(text_of(&message.string()));
        }
    }

    fn send_notification(&self, message: v8::UniquePtr<StringBuffer>) {
        let Some(message) = message.as_ref().map(|message| text_of(&message.string())) else {
            return;
        };
        if message.starts_with(PAUSED) {
            if self.is_step_in_platform(&message) {
                self.0.pause.set(Pause::Hidden);
                return;
            }
            self.0.pause.set(Pause::Shown);
        } else if message.starts_with(RESUMED) {
            if self.0.pause.replace(Pause::Unknown) == Pause::Hidden {
                return;
            }
        } else if message.starts_with(PARSED)
            && let Ok(mut event) = serde_json::from_str::<serde_json::Value>(&message)
            && let Some(url) = event["params"]["url"].as_str()
        {
            if url.starts_with("ext:") {
                if let Some(id) = event["params"]["scriptId"].as_str() {
                    self.0.platform.borrow_mut().insert(id.to_owned());
                }
            } else if let Some(map) = self.0.maps.get(url) {
                event["params"]["sourceMapURL"] = map.as_str().into();
                self.send(event.to_string());
                return;
            }
        }
        self.send(message);
    }

    fn flush_protocol_notifications(&self) {}
}

/// V8's JSON is ASCII; names may be anything.
fn text_of(view: &StringView) -> String {
    match view.characters8() {
        Some(bytes) if bytes.is_ascii() => String::from_utf8_lossy(bytes).into_owned(),
        _ => view.to_string(),
    }
}
