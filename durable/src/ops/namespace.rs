//! Namespaces and ids.

use std::borrow::Cow;
use std::rc::Rc;

use deno_core::{OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::IsolateState;

use crate::binding::DurableNamespace;
use crate::id::IdError;

/// A namespace in an isolate: what `env` holds, by its number.
pub(crate) struct Handle(pub(crate) DurableNamespace);

impl Resource for Handle {
    fn name(&self) -> Cow<'_, str> {
        "durableObjectNamespace".into()
    }
}

/// The namespace of this number.
pub(crate) fn handle(state: &OpState, rid: ResourceId) -> Result<Rc<Handle>, JsErrorBox> {
    state
        .resource_table
        .get::<Handle>(rid)
        .map_err(|_| JsErrorBox::type_error("This Durable Object namespace is not there any more."))
}

/// The class of the namespace's objects.
#[op2]
#[string]
pub(crate) fn op_do_class(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<String, JsErrorBox> {
    Ok(handle(state, rid)?.0.class.to_string())
}

/// The namespace's own id.
#[op2]
#[string]
pub(crate) fn op_do_namespace(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<String, JsErrorBox> {
    Ok(handle(state, rid)?.0.id.to_string())
}

/// The script that makes the namespace's objects; "" where they are instances of
/// the Worker's class.
#[op2]
#[string]
pub(crate) fn op_do_host(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<String, JsErrorBox> {
    let handle = handle(state, rid)?;
    Ok(handle.0.host().map_or("", |host| host.script()).to_owned())
}

/// The id of a name.
#[op2]
#[string]
pub(crate) fn op_do_id_named(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] name: &str,
    #[string] jurisdiction: &str,
) -> Result<String, JsErrorBox> {
    Ok(handle(state, rid)?.0.key.named(name, jurisdiction).to_string())
}

/// An id of its own.
#[op2]
#[string]
pub(crate) fn op_do_id_unique(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] jurisdiction: &str,
) -> Result<String, JsErrorBox> {
    let id = handle(state, rid)?.0.key.unique(jurisdiction);
    Ok(id.map_err(JsErrorBox::from_err)?.to_string())
}

/// The id that a text says, in its one form.
#[op2]
#[string]
pub(crate) fn op_do_id_check(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] text: &str,
) -> Result<String, JsErrorBox> {
    let id: Result<_, IdError> = handle(state, rid)?.0.key.parse(text);
    Ok(id.map_err(JsErrorBox::from_err)?.to_string())
}

/// The jurisdiction that an id was made for; "" without one, and of an id that is
/// not the namespace's.
#[op2]
#[string]
pub(crate) fn op_do_id_jurisdiction(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] text: &str,
) -> Result<String, JsErrorBox> {
    let key = &handle(state, rid)?.0.key;
    let known = text.parse().ok().and_then(|id| key.jurisdiction(&id).ok());
    Ok(known.unwrap_or_default().to_owned())
}

/// Whether the class of the namespace's objects is one of this Worker's.
#[op2(fast)]
pub(crate) fn op_do_is_own(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<bool, JsErrorBox> {
    let namespace = handle(state, rid)?;
    Ok(namespace.0.script.as_ref() == state.borrow::<Rc<IsolateState>>().worker().name)
}

/// How long an object stays in memory without events, in milliseconds.
#[op2(fast)]
pub(crate) fn op_do_idle(state: &mut OpState, #[smi] rid: ResourceId) -> Result<f64, JsErrorBox> {
    Ok(handle(state, rid)?.0.idle.as_secs_f64() * 1e3)
}
