//! WebSockets that stay while their object leaves memory
//! (<https://developers.cloudflare.com/durable-objects/best-practices/websockets/>).
//!
//! An object that is evicted leaves here what its sockets need until a message
//! wakes it: whose they are, their tags, what was attached, and the answer that
//! goes out without waking anybody. None of it is in V8.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use deno_core::OpState;
use selvedge_runtime::IsolateState;
use selvedge_runtime::log::unix_millis;
use selvedge_runtime::websocket::{WebSocketEvent, WebSocketId};

use crate::id::ObjectId;

/// Sockets that one object may have accepted
/// (<https://developers.cloudflare.com/durable-objects/api/state/#acceptwebsocket>).
pub(crate) const MAX_SOCKETS: usize = 32_768;

/// Whose a socket is: the namespace's id, and the object's.
pub(crate) type Owner = (Arc<str>, ObjectId);

/// What stays of a socket.
#[derive(Debug, Default)]
pub(crate) struct Socket {
    pub(crate) tags: Box<[Box<str>]>,
    /// A value in V8's serialization format; empty: none.
    pub(crate) attachment: Box<[u8]>,
    /// When the automatic answer was last sent, in Unix milliseconds.
    pub(crate) answered: Option<f64>,
}

/// A message and what answers it.
#[derive(Debug, Clone)]
pub(crate) struct AutoResponse {
    pub(crate) request: Box<str>,
    pub(crate) response: Box<str>,
}

#[derive(Default)]
struct Group {
    /// In the order in which they were accepted.
    sockets: Vec<WebSocketId>,
    auto_response: Option<Rc<AutoResponse>>,
}

/// The hibernating sockets of an isolate.
#[derive(Default)]
pub(crate) struct Sockets {
    sockets: HashMap<WebSocketId, (Rc<Owner>, Socket)>,
    groups: HashMap<Rc<Owner>, Group>,
}

impl Sockets {
    /// The table of this isolate, which is made with its first socket.
    pub(crate) fn of(state: &mut OpState) -> Rc<RefCell<Self>> {
        if let Some(table) = state.try_borrow::<Rc<RefCell<Self>>>() {
            return table.clone();
        }
        let table = Rc::new(RefCell::new(Self::default()));
        state.put(table.clone());
        let isolate = state.borrow::<Rc<IsolateState>>();
        let filter = table.clone();
        isolate.set_socket_filter(Box::new(move |isolate, id, event| {
            filter.borrow_mut().answer(isolate, id, event)
        }));
        table
    }

    /// Answers a message that has an automatic response; `false`: it is for the
    /// object.
    fn answer(&mut self, isolate: &IsolateState, id: WebSocketId, event: &WebSocketEvent) -> bool {
        let WebSocketEvent::Text(text) = event else { return false };
        let Some((owner, socket)) = self.sockets.get_mut(&id) else { return false };
        let group = self.groups.get(owner);
        let Some(auto) = group.and_then(|group| group.auto_response.as_ref()) else { return false };
        if **text != *auto.request {
            return false;
        }
        socket.answered = Some(unix_millis());
        isolate.with_socket(id, |sink| sink.send_text(&auto.response));
        true
    }

    /// Adds a socket of an object; `false` when it has too many.
    pub(crate) fn add(&mut self, owner: Owner, id: WebSocketId, socket: Socket) -> bool {
        let owner = match self.groups.get_key_value(&owner) {
            Some((owner, _)) => owner.clone(),
            None => Rc::new(owner),
        };
        let group = self.groups.entry(owner.clone()).or_default();
        if group.sockets.len() >= MAX_SOCKETS {
            return false;
        }
        group.sockets.push(id);
        self.sockets.insert(id, (owner, socket));
        true
    }

    /// Forgets a socket.
    pub(crate) fn remove(&mut self, id: WebSocketId) {
        let Some((owner, _)) = self.sockets.remove(&id) else { return };
        if let Some(group) = self.groups.get_mut(&owner) {
            group.sockets.retain(|other| *other != id);
            if group.sockets.is_empty() && group.auto_response.is_none() {
                self.groups.remove(&owner);
            }
        }
    }

    /// Whose a socket is.
    pub(crate) fn owner(&self, id: WebSocketId) -> Option<&Owner> {
        self.sockets.get(&id).map(|(owner, _)| &**owner)
    }

    pub(crate) fn get(&self, id: WebSocketId) -> Option<&Socket> {
        self.sockets.get(&id).map(|(_, socket)| socket)
    }

    pub(crate) fn get_mut(&mut self, id: WebSocketId) -> Option<&mut Socket> {
        self.sockets.get_mut(&id).map(|(_, socket)| socket)
    }

    /// The sockets of an object.
    pub(crate) fn of_object(&self, owner: &Owner) -> &[WebSocketId] {
        self.groups.get(owner).map_or(&[], |group| &group.sockets)
    }

    /// Forgets an object; gives its sockets.
    pub(crate) fn remove_object(&mut self, owner: &Owner) -> Vec<WebSocketId> {
        let ids = self.groups.remove(owner).map(|group| group.sockets).unwrap_or_default();
        for id in &ids {
            self.sockets.remove(id);
        }
        ids
    }

    pub(crate) fn auto_response(&self, owner: &Owner) -> Option<Rc<AutoResponse>> {
        self.groups.get(owner)?.auto_response.clone()
    }

    pub(crate) fn set_auto_response(&mut self, owner: Owner, pair: Option<AutoResponse>) {
        if let Some(pair) = pair {
            let group = self.groups.entry(Rc::new(owner)).or_default();
            group.auto_response = Some(Rc::new(pair));
            return;
        }
        let Some(group) = self.groups.get_mut(&owner) else { return };
        group.auto_response = None;
        if group.sockets.is_empty() {
            self.groups.remove(&owner);
        }
    }
}
