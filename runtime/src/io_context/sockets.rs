//! The WebSockets of an isolate.

use super::{IsolateState, SocketFilter};
use crate::memory::HeldBytes;
use crate::websocket::{WebSocketEvent, WebSocketId, WebSocketSink};

impl IsolateState {
    // ----- WebSockets. -----

    /// A number for a new WebSocket.
    pub fn new_socket_id(&self) -> WebSocketId {
        let id = self.next_socket.get();
        self.next_socket.set(id.wrapping_add(1).max(1));
        id
    }

    /// Keeps the way out of a WebSocket.
    pub fn insert_socket(&self, id: WebSocketId, mut sink: Box<dyn WebSocketSink>) {
        self.count_sink(&mut *sink);
        self.sockets.borrow_mut().insert(id, sink);
    }

    /// Counts what waits in a socket with the isolate's memory.
    pub(super) fn count_sink(&self, sink: &mut dyn WebSocketSink) {
        if let Some(account) = self.held_bytes() {
            sink.count(account);
        }
    }

    /// An account for bytes that somebody holds for the isolate's JavaScript;
    /// none before the isolate is there.
    pub fn held_bytes(&self) -> Option<HeldBytes> {
        self.memory.get().map(|memory| HeldBytes::new(memory.clone()))
    }

    /// Sets what sees messages first. Only one can.
    pub fn set_socket_filter(&self, filter: SocketFilter) {
        let _ = self.socket_filter.set(filter);
    }

    /// Whether somebody took what arrived, so that JavaScript need not run.
    pub(crate) fn filter_socket(&self, id: WebSocketId, event: &WebSocketEvent) -> bool {
        self.socket_filter.get().is_some_and(|filter| filter(self, id, event))
    }

    /// Does something with a WebSocket, if it is still open.
    pub fn with_socket<T>(
        &self,
        id: WebSocketId,
        act: impl FnOnce(&mut dyn WebSocketSink) -> T,
    ) -> Option<T> {
        self.sockets.borrow_mut().get_mut(&id).map(|sink| act(&mut **sink))
    }

    /// Forgets a WebSocket; its connection closes when it has not yet.
    pub fn remove_socket(&self, id: WebSocketId) {
        let sink = self.sockets.borrow_mut().remove(&id);
        drop(sink);
    }

    /// Closes all WebSockets.
    pub(crate) fn close_sockets(&self) {
        let sockets = std::mem::take(&mut *self.sockets.borrow_mut());
        drop(sockets);
    }

    /// How many WebSockets are open.
    pub fn open_sockets(&self) -> usize {
        self.sockets.borrow().len()
    }
}
