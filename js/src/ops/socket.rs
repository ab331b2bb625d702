//! TCP sockets. A socket is a resource whose two directions are used at once.

use std::any::Any;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use deno_core::convert::Uint8Array;
use deno_core::{
    AsyncRefCell, CancelHandle, CancelTryFuture as _, JsBuffer, OpState, RcRef, Resource,
    ResourceId, op2,
};
use deno_error::JsErrorBox;
use selvedge_runtime::Operation;
use selvedge_runtime::outbound::{ConnectRequest, OutboundSocket, SocketStream, VirtualHosts};
use selvedge_runtime::pipe::Ending;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};

use super::isolate;

/// As much is read at once.
const READ_BYTES: usize = 64 * 1024;

type Io = Box<dyn SocketStream>;

struct Socket {
    reader: AsyncRefCell<Option<ReadHalf<Io>>>,
    writer: AsyncRefCell<Option<WriteHalf<Io>>>,
    slot: Cell<Option<Box<dyn Any>>>,
    /// Of one in memory: what tells the other end that it got all there was.
    ending: Option<Ending>,
    cancel: Rc<CancelHandle>,
}

impl Resource for Socket {
    fn name(&self) -> Cow<'_, str> {
        "socket".into()
    }

    fn close(self: Rc<Self>) {
        self.cancel.cancel();
        self.slot.take();
        // What an op still holds goes when it ends.
        let cell = RcRef::map(self.clone(), |this| &this.reader);
        if let Some(mut reader) = cell.try_borrow_mut() {
            *reader = None;
        }
        let cell = RcRef::map(self, |this| &this.writer);
        if let Some(mut writer) = cell.try_borrow_mut() {
            *writer = None;
        }
    }
}

pub(super) fn keep(state: &mut OpState, socket: OutboundSocket) -> ResourceId {
    let (reader, writer) = tokio::io::split(socket.io);
    state.resource_table.add(Socket {
        reader: AsyncRefCell::new(Some(reader)),
        writer: AsyncRefCell::new(Some(writer)),
        slot: Cell::new(Some(socket.slot)),
        ending: socket.ending,
        cancel: CancelHandle::new_rc(),
    })
}

fn gone() -> JsErrorBox {
    JsErrorBox::type_error("This socket is closed.")
}

fn lost(error: std::io::Error) -> JsErrorBox {
    tracing::debug!(%error, "socket lost");
    JsErrorBox::generic("Network connection lost.")
}

fn socket(state: &OpState, rid: ResourceId) -> Result<Rc<Socket>, JsErrorBox> {
    state.resource_table.get::<Socket>(rid).map_err(|_| gone())
}

/// Opens a connection.
#[op2]
#[smi]
pub(crate) async fn op_socket_connect(
    state: Rc<RefCell<OpState>>,
    #[smi] slot: u32,
    #[string] host: String,
    #[smi] port: u16,
    tls: bool,
) -> Result<ResourceId, JsErrorBox> {
    let isolate = isolate(&state.borrow());
    let virtual_host =
        state.borrow().try_borrow::<VirtualHosts>().and_then(|it| it.find(&host, port));
    if let Some(door) = virtual_host {
        isolate.count_subrequest(slot).map_err(JsErrorBox::from_err)?;
        isolate.count_operation(Operation::HyperdriveConnect);
        if tls {
            let text = "TLS is not supported here: the connection does not leave the server";
            return Err(JsErrorBox::generic(text));
        }
        let socket = OutboundSocket::new(door.connect(), ());
        return Ok(keep(&mut state.borrow_mut(), socket));
    }
    let outbound =
        isolate.outbound().ok_or_else(|| JsErrorBox::type_error("this Worker has no way out"))?;
    let request = ConnectRequest { host, port, tls, context: slot };
    let result = outbound.connect(isolate.clone(), request).await;
    isolate.mark_resumed(slot);
    let socket = result.map_err(JsErrorBox::from_err)?;
    Ok(keep(&mut state.borrow_mut(), socket))
}

/// What arrives next; nothing is the end.
#[op2]
pub(crate) async fn op_socket_read(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
) -> Result<Uint8Array, JsErrorBox> {
    let (socket, isolate) = {
        let state = state.borrow();
        (socket(&state, rid)?, isolate(&state))
    };
    let cancel = socket.cancel.clone();
    let read = async {
        let mut reader = RcRef::map(socket, |this| &this.reader).borrow_mut().await;
        let mut bytes = Vec::with_capacity(READ_BYTES);
        match reader.as_mut() {
            Some(reader) => reader.read_buf(&mut bytes).await.map_err(lost)?,
            None => return Err(gone()),
        };
        bytes.shrink_to_fit();
        Ok(Uint8Array::from(bytes))
    };
    let result = read.try_or_cancel(cancel).await;
    isolate.mark_resumed(slot);
    result
}

/// Sends bytes; settles when the system has them.
#[op2]
pub(crate) async fn op_socket_write(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[buffer] bytes: JsBuffer,
) -> Result<(), JsErrorBox> {
    let (socket, isolate) = {
        let state = state.borrow();
        (socket(&state, rid)?, isolate(&state))
    };
    let cancel = socket.cancel.clone();
    let write = async {
        let mut writer = RcRef::map(socket, |this| &this.writer).borrow_mut().await;
        let Some(writer) = writer.as_mut() else { return Err(gone()) };
        writer.write_all(&bytes).await.map_err(lost)?;
        writer.flush().await.map_err(lost)
    };
    let result = write.try_or_cancel(cancel).await;
    isolate.mark_resumed(slot);
    result
}

/// Tells the other end that nothing more comes.
#[op2]
pub(crate) async fn op_socket_shutdown(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
) -> Result<(), JsErrorBox> {
    let (socket, isolate) = {
        let state = state.borrow();
        (socket(&state, rid)?, isolate(&state))
    };
    let cancel = socket.cancel.clone();
    let end = async {
        let mut writer = RcRef::map(socket, |this| &this.writer).borrow_mut().await;
        let Some(writer) = writer.as_mut() else { return Err(gone()) };
        writer.shutdown().await.map_err(lost)
    };
    let result = end.try_or_cancel(cancel).await;
    isolate.mark_resumed(slot);
    result
}

/// Encrypts a connection from here on: a new socket in place of the old one.
#[op2]
#[smi]
pub(crate) async fn op_socket_start_tls(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] host: String,
) -> Result<ResourceId, JsErrorBox> {
    let (socket, isolate) = {
        let mut state = state.borrow_mut();
        let socket = state.resource_table.take::<Socket>(rid).map_err(|_| gone())?;
        (socket, isolate(&state))
    };
    let outbound =
        isolate.outbound().ok_or_else(|| JsErrorBox::type_error("this Worker has no way out"))?;
    // A read that waits takes nothing with it.
    socket.cancel.cancel();
    let reader = RcRef::map(socket.clone(), |this| &this.reader).borrow_mut().await.take();
    let writer = RcRef::map(socket.clone(), |this| &this.writer).borrow_mut().await.take();
    let (Some(reader), Some(writer), Some(open)) = (reader, writer, socket.slot.take()) else {
        return Err(gone());
    };
    let plain = OutboundSocket { io: reader.unsplit(writer), slot: open, ending: None };
    let result = outbound.start_tls(plain, host).await;
    isolate.mark_resumed(slot);
    let encrypted = result.map_err(JsErrorBox::from_err)?;
    Ok(keep(&mut state.borrow_mut(), encrypted))
}

/// Closes a socket when all is sent; what it waits for fails. (One that is closed in
/// another way is lost, which who is at the other end of one in memory learns.)
#[op2(fast)]
pub(crate) fn op_socket_close(state: &mut OpState, #[smi] rid: ResourceId) {
    if let Ok(socket) = state.resource_table.take::<Socket>(rid) {
        if let Some(ending) = &socket.ending {
            ending.well();
        }
        socket.close();
    }
}
