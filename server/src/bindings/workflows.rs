//! `workflows`: from the configuration to Workflows in `env`, and to the classes that
//! run them.

use std::sync::Arc;

use selvedge_runtime::ExpectedClass;
use selvedge_workflows::Workflow;
use selvedge_workflows::config::WorkflowConfig;
use selvedge_workflows::rules::DEFAULT_STEPS;
use selvedge_workflows::store::Wanted;

use super::{BindingConfig, Kept, NO_ACCOUNT};
use crate::alarms::Alarms;
use crate::backends::{BackendError, Backends};
use crate::config::{Config, Diagnostic};

/// Adds the Workflows of a configuration.
pub(super) fn configured(
    config: &Config,
    bindings: &mut Vec<BindingConfig>,
    warnings: &mut Vec<String>,
) -> Result<(), Diagnostic> {
    let mut names: Vec<String> = Vec::new();
    for section in config.tables("workflows")? {
        let workflow: WorkflowConfig = section.read()?;
        let kept = Kept { what: "Workflow", name: &workflow.binding, remote: workflow.remote };
        warnings.extend(kept.check(&section)?);
        let at = |key: &str| section.get(key).unwrap_or_else(|| section.clone());
        workflow.check().map_err(|(key, text)| at(key).error(text))?;
        if let Some(schedules) = section.get("schedules") {
            return Err(schedules.error("Selvedge does not start Workflows by a schedule").with_hint(
                "name the schedule in `triggers.crons`, and create an instance in `scheduled()`",
            ));
        }
        if workflow.is_own(&config.name) {
            if names.contains(&workflow.name) {
                let text = format!("the Workflow \"{}\" is there twice", workflow.name);
                return Err(at("name").error(text));
            }
            names.push(workflow.name.clone());
        }
        bindings.push(BindingConfig::Workflow(workflow));
    }
    Ok(())
}

/// The classes that a Worker is to export for its Workflows.
pub(crate) fn expected_classes(bindings: &[BindingConfig], worker: &str) -> Vec<ExpectedClass> {
    let own = bindings.iter().filter_map(|binding| match binding {
        BindingConfig::Workflow(workflow) if workflow.is_own(worker) => Some(workflow),
        _ => None,
    });
    own.map(|workflow| ExpectedClass {
        name: workflow.class_name.clone(),
        missing: missing(&workflow.class_name, &workflow.name),
        is_optional: true,
    })
    .collect()
}

/// What is said of a class that is not exported.
pub(crate) fn missing(class: &str, workflow: &str) -> String {
    format!(
        "Cannot create binding for class {class} that is not exported by the script: the \
         Workflow {workflow} has no class"
    )
}

/// Opens a Workflow of a Worker that no account has; the alarms of its instances are
/// looked after if the class is the Worker's own.
pub(super) fn open(
    config: &WorkflowConfig,
    backends: &Backends,
    alarms: &Arc<Alarms>,
    worker: &str,
) -> Result<Workflow, BackendError> {
    let index = backends.workflows()?;
    let known = match config.is_own(worker) {
        true => None,
        // Its own Worker says what it is, if that was here.
        false => index.find(NO_ACCOUNT, &config.name)?,
    };
    let info = match known {
        Some(known) => known,
        None => index.ensure(&Wanted {
            account: NO_ACCOUNT.to_owned(),
            name: config.name.clone(),
            script: config.script_name.clone().unwrap_or_else(|| worker.to_owned()),
            class: config.class_name.clone(),
            steps: config.limits.steps.unwrap_or(DEFAULT_STEPS),
        })?,
    };
    let workflow = backends.workflow(info)?;
    alarms.watch(workflow.namespace().clone());
    Ok(workflow)
}
