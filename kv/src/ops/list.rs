//! `list`.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use deno_core::{OpState, Resource, ResourceId, ToV8, op2, v8};
use deno_error::JsErrorBox;
use selvedge_runtime::Span;

use super::{Handle, count, get, handle, isolate, refused};
use crate::namespace::{self, Operation};
use crate::store::{Answer, Later, ListPage, ListedKey};

/// A `list` that the store answers later.
struct Pending {
    answer: Cell<Option<Later<ListPage>>>,
    handle: Rc<Handle>,
    /// Kept until it is answered.
    _span: Option<Span>,
}

impl Resource for Pending {
    fn name(&self) -> Cow<'_, str> {
        "kvList".into()
    }
}

/// The object that a Worker gets of a page.
pub(crate) struct Page(ListPage);

impl<'a> ToV8<'a> for Page {
    type Error = JsErrorBox;

    fn to_v8(
        self,
        scope: &mut v8::PinScope<'a, '_>,
    ) -> Result<v8::Local<'a, v8::Value>, Self::Error> {
        let Self(ListPage { keys, complete }) = self;
        let names = Names::new(scope);
        let cursor = match keys.last() {
            Some(last) if !complete => {
                Some(get::text(scope, namespace::cursor_after(&last.name).as_bytes())?)
            }
            _ => None,
        };
        let mut objects: Vec<v8::Local<v8::Value>> = Vec::with_capacity(keys.len());
        for key in &keys {
            objects.push(names.key(scope, key)?.into());
        }
        let keys = v8::Array::new_with_elements(scope, &objects);
        let page = v8::Object::new(scope);
        set(scope, page, names.keys, keys.into());
        let complete = v8::Boolean::new(scope, complete).into();
        set(scope, page, names.list_complete, complete);
        if let Some(cursor) = cursor {
            set(scope, page, names.cursor, cursor.into());
        }
        let none = v8::null(scope).into();
        set(scope, page, names.cache_status, none);
        Ok(page.into())
    }
}

/// The names of properties, made once for a page.
struct Names<'s> {
    keys: v8::Local<'s, v8::Name>,
    list_complete: v8::Local<'s, v8::Name>,
    cursor: v8::Local<'s, v8::Name>,
    cache_status: v8::Local<'s, v8::Name>,
    name: v8::Local<'s, v8::Name>,
    expiration: v8::Local<'s, v8::Name>,
    metadata: v8::Local<'s, v8::Name>,
}

impl<'s> Names<'s> {
    fn new(scope: &mut v8::PinScope<'s, '_>) -> Self {
        let name = |text: &str| -> v8::Local<'s, v8::Name> {
            let internalized = v8::NewStringType::Internalized;
            v8::String::new_from_one_byte(scope, text.as_bytes(), internalized)
                .expect("a short string")
                .into()
        };
        Self {
            keys: name("keys"),
            list_complete: name("list_complete"),
            cursor: name("cursor"),
            cache_status: name("cacheStatus"),
            name: name("name"),
            expiration: name("expiration"),
            metadata: name("metadata"),
        }
    }

    fn key(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        key: &ListedKey,
    ) -> Result<v8::Local<'s, v8::Object>, JsErrorBox> {
        let object = v8::Object::new(scope);
        let name = get::text(scope, key.name.as_bytes())?;
        set(scope, object, self.name, name.into());
        if let Some(expiration) = key.expiration {
            let expiration = v8::Number::new(scope, expiration as f64).into();
            set(scope, object, self.expiration, expiration);
        }
        if key.metadata.is_some() {
            let metadata = get::parsed(scope, key.metadata.as_deref());
            set(scope, object, self.metadata, metadata);
        }
        Ok(object)
    }
}

/// Sets an own property, whatever prototypes say.
fn set<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: v8::Local<'s, v8::Object>,
    name: v8::Local<'s, v8::Name>,
    value: v8::Local<'s, v8::Value>,
) {
    object.create_data_property(scope, name, value);
}

/// A page of keys; a number below zero stands for one to come. `limit` is not a
/// number when there is none.
#[op2]
pub(crate) fn op_kv_list<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] prefix: Option<String>,
    limit: f64,
    #[string] cursor: Option<String>,
) -> Result<v8::Local<'s, v8::Value>, JsErrorBox> {
    let handle = handle(state, rid)?;
    let limit = super::put::whole(limit);
    let query = namespace::list_query(prefix, limit, cursor.as_deref()).map_err(refused)?;
    let span = count(state, slot, selvedge_runtime::Operation::KvList)?;
    match handle.namespace.store().list(query, handle.namespace.now()) {
        Answer::Ready(result) => Page(handle.check(Operation::List, result)?).to_v8(scope),
        Answer::Later(later) => {
            let pending = Pending { answer: Cell::new(Some(later)), handle, _span: span };
            Ok(get::pending_number(scope, state.resource_table.add(pending)))
        }
    }
}

/// The page that [`op_kv_list`] left for later.
#[op2]
pub(crate) async fn op_kv_list_later(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
) -> Result<Page, JsErrorBox> {
    let (pending, isolate) = {
        let mut state = state.borrow_mut();
        let pending = state.resource_table.take::<Pending>(rid);
        (pending.map_err(|_| get::gone())?, isolate(&state).clone())
    };
    let result = pending.answer.take().ok_or_else(get::gone)?.await;
    isolate.mark_resumed(slot);
    Ok(Page(pending.handle.check(Operation::List, result)?))
}
