//! Where objects live, and the way to those that live elsewhere.

use std::rc::Rc;
use std::sync::Arc;

use deno_core::{OpState, ResourceId, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::IsolateState;
use selvedge_runtime::outbound::{ObjectTarget, ServiceResource, ServiceTarget};

use super::namespace::{Handle, handle};
use crate::placement::{ObjectKey, Residents};
use crate::sockets::Sockets;

/// The object's name in the directory.
pub(crate) fn key(namespace: &Handle, id: &str) -> Result<ObjectKey, JsErrorBox> {
    let id = id.parse().map_err(JsErrorBox::from_err::<crate::id::IdError>)?;
    Ok(ObjectKey { namespace: namespace.0.id.clone(), id })
}

/// Takes an object for this isolate. `false`: another isolate has it, or its
/// class is another Worker's.
#[op2(fast)]
pub(crate) fn op_do_take(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] id: &str,
) -> Result<bool, JsErrorBox> {
    let namespace = handle(state, rid)?;
    if namespace.0.script.as_ref() != state.borrow::<Rc<IsolateState>>().worker().name {
        return Ok(false);
    }
    let key = key(&namespace, id)?;
    if !state.has::<Residents>() {
        state.put(Residents::of_this_thread());
    }
    Ok(state.borrow_mut::<Residents>().take(&key, &namespace.0.placement))
}

/// The object is gone from this isolate, its storage closed.
#[op2(fast)]
pub(crate) fn op_do_leave(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] id: &str,
) -> Result<(), JsErrorBox> {
    let key = key(&*handle(state, rid)?, id)?;
    // Sockets that hibernate keep their object here.
    let owner = (key.namespace.clone(), key.id);
    if !Sockets::of(state).borrow().of_object(&owner).is_empty() {
        return Ok(());
    }
    if let Some(residents) = state.try_borrow_mut::<Residents>() {
        residents.give_back(&key);
    }
    Ok(())
}

/// All objects are gone from this isolate, and none comes back.
#[op2(fast)]
pub(crate) fn op_do_leave_all(state: &mut OpState) {
    drop(state.try_take::<Residents>());
}

/// The way to an object that lives elsewhere, for one subrequest. Empty texts
/// stand for what is not known; `cf` is JSON.
#[op2(fast)]
#[smi]
pub(crate) fn op_do_target(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] id: &str,
    #[string] name: &str,
    #[string] jurisdiction: &str,
    #[string] cf: &str,
) -> Result<ResourceId, JsErrorBox> {
    let namespace = handle(state, rid)?;
    let key = key(&namespace, id)?;
    let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let object = ObjectTarget {
        namespace: Arc::new(namespace.0.clone()),
        id: id.to_owned(),
        name: known(name),
        jurisdiction: known(jurisdiction),
        cf: known(cf),
        lives_on: namespace.0.placement.find(&key),
    };
    let facet = namespace.0.facet.as_ref();
    let target = ServiceTarget {
        service: namespace.0.script.to_string(),
        object: Some(object),
        loaded: facet.and_then(|facet| facet.loaded.clone()),
        terms: facet.and_then(|facet| facet.terms.clone()),
        ..ServiceTarget::default()
    };
    Ok(state.resource_table.add(ServiceResource(Arc::new(target))))
}
