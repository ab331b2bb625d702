//! `get` and `getWithMetadata`, of one key and of many.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::Bytes;
use deno_core::{OpState, Resource, ResourceId, ToV8, op2, v8};
use deno_error::JsErrorBox;
use selvedge_runtime::Span;
use selvedge_runtime::body::{BodyResource, BytesBody};

use super::large::{Large, PiecesBody};
use super::{Handle, count, handle, isolate, refused};
use crate::Error;
use crate::namespace::{self, Operation, Refusal};
use crate::store::{Answer, Entry, Later, Value};

/// As what a value is wanted. The numbers stand in `kv_namespace.js`, too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text, and JSON before it is parsed.
    Text,
    ArrayBuffer,
    Stream,
    /// A name that is none of Cloudflare's; that matters when there is a value.
    Unknown,
}

impl From<u32> for Kind {
    fn from(number: u32) -> Self {
        match number {
            0 => Self::Text,
            1 => Self::ArrayBuffer,
            2 => Self::Stream,
            _ => Self::Unknown,
        }
    }
}

/// A `get` that the store answers later.
struct Pending {
    answer: Cell<Option<Later<Option<Entry>>>>,
    handle: Rc<Handle>,
    kind: Kind,
    with_metadata: bool,
    /// Kept until it is answered.
    _span: Option<Span>,
}

impl Resource for Pending {
    fn name(&self) -> Cow<'_, str> {
        "kvGet".into()
    }
}

/// What JavaScript gets: nothing, a value, or a value and its metadata. A
/// number stands for what is yet to come: below zero a [`Pending`], counted
/// from -1 down, else a body (for streams) or a [`Large`].
pub(crate) struct Found {
    value: FoundValue,
    with_metadata: bool,
    metadata: Option<Box<str>>,
}

enum FoundValue {
    Nothing,
    Text(Bytes),
    Buffer(Bytes),
    Resource(ResourceId),
}

impl Found {
    fn new(
        state: &mut OpState,
        entry: Option<Entry>,
        kind: Kind,
        with_metadata: bool,
    ) -> Result<Self, Refusal> {
        let Some(Entry { value, metadata }) = entry else {
            return Ok(Self { value: FoundValue::Nothing, with_metadata: false, metadata: None });
        };
        let value = match (kind, value) {
            (Kind::Text, Value::Whole(bytes)) => FoundValue::Text(bytes),
            (Kind::ArrayBuffer, Value::Whole(bytes)) => FoundValue::Buffer(bytes),
            (Kind::Text | Kind::ArrayBuffer, Value::Pieces(reader)) => {
                FoundValue::Resource(state.resource_table.add(Large::new(reader)))
            }
            (Kind::Stream, Value::Whole(bytes)) => {
                let body = BodyResource::new(Box::new(BytesBody::new(bytes)));
                FoundValue::Resource(state.resource_table.add(body))
            }
            (Kind::Stream, Value::Pieces(reader)) => {
                let body = BodyResource::new(Box::new(PiecesBody::new(reader)));
                FoundValue::Resource(state.resource_table.add(body))
            }
            (Kind::Unknown, _) => return Err(Refusal::UnknownType),
        };
        Ok(Self { value, with_metadata, metadata })
    }
}

impl<'a> ToV8<'a> for Found {
    type Error = JsErrorBox;

    fn to_v8(
        self,
        scope: &mut v8::PinScope<'a, '_>,
    ) -> Result<v8::Local<'a, v8::Value>, Self::Error> {
        let value: v8::Local<v8::Value> = match self.value {
            FoundValue::Nothing => v8::null(scope).into(),
            FoundValue::Text(bytes) => text(scope, &bytes)?.into(),
            FoundValue::Buffer(bytes) => {
                let store = v8::ArrayBuffer::new_backing_store_from_vec(Vec::from(bytes));
                v8::ArrayBuffer::with_backing_store(scope, &store.make_shared()).into()
            }
            FoundValue::Resource(rid) => v8::Integer::new_from_unsigned(scope, rid).into(),
        };
        if !self.with_metadata {
            return Ok(value);
        }
        let metadata = parsed(scope, self.metadata.as_deref());
        Ok(v8::Array::new_with_elements(scope, &[value, metadata]).into())
    }
}

/// A string of UTF-8 bytes, broken sequences replaced.
pub(super) fn text<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    bytes: &[u8],
) -> Result<v8::Local<'s, v8::String>, JsErrorBox> {
    let string = if bytes.is_ascii() {
        v8::String::new_from_one_byte(scope, bytes, v8::NewStringType::Normal)
    } else {
        v8::String::new_from_utf8(scope, bytes, v8::NewStringType::Normal)
    };
    string.ok_or_else(|| JsErrorBox::range_error("Invalid string length"))
}

/// The value of JSON text that was made by `JSON.stringify`.
pub(super) fn parsed<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    json: Option<&str>,
) -> v8::Local<'s, v8::Value> {
    let Some(json) = json else { return v8::null(scope).into() };
    v8::tc_scope!(let scope, scope);
    v8::String::new(scope, json)
        .and_then(|json| v8::json::parse(scope, json))
        .unwrap_or_else(|| v8::null(scope).into())
}

/// The value of a key. See [`Found`] for what comes back.
#[op2]
pub(crate) fn op_kv_get<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] key: &str,
    #[smi] kind: u32,
    #[smi] cache_ttl: i32,
    with_metadata: bool,
) -> Result<v8::Local<'s, v8::Value>, JsErrorBox> {
    let handle = handle(state, rid)?;
    namespace::check_key(Operation::Get, key).map_err(refused)?;
    namespace::check_cache_ttl(Operation::Get, cache_ttl).map_err(refused)?;
    let span = count(state, slot, selvedge_runtime::Operation::KvGet)?;
    let kind = Kind::from(kind);
    match handle.namespace.store().get(key, handle.namespace.now()) {
        Answer::Ready(result) => {
            let entry = handle.check(Operation::Get, result)?;
            let found = Found::new(state, entry, kind, with_metadata).map_err(refused)?;
            found.to_v8(scope)
        }
        Answer::Later(later) => {
            let answer = Cell::new(Some(later));
            let pending = Pending { answer, handle, kind, with_metadata, _span: span };
            Ok(pending_number(scope, state.resource_table.add(pending)))
        }
    }
}

/// The number below zero that stands for an answer to come.
pub(super) fn pending_number<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    rid: ResourceId,
) -> v8::Local<'s, v8::Value> {
    v8::Number::new(scope, -1.0 - f64::from(rid)).into()
}

/// The answer that [`op_kv_get`] left for later.
#[op2]
pub(crate) async fn op_kv_get_later(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
) -> Result<Found, JsErrorBox> {
    let (pending, isolate) = {
        let mut state = state.borrow_mut();
        let pending = state.resource_table.take::<Pending>(rid);
        (pending.map_err(|_| gone())?, isolate(&state).clone())
    };
    let answer = pending.answer.take().ok_or_else(gone)?;
    let result = answer.await;
    isolate.mark_resumed(slot);
    let entry = pending.handle.check(Operation::Get, result)?;
    Found::new(&mut state.borrow_mut(), entry, pending.kind, pending.with_metadata).map_err(refused)
}

pub(super) fn gone() -> JsErrorBox {
    JsErrorBox::type_error("This answer was taken already.")
}

/// The values of many keys as text, in the order of the keys: nothing, text, or
/// text and metadata for each. A number stands for a text that is a [`Large`].
pub(crate) struct FoundMany(Vec<Found>);

impl<'a> ToV8<'a> for FoundMany {
    type Error = JsErrorBox;

    fn to_v8(
        self,
        scope: &mut v8::PinScope<'a, '_>,
    ) -> Result<v8::Local<'a, v8::Value>, Self::Error> {
        let mut values = Vec::with_capacity(self.0.len());
        for found in self.0 {
            values.push(found.to_v8(scope)?);
        }
        Ok(v8::Array::new_with_elements(scope, &values).into())
    }
}

/// The entries of a bulk read, and whether any had to be waited for. Nothing of
/// a value in pieces is read yet.
pub(super) async fn gather(
    answers: Vec<Answer<Option<Entry>>>,
    check: impl Fn(Result<Option<Entry>, Error>) -> Result<Option<Entry>, JsErrorBox>,
) -> Result<(Vec<Option<Entry>>, bool), JsErrorBox> {
    let mut entries = Vec::with_capacity(answers.len());
    let mut bytes = 0;
    let mut waited = false;
    for answer in answers {
        let result = match answer {
            Answer::Ready(result) => result,
            Answer::Later(later) => {
                waited = true;
                later.await
            }
        };
        let entry = check(result)?;
        bytes += entry.as_ref().map_or(0, |entry| entry.value.length());
        namespace::check_bulk_bytes(bytes).map_err(refused)?;
        entries.push(entry);
    }
    Ok((entries, waited))
}

/// The values of many keys. Settles at once when the store has all at hand.
#[op2]
pub(crate) async fn op_kv_get_bulk(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[serde] keys: Vec<String>,
    #[smi] cache_ttl: i32,
    with_metadata: bool,
) -> Result<FoundMany, JsErrorBox> {
    let (handle, isolate, _span) = {
        let state = state.borrow();
        let handle = handle(&state, rid)?;
        namespace::check_keys(Operation::GetBulk, &keys).map_err(refused)?;
        namespace::check_cache_ttl(Operation::GetBulk, cache_ttl).map_err(refused)?;
        let span = count(&state, slot, selvedge_runtime::Operation::KvGet)?;
        (handle, isolate(&state).clone(), span)
    };
    let now = handle.namespace.now();
    // All reads are under way before the first one is waited for.
    let answers: Vec<_> = keys.iter().map(|key| handle.namespace.store().get(key, now)).collect();
    let (entries, waited) =
        gather(answers, |result| handle.check(Operation::GetBulk, result)).await?;
    if waited {
        isolate.mark_resumed(slot);
    }
    let mut state = state.borrow_mut();
    let found =
        entries.into_iter().map(|entry| Found::new(&mut state, entry, Kind::Text, with_metadata));
    Ok(FoundMany(found.collect::<Result<_, _>>().map_err(refused)?))
}
