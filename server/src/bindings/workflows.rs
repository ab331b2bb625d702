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
use crate::config::{Config, Cron, Diagnostic};

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
        if !workflow.schedules.all().is_empty() && !workflow.is_own(&config.name) {
            let (name, script) = (&workflow.name, workflow.script_name.as_deref().unwrap_or(""));
            return Err(at("schedules").error(format!(
                "Workflow \"{name}\" has \"schedules\" configured but references external script \
                 \"{script}\". Configure schedules on the worker that defines the workflow."
            )));
        }
        for schedule in workflow.schedules.all() {
            let wrong = |text| at("schedules").error(format!("\"{schedule}\": {text}"));
            Cron::parse(schedule).map_err(wrong)?;
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

/// When instances of a Worker's own Workflows begin by themselves: the names of those,
/// each with one expression.
pub(crate) fn schedules(bindings: &[BindingConfig], worker: &str) -> Vec<(String, Cron)> {
    let own = bindings.iter().filter_map(|binding| match binding {
        BindingConfig::Workflow(workflow) if workflow.is_own(worker) => Some(workflow),
        _ => None,
    });
    own.flat_map(|workflow| {
        let crons = workflow.schedules.all().iter().filter_map(|text| Cron::parse(text).ok());
        crons.map(|cron| (workflow.name.clone(), cron))
    })
    .collect()
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

/// A Workflow that a Worker without an account has.
pub(crate) fn own(backends: &Backends, name: &str) -> Result<Workflow, BackendError> {
    let found = backends.workflows()?.find(NO_ACCOUNT, name)?;
    let gone = || selvedge_storage::Error::Data(format!("there is no Workflow \"{name}\""));
    backends.workflow(found.ok_or_else(gone)?)
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
            // In `dev` the configuration says it, for as long as the Worker runs.
            schedules: Vec::new(),
        })?,
    };
    let workflow = backends.workflow(info)?;
    alarms.watch(workflow.namespace().clone());
    Ok(workflow)
}
