//! The seam for debuggers: messages of the Chrome DevTools protocol, in and out.
//!
//! An [`Inspector`] is what a debugger connects to, for as long as the server
//! runs. Isolates come and go behind it: each one attaches when it gets its
//! Worker, and the newest takes the clients that connect from then on. A client
//! never moves: when the isolate that it talks to is replaced, it is told that
//! the execution context is gone, and its connection ends.
//!
//! V8's own inspector answers. It is driven from here and not by deno_core's,
//! which cannot stop at a breakpoint while it evaluates an expression, and does
//! not tell when JavaScript is paused: the meter must know.

mod client;
mod debugger;
mod port;
mod script_urls;

use std::sync::{Arc, Mutex, MutexGuard};

use port::{Command, Port};

pub(crate) use debugger::{Debugger, ExceptionReporter};

/// Names a client of an [`Inspector`].
type ClientId = u32;

/// Takes the messages of V8's for one client: responses and notifications, each
/// a JSON object. It is called on the isolate's thread and must not block. It is
/// dropped when the isolate will say no more.
pub type Output = Box<dyn FnMut(String) + Send>;

/// What a Worker waits for before its global scope runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InspectorStart {
    /// Nothing.
    #[default]
    AtOnce,
    /// A client that says `Runtime.runIfWaitingForDebugger`, which debuggers do
    /// once they have set their breakpoints.
    WhenConnected,
    /// The same; then the Worker is paused at its first statement.
    Paused,
}

/// The one place that debuggers of a Worker connect to.
#[derive(Clone)]
pub struct Inspector(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What the first isolate waits for.
    start: InspectorStart,
    /// The isolates that can be debugged, the newest last.
    ports: Vec<Arc<Port>>,
    last_client: ClientId,
    closed: bool,
}

impl Inspector {
    /// An inspector without an isolate yet. `start` is for the first Worker that
    /// starts: when another one takes its place, nobody waits again.
    pub fn new(start: InspectorStart) -> Self {
        let state = State { start, ..State::default() };
        Self(Arc::new(Shared { state: Mutex::new(state) }))
    }

    /// Connects a client to the newest isolate. `None`: there is no isolate
    /// right now, or the inspector was closed.
    pub fn connect(&self, output: Output) -> Option<InspectorClient> {
        let (port, id) = {
            let mut state = self.state();
            let port = state.ports.last()?.clone();
            state.last_client = state.last_client.wrapping_add(1);
            (port, state.last_client)
        };
        let connected = port.push(Command::Connect { client: id, output });
        connected.then_some(InspectorClient { port, id })
    }

    /// Whether [`Inspector::close`] was called: nobody can connect any more.
    pub fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Ends all clients and takes no further ones. JavaScript that is paused, or
    /// waits for a debugger, goes on.
    pub fn close(&self) {
        let ports = {
            let mut state = self.state();
            state.closed = true;
            std::mem::take(&mut state.ports)
        };
        for port in ports {
            port.close();
        }
    }

    /// What the Worker that starts now waits for.
    pub(crate) fn take_start(&self) -> InspectorStart {
        std::mem::take(&mut self.state().start)
    }

    /// An isolate takes the place of the others; their clients are ended.
    fn attach(&self, port: &Arc<Port>) {
        let others = {
            let mut state = self.state();
            if state.closed {
                drop(state);
                port.close();
                return;
            }
            let others = state.ports.clone();
            state.ports.push(port.clone());
            others
        };
        for other in others {
            other.end_clients();
        }
    }

    /// An isolate ends. If a former one still lives, clients get that again.
    fn detach(&self, port: &Arc<Port>) {
        self.state().ports.retain(|other| !Arc::ptr_eq(other, port));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(|poison| poison.into_inner())
    }
}

/// A client that is connected. Dropping it disconnects: what it had paused goes
/// on, and its breakpoints are removed.
pub struct InspectorClient {
    port: Arc<Port>,
    id: ClientId,
}

impl InspectorClient {
    /// Hands a message, one JSON object, to the isolate.
    pub fn send(&self, message: String) {
        self.port.push(Command::Message { client: self.id, message });
    }
}

impl Drop for InspectorClient {
    fn drop(&mut self) {
        self.port.push(Command::Disconnect { client: self.id });
    }
}
