//! The Workflows of all accounts: what uploads say of them, and what is asked of their
//! instances. A script in the index is `ACCOUNT/NAME`.

use std::collections::HashMap;
use std::sync::Arc;

use selvedge_api::host::HostError;
use selvedge_deployments::{BindingKind, VersionContent, WorkerKey};
use selvedge_runtime::LocalIsolate;
use selvedge_workflows::Workflow;
use selvedge_workflows::rules::DEFAULT_STEPS;
use selvedge_workflows::store::{Index, Wanted, WorkflowInfo};
use serde_json::Value;

use super::core::Core;
use super::env::qualified;
use crate::backends::BackendError;
use crate::serve::ThreadEvent;

fn internal(error: impl std::fmt::Display) -> HostError {
    HostError::Internal(error.to_string())
}

/// Looks after the alarms of the instances of all Workflows, and deletes what is left
/// of those that are gone.
pub(super) fn watch_all(core: &Core) -> Result<(), BackendError> {
    core.backends.delete_removed_workflows()?;
    for info in core.backends.workflows()?.all()? {
        watch(core, &core.backends.workflow(info)?);
    }
    Ok(())
}

fn watch(core: &Core, workflow: &Workflow) {
    let namespace = workflow.namespace();
    if !core.alarms.watches(&namespace.id, &namespace.script, &namespace.class) {
        core.alarms.watch(namespace.clone());
    }
}

pub(super) fn index(core: &Core) -> Result<Arc<Index>, HostError> {
    core.backends.workflows().map_err(internal)
}

/// Makes a Workflow, or changes it.
pub(super) fn put(core: &Core, wanted: &Wanted) -> Result<WorkflowInfo, HostError> {
    let info = index(core)?.put(wanted).map_err(internal)?;
    watch(core, &core.backends.workflow(info.clone()).map_err(internal)?);
    // Its schedules may be others now.
    core.crons_changed.notify_one();
    Ok(info)
}

/// The Workflows of the version that has a Worker's objects are there, with the
/// classes that it names.
pub(super) fn follow(core: &Core, key: &WorkerKey) -> Result<(), HostError> {
    let Some(live) = core.store.live_worker(key).map_err(internal)? else { return Ok(()) };
    let versions = core.store.versions(key).map_err(internal)?;
    let serving = |version: &selvedge_deployments::VersionId| {
        live.shares.iter().any(|share| share.version == *version)
    };
    let newest = versions.iter().filter(|it| serving(&it.id)).max_by_key(|it| it.number);
    let Some(newest) = newest else { return Ok(()) };
    let Some(newest) = core.store.version(key, newest.id).map_err(internal)? else { return Ok(()) };
    let index = index(core)?;
    for (name, class) in own(&newest.content, &key.name) {
        let account = key.account.to_string();
        let known = index.find(&account, &name).map_err(internal)?;
        let schedules = match &known {
            Some(known) => index.schedules_of(&known.id).map_err(internal)?,
            None => Vec::new(),
        };
        let steps = known.map_or(DEFAULT_STEPS, |known| known.steps);
        let wanted = Wanted { account, name, script: key.to_string(), class, steps, schedules };
        let info = index.ensure(&wanted).map_err(internal)?;
        watch(core, &core.backends.workflow(info).map_err(internal)?);
    }
    Ok(())
}

/// The Workflows of which a version has the classes, by name.
pub(super) fn own(content: &VersionContent, worker: &str) -> HashMap<String, String> {
    let own = content.bindings.iter().filter_map(|binding| match &binding.kind {
        BindingKind::Workflow { workflow, class, script }
            if script.as_deref().is_none_or(|script| script == worker) =>
        {
            Some((workflow.clone(), class.clone()))
        }
        _ => None,
    });
    own.collect()
}

/// The Worker was deleted: its Workflows go with all instances.
pub(super) fn forget(core: &Core, key: &WorkerKey) -> Result<(), HostError> {
    let script = qualified(key, None);
    let all = index(core)?.all().map_err(internal)?;
    for info in all.into_iter().filter(|info| info.script == script) {
        delete(core, &info)?;
    }
    Ok(())
}

/// Deletes a Workflow with all instances. Isolates that are bound to it make no more.
pub(super) fn delete(core: &Core, info: &WorkflowInfo) -> Result<(), HostError> {
    index(core)?.remove(&info.id).map_err(internal)?;
    core.alarms.forget(&info.id);
    for thread in core.switchboard.seats() {
        let id = info.id.clone();
        let evict = move |isolate: &LocalIsolate| {
            let _ = isolate.evict(&id, "", true);
        };
        // A thread that has no room for that ends them when they rest.
        let _ = thread.try_send(ThreadEvent::Act(Box::new(evict)));
    }
    core.backends.delete_removed_workflows().map_err(internal)
}

/// Asks an instance.
pub(super) async fn ask(
    core: &Core,
    info: &WorkflowInfo,
    instance: &str,
    command: &str,
    argument: &Value,
) -> Result<Value, HostError> {
    let workflow = core.backends.workflow(info.clone()).map_err(internal)?;
    let asked = crate::workflows::ask(&core.switchboard, &workflow, instance, command, argument);
    asked.await.map_err(HostError::Unavailable)
}

/// The binding of a Workflow for `worker`; `class` and `script` as its binding says.
pub(super) fn binding(
    backends: &crate::backends::Backends,
    worker: &WorkerKey,
    name: &str,
    class: &str,
    script: Option<&str>,
) -> Result<Option<Workflow>, BackendError> {
    let index = backends.workflows()?;
    let account = worker.account.to_string();
    let info = match index.find(&account, name)? {
        Some(info) => info,
        None if script.is_none_or(|script| script == worker.name) => {
            // A version of it that was never deployed, such as a preview.
            let (name, class) = (name.to_owned(), class.to_owned());
            let script = worker.to_string();
            let (steps, schedules) = (DEFAULT_STEPS, Vec::new());
            index.ensure(&Wanted { account, name, script, class, steps, schedules })?
        }
        None => return Ok(None),
    };
    backends.workflow(info).map(Some)
}
