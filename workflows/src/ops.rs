//! The ops of the binding and of the engine.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use deno_core::{OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use selvedge_durable::binding::of_resource;
use selvedge_runtime::{Amount, IsolateState, Operation};
use serde::{Deserialize, Serialize};

use crate::binding::Engine;
use crate::store::{Note, Times};

/// A Workflow in an isolate: what `env` holds, by its number.
pub(crate) struct Handle {
    pub(crate) namespace: ResourceId,
}

impl Resource for Handle {
    fn name(&self) -> Cow<'_, str> {
        "workflow".into()
    }
}

/// What the scripts are told of a Workflow.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Facts {
    name: String,
    class_name: String,
    steps: u32,
}

/// What an instance tells of itself, for lists.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    instance: String,
    status: String,
    created: f64,
    started: Option<f64>,
    ended: Option<f64>,
    version: Option<String>,
}

/// The engine of the namespace with this number.
fn engine(state: &OpState, namespace: ResourceId) -> Result<Engine, JsErrorBox> {
    let gone = || JsErrorBox::type_error("This Workflow is not there any more.");
    let namespace = of_resource(state, namespace).ok_or_else(gone)?;
    let host = namespace.host().ok_or_else(gone)?;
    host.as_any().downcast_ref::<Engine>().cloned().ok_or_else(gone)
}

/// The number of the namespace whose objects are the instances.
#[op2(fast)]
#[smi]
pub(crate) fn op_workflow_namespace(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<ResourceId, JsErrorBox> {
    let handle = state.resource_table.get::<Handle>(rid);
    let handle =
        handle.map_err(|_| JsErrorBox::type_error("This Workflow is not there any more."))?;
    Ok(handle.namespace)
}

/// The Workflow of a namespace: name, class, how many steps an instance may have.
#[op2]
#[serde]
pub(crate) fn op_workflow_engine(
    state: &mut OpState,
    #[smi] namespace: ResourceId,
) -> Result<Facts, JsErrorBox> {
    let info = engine(state, namespace)?.info;
    Ok(Facts { name: info.name.clone(), class_name: info.class.clone(), steps: info.steps })
}

/// Whether the Workflow of a namespace was not deleted since it was bound.
#[op2(fast)]
pub(crate) fn op_workflow_is_there(
    state: &mut OpState,
    #[smi] namespace: ResourceId,
) -> Result<bool, JsErrorBox> {
    let Engine { info, index } = engine(state, namespace)?;
    let found = index.find(&info.account, &info.name).map_err(|error| failed(&error))?;
    Ok(found.is_some_and(|found| found.id == info.id))
}

fn failed(error: &crate::Error) -> JsErrorBox {
    tracing::error!(%error, "the index of Workflows failed");
    JsErrorBox::generic("The index of Workflows could not be written.")
}

/// Counts a call of a Workflow.
#[op2(fast)]
pub(crate) fn op_workflow_call(state: &mut OpState) {
    state.borrow::<Rc<IsolateState>>().count_operation(Operation::WorkflowCall);
}

/// Counts an attempt of a step.
#[op2(fast)]
pub(crate) fn op_workflow_step(state: &mut OpState) {
    state.borrow::<Rc<IsolateState>>().count_amount(Amount::WorkflowSteps, 1);
}

/// Tells the index of an instance, and comes back when it is on disk.
#[op2]
pub(crate) fn op_workflow_note(
    state: Rc<RefCell<OpState>>,
    #[smi] namespace: ResourceId,
    #[serde] told: Told,
) -> Result<impl Future<Output = Result<(), JsErrorBox>> + use<>, JsErrorBox> {
    let Engine { info, index } = engine(&state.borrow(), namespace)?;
    let note = Note {
        workflow: info.id.clone(),
        instance: told.instance,
        status: told.status,
        version: told.version,
        times: Times {
            created: told.created as i64,
            started: told.started.map(|time| time as i64),
            ended: told.ended.map(|time| time as i64),
        },
    };
    let noted = index.note(note);
    Ok(async move { noted.await.map_err(|error| failed(&error)) })
}

/// Takes an instance out of the index.
#[op2]
pub(crate) fn op_workflow_forget(
    state: Rc<RefCell<OpState>>,
    #[smi] namespace: ResourceId,
    #[string] instance: String,
) -> Result<impl Future<Output = Result<(), JsErrorBox>> + use<>, JsErrorBox> {
    let Engine { info, index } = engine(&state.borrow(), namespace)?;
    let forgotten = index.forget(&info.id, &instance);
    Ok(async move { forgotten.await.map_err(|error| failed(&error)) })
}
