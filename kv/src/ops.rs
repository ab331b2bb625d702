//! The ops of the binding. A read that the store answers at once is answered
//! inside of its op; all else waits in the isolate's event loop.

pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod large;
pub(crate) mod list;
pub(crate) mod put;
mod text;

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

use deno_core::{OpState, Resource, ResourceId};
use deno_error::JsErrorBox;
use selvedge_runtime::{IsolateState, Span};

use crate::Error;
use crate::binding::KvNamespace;
use crate::namespace::{Operation, Refusal};

/// A namespace in an isolate: what `env` holds, by its number.
pub(crate) struct Handle {
    pub(crate) namespace: KvNamespace,
    writing: Writing,
}

impl Resource for Handle {
    fn name(&self) -> Cow<'_, str> {
        "kvNamespace".into()
    }
}

impl Handle {
    pub(crate) fn new(namespace: KvNamespace, writing: Writing) -> Self {
        Self { namespace, writing }
    }

    /// What a Worker is told of a store's error; the log gets all of it.
    fn refusal(&self, operation: Operation, error: &Error) -> JsErrorBox {
        tracing::error!(
            namespace = self.namespace.id(),
            %operation,
            %error,
            "a KV namespace failed"
        );
        JsErrorBox::from_err(Refusal::of_store(operation, error))
    }

    fn check<T>(&self, operation: Operation, result: Result<T, Error>) -> Result<T, JsErrorBox> {
        result.map_err(|error| self.refusal(operation, &error))
    }
}

/// The namespace of this number.
fn handle(state: &OpState, rid: ResourceId) -> Result<Rc<Handle>, JsErrorBox> {
    state
        .resource_table
        .get::<Handle>(rid)
        .map_err(|_| JsErrorBox::type_error("This KV namespace is not there any more."))
}

fn isolate(state: &OpState) -> &Rc<IsolateState> {
    state.borrow::<Rc<IsolateState>>()
}

/// A call counts as a subrequest of its request
/// (<https://developers.cloudflare.com/workers/platform/limits/#subrequests>).
/// Gives what is to be kept while the operation goes on.
fn count(
    state: &OpState,
    slot: u32,
    operation: selvedge_runtime::Operation,
) -> Result<Option<Span>, JsErrorBox> {
    let isolate = isolate(state);
    isolate.count_subrequest(slot).map_err(JsErrorBox::from_err)?;
    let mut span = isolate.operation(slot, operation);
    if let Some(span) = &mut span {
        span.set("db.system.name", "cloudflare-kv");
        span.set("db.operation.name", operation.as_str().trim_start_matches("kv_"));
        span.set("cloudflare.binding.type", "KV");
    }
    Ok(span)
}

fn refused(refusal: Refusal) -> JsErrorBox {
    JsErrorBox::from_err(refusal)
}

/// The bytes of values that wait to be written, of all namespaces of an
/// isolate. V8 does not count them.
#[derive(Clone, Default)]
pub(crate) struct Writing(Rc<Cell<u64>>);

impl Writing {
    /// Takes room for a value; it is free again when the result is dropped.
    fn reserve(&self, bytes: u64, limit: u64) -> Result<Reserved, Refusal> {
        let sum = self.0.get().saturating_add(bytes);
        // A single value always has room.
        if sum > limit && self.0.get() > 0 {
            return Err(Refusal::too_many_writes());
        }
        self.0.set(sum);
        Ok(Reserved { writing: self.clone(), bytes })
    }
}

struct Reserved {
    writing: Writing,
    bytes: u64,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.writing.0.set(self.writing.0.get().saturating_sub(self.bytes));
    }
}
