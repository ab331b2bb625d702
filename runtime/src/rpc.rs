//! Channels between isolates: what remote calls from one Worker's isolate to
//! another's travel on. A channel carries messages both ways, whole and in order;
//! a sender waits when the other side does not read. What the messages mean is
//! the platform's affair.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use deno_core::Resource;
use tokio::sync::{Semaphore, mpsc};

use crate::outbound::ServiceTarget;

/// Bytes that may be on their way in one direction, beside the message that
/// exceeds them.
pub const WINDOW_BYTES: usize = 1024 * 1024;
/// What a message counts for at least.
const MIN_COST: usize = 256;

/// A message: what it is, and the value that it carries, as V8 serialized both.
#[derive(Debug)]
pub struct RpcMessage {
    pub head: Vec<u8>,
    pub payload: Option<Vec<u8>>,
    /// Ways to Workers and Durable Objects that the receiver has from now on.
    pub ways: Vec<Arc<ServiceTarget>>,
}

impl RpcMessage {
    fn cost(&self) -> u32 {
        let bytes = self.head.len() + self.payload.as_ref().map_or(0, Vec::len);
        bytes.clamp(MIN_COST, WINDOW_BYTES) as u32
    }
}

/// One end of a channel, on its way to the thread that uses it.
#[derive(Debug)]
pub struct RpcEnd {
    sender: mpsc::UnboundedSender<RpcMessage>,
    receiver: mpsc::UnboundedReceiver<RpcMessage>,
    /// Room in what this end sends, and in what it receives.
    room: Arc<Semaphore>,
    received_room: Arc<Semaphore>,
}

impl RpcEnd {
    /// The two ends of a new channel.
    pub fn pair() -> (Self, Self) {
        let (left, from_left) = mpsc::unbounded_channel();
        let (right, from_right) = mpsc::unbounded_channel();
        let (left_room, right_room) =
            (Arc::new(Semaphore::new(WINDOW_BYTES)), Arc::new(Semaphore::new(WINDOW_BYTES)));
        let one = Self {
            sender: left,
            receiver: from_right,
            room: left_room.clone(),
            received_room: right_room.clone(),
        };
        let other =
            Self { sender: right, receiver: from_left, room: right_room, received_room: left_room };
        (one, other)
    }

    /// The end as the ops of its isolate use it.
    pub fn open(self) -> RpcChannel {
        RpcChannel {
            sender: RefCell::new(Some(self.sender)),
            receiver: RefCell::new(Some(self.receiver)),
            ready: RefCell::default(),
            ways: RefCell::default(),
            room: self.room,
            received_room: self.received_room,
            waits: Cell::new(false),
            closed: tokio::sync::Notify::new(),
        }
    }
}

/// An open end of a channel. Dropping or closing it ends the other side's
/// reading, after what was sent before.
pub struct RpcChannel {
    sender: RefCell<Option<mpsc::UnboundedSender<RpcMessage>>>,
    receiver: RefCell<Option<mpsc::UnboundedReceiver<RpcMessage>>>,
    /// Messages that were received and not taken.
    ready: RefCell<VecDeque<RpcMessage>>,
    /// What goes along with the next message.
    ways: RefCell<Vec<Arc<ServiceTarget>>>,
    room: Arc<Semaphore>,
    received_room: Arc<Semaphore>,
    waits: Cell<bool>,
    closed: tokio::sync::Notify,
}

impl RpcChannel {
    /// Sends a way along with the next message that is tried.
    pub fn attach(&self, way: Arc<ServiceTarget>) {
        self.ways.borrow_mut().push(way);
    }

    /// What was attached since.
    pub fn take_attached(&self) -> Vec<Arc<ServiceTarget>> {
        self.ways.take()
    }

    /// Sends a message, or gives it back when there is no room for it now. On a
    /// closed channel it goes nowhere.
    ///
    /// # Errors
    /// The message, when [`RpcChannel::writable`] should be waited for.
    pub fn send(&self, message: RpcMessage) -> Result<(), RpcMessage> {
        match self.room.try_acquire_many(message.cost()) {
            Ok(permit) => permit.forget(),
            Err(_) => return Err(message),
        }
        if let Some(sender) = &*self.sender.borrow() {
            // A reader that is gone is noticed where this end reads.
            let _ = sender.send(message);
        }
        Ok(())
    }

    /// Waits until a message of any size may be sent, or the channel is closed.
    pub async fn writable(&self) {
        let room = self.room.clone();
        tokio::select! {
            permit = room.acquire_many(WINDOW_BYTES as u32) => drop(permit),
            () = self.closed.notified() => {}
            () = self.reader_gone() => {}
        }
    }

    async fn reader_gone(&self) {
        let sender = self.sender.borrow().clone();
        if let Some(sender) = sender {
            sender.closed().await;
        }
    }

    /// Waits for messages; `false` when no more come.
    pub async fn receive(&self) -> bool {
        if !self.ready.borrow().is_empty() {
            return true;
        }
        if self.waits.replace(true) {
            return false;
        }
        let Some(mut receiver) = self.receiver.borrow_mut().take() else { return false };
        let first = tokio::select! {
            message = receiver.recv() => message,
            () = self.closed.notified() => None,
        };
        self.waits.set(false);
        let Some(first) = first else { return false };
        let mut ready = self.ready.borrow_mut();
        ready.push_back(first);
        // The sender waits for room, so that these are few.
        while let Ok(message) = receiver.try_recv() {
            ready.push_back(message);
        }
        drop(ready);
        *self.receiver.borrow_mut() = Some(receiver);
        true
    }

    /// A message that was received.
    pub fn take(&self) -> Option<RpcMessage> {
        let message = self.ready.borrow_mut().pop_front()?;
        self.received_room.add_permits(message.cost() as usize);
        Some(message)
    }

    /// Nothing goes either way any more.
    pub fn close(&self) {
        self.sender.borrow_mut().take();
        self.receiver.borrow_mut().take();
        self.ready.borrow_mut().clear();
        self.closed.notify_waiters();
        // Who begins to wait later shall not.
        self.closed.notify_one();
    }
}

impl Resource for RpcChannel {
    fn name(&self) -> Cow<'_, str> {
        "rpcChannel".into()
    }

    fn close(self: Rc<Self>) {
        RpcChannel::close(&self);
    }
}

#[cfg(test)]
mod tests;
