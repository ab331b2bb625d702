//! The way from the threads of clients to the thread of an isolate, which may
//! sleep, run JavaScript, or be paused in it.

use std::collections::VecDeque;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::task::Waker;

use deno_core::v8;
use futures::task::AtomicWaker;

use super::{ClientId, Output};

/// What V8 calls on the isolate's thread when it was asked to.
pub(super) type InterruptCallback =
    unsafe extern "C" fn(isolate: v8::UnsafeRawIsolatePtr, data: *mut c_void);

/// What the isolate's thread is told.
pub(super) enum Command {
    Connect {
        client: ClientId,
        output: Output,
    },
    Message {
        client: ClientId,
        message: String,
    },
    Disconnect {
        client: ClientId,
    },
    /// All clients.
    End,
}

/// The inbox of one isolate.
pub(super) struct Port {
    inbox: Mutex<Inbox>,
    arrived: Condvar,
    waker: AtomicWaker,
    isolate: v8::IsolateHandle,
    /// Called by V8 when it runs JavaScript and there is mail.
    on_interrupt: InterruptCallback,
    /// Whether V8 was asked to call it, and has not yet.
    interrupting: AtomicBool,
}

#[derive(Default)]
struct Inbox {
    commands: VecDeque<Command>,
    closed: bool,
}

impl Port {
    pub(super) fn new(isolate: v8::IsolateHandle, on_interrupt: InterruptCallback) -> Self {
        Self {
            inbox: Mutex::default(),
            arrived: Condvar::new(),
            waker: AtomicWaker::new(),
            isolate,
            on_interrupt,
            interrupting: AtomicBool::new(false),
        }
    }

    // ----- The side of the clients. -----

    /// Adds a command; `false`: the isolate takes none any more.
    pub(super) fn push(&self, command: Command) -> bool {
        {
            let mut inbox = self.inbox();
            if inbox.closed {
                return false;
            }
            inbox.commands.push_back(command);
        }
        self.call();
        true
    }

    pub(super) fn end_clients(&self) {
        self.push(Command::End);
    }

    /// Ends all clients and takes no more commands.
    pub(super) fn close(&self) {
        self.inbox().closed = true;
        self.call();
    }

    /// Reaches the isolate's thread, whatever it does.
    fn call(&self) {
        self.arrived.notify_all();
        self.waker.wake();
        if !self.interrupting.swap(true, Ordering::SeqCst) {
            // Nothing is passed along: V8 hands over the isolate, which knows.
            self.isolate.request_interrupt(self.on_interrupt, std::ptr::null_mut::<c_void>());
        }
    }

    // ----- The side of the isolate. -----

    /// Notes that V8 called.
    pub(super) fn interrupted(&self) {
        self.interrupting.store(false, Ordering::SeqCst);
    }

    /// Wakes the isolate's task with the next command.
    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// Whether there is something to do.
    pub(super) fn has_mail(&self) -> bool {
        let inbox = self.inbox();
        !inbox.commands.is_empty() || inbox.closed
    }

    /// The next command. Once the port is closed there is none.
    pub(super) fn take(&self) -> Option<Command> {
        let mut inbox = self.inbox();
        if inbox.closed { None } else { inbox.commands.pop_front() }
    }

    /// Waits for the next command; `None`: the port was closed.
    pub(super) fn wait(&self) -> Option<Command> {
        let mut inbox = self.inbox();
        loop {
            if inbox.closed {
                return None;
            }
            if let Some(command) = inbox.commands.pop_front() {
                return Some(command);
            }
            inbox = self.arrived.wait(inbox).unwrap_or_else(|poison| poison.into_inner());
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.inbox().closed
    }

    /// Drops what nobody will take: the outputs of clients that came too late.
    pub(super) fn clear(&self) {
        let commands = std::mem::take(&mut self.inbox().commands);
        drop(commands);
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(|poison| poison.into_inner())
    }
}
