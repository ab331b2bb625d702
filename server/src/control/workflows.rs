//! The verbs of Workflows.

use selvedge_workflows::store::{InstanceQuery, WorkflowInfo};
use selvedge_workflows::{rules, view};
use serde_json::Value;

use super::protocol::{Failure, FailureKind, Reply, Request};
use crate::backends::Backends;
use crate::bindings::NO_ACCOUNT;
use crate::switchboard::Switchboard;

pub(super) async fn execute(
    backends: &Backends,
    switchboard: &Switchboard,
    request: Request,
) -> Result<Reply, Failure> {
    match request {
        Request::Workflows => {
            let index = backends.workflows()?;
            let mut all: Vec<Value> = Vec::new();
            for info in index.all().map_err(internal)? {
                let counts = index.counts(&info.id).map_err(internal)?;
                all.push(view::workflow(&info, &counts));
            }
            Reply::json(&all)
        }
        Request::WorkflowInstances { workflow, status, oldest_first, skip, limit } => {
            let info = known(backends, &workflow)?;
            if let Some(status) = status.as_deref().filter(|it| !rules::STATUSES.contains(it)) {
                let text = format!("\"{status}\" is no status of an instance");
                return Err(Failure::new(FailureKind::Invalid, text));
            }
            let query = InstanceQuery {
                status,
                newest_first: !oldest_first,
                skip: skip as u64,
                limit: limit as u64,
                ..InstanceQuery::default()
            };
            let found = backends.workflows()?.instances(&info.id, &query).map_err(internal)?;
            let all: Vec<Value> = found.iter().map(|it| view::instance(&info, it)).collect();
            Reply::json(&all)
        }
        Request::WorkflowDelete { workflow } => {
            let info = known(backends, &workflow)?;
            backends.workflows()?.remove(&info.id).map_err(internal)?;
            // What a Worker that runs still holds goes with the next start.
            backends.delete_removed_workflows()?;
            Reply::json(&true)
        }
        Request::WorkflowAsk { workflow, instance, command, argument } => {
            let info = known(backends, &workflow)?;
            if !rules::is_instance_id(&instance) {
                let text = "Workflow instance has invalid id";
                return Err(Failure::new(FailureKind::Invalid, text));
            }
            let workflow = backends.workflow(info)?;
            let answer =
                crate::workflows::ask(switchboard, &workflow, &instance, &command, &argument).await;
            let answer = answer.map_err(internal)?;
            if let Some(refused) = answer.get("refused") {
                let text = |key: &str| refused[key].as_str().unwrap_or_default().to_owned();
                let text = format!("({}) {}", text("code"), text("message"));
                return Err(Failure::new(FailureKind::Invalid, text));
            }
            Reply::json(&answer)
        }
        _ => Err(Failure::new(FailureKind::Internal, "no verb of Workflows")),
    }
}

fn known(backends: &Backends, name: &str) -> Result<WorkflowInfo, Failure> {
    let found = backends.workflows()?.find(NO_ACCOUNT, name).map_err(internal)?;
    let missing = || {
        let text = format!(
            "there is no Workflow \"{name}\"\nhint: `selvedge workflows list` prints those there are"
        );
        Failure::new(FailureKind::Invalid, text)
    };
    found.ok_or_else(missing)
}

fn internal(error: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Internal, error.to_string())
}
