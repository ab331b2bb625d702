//! `put`: of text, of bytes, and of a body that is taken piece by piece.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use deno_core::{CancelHandle, CancelTryFuture as _, OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::body::BodyResource;
use selvedge_runtime::{IsolateState, Span};

use super::{Handle, Reserved, count, handle, isolate, refused};
use crate::namespace::{self, Operation, PutOptions};
use crate::store::Attributes;

/// A body that ends before this is put in one go: 64 KiB.
const WHOLE_BYTES: usize = 64 * 1024;

/// A number that JavaScript made whole; not a number stands for none.
pub(super) fn whole(number: f64) -> Option<i64> {
    (!number.is_nan()).then_some(number as i64)
}

/// A write that may begin: all but its value is checked.
struct Write {
    handle: Rc<Handle>,
    isolate: Rc<IsolateState>,
    slot: u32,
    key: String,
    attributes: Attributes,
}

impl Write {
    fn new(
        state: &OpState,
        rid: ResourceId,
        slot: u32,
        key: String,
        options: PutOptions,
    ) -> Result<Self, JsErrorBox> {
        let handle = handle(state, rid)?;
        namespace::check_key(Operation::Put, &key).map_err(refused)?;
        let attributes = options.attributes(handle.namespace.now()).map_err(refused)?;
        let isolate = isolate(state).clone();
        Ok(Self { handle, isolate, slot, key, attributes })
    }

    /// Counts the call; from here on, the world outside sees something of the
    /// request.
    fn begin(&self, state: &OpState) -> Result<Option<Span>, JsErrorBox> {
        let span = count(state, self.slot, selvedge_runtime::Operation::KvPut)?;
        self.isolate.touch(self.slot);
        Ok(span)
    }

    fn reserve(&self, bytes: usize) -> Result<Reserved, JsErrorBox> {
        let limit = self.isolate.worker().limits.memory_bytes as u64;
        self.handle.writing.reserve(bytes as u64, limit).map_err(refused)
    }

    async fn whole(self, value: Bytes) -> Result<(), JsErrorBox> {
        let _reserved = self.reserve(value.len())?;
        let result = self.handle.namespace.store().put(self.key, value, self.attributes).await;
        self.isolate.mark_resumed(self.slot);
        self.handle.check(Operation::Put, result)
    }

    /// Takes a value piece by piece; a small one goes in one go.
    async fn body(self, body: Rc<BodyResource>) -> Result<(), JsErrorBox> {
        let mut bytes = 0;
        let mut first = BytesMut::new();
        while let Some(piece) = body.clone().next_piece().await? {
            bytes += piece.len() as u64;
            namespace::check_value(bytes).map_err(refused)?;
            first.extend_from_slice(&piece);
            if first.len() > WHOLE_BYTES {
                return self.pieces(body, first.freeze(), bytes).await;
            }
        }
        self.whole(first.freeze()).await
    }

    async fn pieces(
        self,
        body: Rc<BodyResource>,
        first: Bytes,
        mut bytes: u64,
    ) -> Result<(), JsErrorBox> {
        let check = |result| self.handle.check(Operation::Put, result);
        let mut writer = self.handle.namespace.store().put_pieces(self.key, self.attributes);
        check(writer.write(first).await)?;
        while let Some(piece) = body.clone().next_piece().await? {
            bytes += piece.len() as u64;
            namespace::check_value(bytes).map_err(refused)?;
            check(writer.write(piece).await)?;
        }
        let result = writer.commit().await;
        self.isolate.mark_resumed(self.slot);
        check(result)
    }
}

fn options(expiration: f64, expiration_ttl: f64, metadata: Option<String>) -> PutOptions {
    PutOptions {
        expiration: whole(expiration),
        expiration_ttl: whole(expiration_ttl),
        metadata: metadata.map(String::into_boxed_str),
    }
}

/// Sets a key to text. Numbers that are none stand for what was not given.
#[op2]
pub(crate) async fn op_kv_put_text(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] key: String,
    #[string] value: String,
    expiration: f64,
    expiration_ttl: f64,
    #[string] metadata: Option<String>,
) -> Result<(), JsErrorBox> {
    let options = options(expiration, expiration_ttl, metadata);
    let write = Write::new(&state.borrow(), rid, slot, key, options)?;
    namespace::check_value(value.len() as u64).map_err(refused)?;
    let _span = write.begin(&state.borrow())?;
    write.whole(value.into()).await
}

/// Sets a key to bytes, which are copied before this returns.
#[op2]
pub(crate) async fn op_kv_put_bytes(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] key: String,
    #[buffer(copy)] value: Bytes,
    expiration: f64,
    expiration_ttl: f64,
    #[string] metadata: Option<String>,
) -> Result<(), JsErrorBox> {
    let options = options(expiration, expiration_ttl, metadata);
    let write = Write::new(&state.borrow(), rid, slot, key, options)?;
    namespace::check_value(value.len() as u64).map_err(refused)?;
    let _span = write.begin(&state.borrow())?;
    write.whole(value).await
}

/// A write of a body. Its request owns it: closing it ends the write.
struct BodyWrite {
    write: RefCell<Option<Write>>,
    cancel: Rc<CancelHandle>,
}

impl Resource for BodyWrite {
    fn name(&self) -> Cow<'_, str> {
        "kvPut".into()
    }

    fn close(self: Rc<Self>) {
        self.cancel.cancel();
    }
}

/// Checks all but the value and makes a write of it, for [`op_kv_put_body`].
/// `length` is below zero when it is not known.
#[op2]
#[smi]
pub(crate) fn op_kv_put_open(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] key: String,
    length: f64,
    expiration: f64,
    expiration_ttl: f64,
    #[string] metadata: Option<String>,
) -> Result<ResourceId, JsErrorBox> {
    let options = options(expiration, expiration_ttl, metadata);
    let write = Write::new(state, rid, slot, key, options)?;
    if length >= 0.0 {
        namespace::check_value(length as u64).map_err(refused)?;
    }
    write.begin(state)?;
    let write = BodyWrite { write: RefCell::new(Some(write)), cancel: CancelHandle::new_rc() };
    Ok(state.resource_table.add(write))
}

/// Takes a body from the resource table and writes it. Whatever ends it early
/// leaves the key as it was.
#[op2]
pub(crate) async fn op_kv_put_body(
    state: Rc<RefCell<OpState>>,
    #[smi] write_rid: ResourceId,
    #[smi] body: ResourceId,
) -> Result<(), JsErrorBox> {
    let (write, body) = {
        let mut state = state.borrow_mut();
        let write = state.resource_table.get::<BodyWrite>(write_rid);
        let body = state.resource_table.take::<BodyResource>(body);
        let used = || JsErrorBox::type_error("Body has already been used.");
        (write.map_err(|_| used())?, body.map_err(|_| used())?)
    };
    let begun = write.write.borrow_mut().take();
    let Some(begun) = begun else { return Err(JsErrorBox::type_error("It was written already.")) };
    let (isolate, slot) = (begun.isolate.clone(), begun.slot);
    let result = begun.body(body.clone()).try_or_cancel(write.cancel.clone()).await;
    body.close();
    isolate.mark_resumed(slot);
    let _ = state.borrow_mut().resource_table.take::<BodyWrite>(write_rid);
    result
}
