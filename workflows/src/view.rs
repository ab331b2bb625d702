//! Workflows and instances as Cloudflare's API tells them
//! (<https://developers.cloudflare.com/api/resources/workflows/>).

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use crate::rules::STATUSES;
use crate::store::{InstanceInfo, UnixMs, VersionInfo, WorkflowInfo};

/// RFC 3339 in UTC.
pub fn iso(at: UnixMs) -> String {
    let time = DateTime::from_timestamp_millis(at).unwrap_or(DateTime::UNIX_EPOCH);
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The Worker's name without its account.
pub fn script_of(info: &WorkflowInfo) -> &str {
    let own = info.script.strip_prefix(&info.account);
    own.and_then(|rest| rest.strip_prefix('/')).unwrap_or(&info.script)
}

/// A Workflow, with how many instances are at each status.
pub fn workflow(info: &WorkflowInfo, counts: &[(String, u64)]) -> Value {
    let mut instances = Map::new();
    for status in STATUSES {
        let found = counts.iter().find(|(known, _)| known == status);
        instances.insert(status.to_owned(), found.map_or(0, |(_, count)| *count).into());
    }
    json!({
        "id": info.id,
        "name": info.name,
        "script_name": script_of(info),
        "class_name": info.class,
        "created_on": iso(info.created),
        "modified_on": iso(info.modified),
        "limits": { "steps": info.steps },
        "instances": instances,
    })
}

/// A version of a Workflow.
pub fn version(workflow: &WorkflowInfo, version: &VersionInfo) -> Value {
    json!({
        "id": version.id,
        "class_name": version.class,
        "created_on": iso(version.created),
        "modified_on": iso(version.created),
        "workflow_id": workflow.id,
    })
}

/// An instance in a list.
pub fn instance(workflow: &WorkflowInfo, instance: &InstanceInfo) -> Value {
    json!({
        "id": instance.id,
        "status": instance.status,
        "created_on": iso(instance.times.created),
        "modified_on": iso(instance.modified),
        "started_on": instance.times.started.map(iso),
        "ended_on": instance.times.ended.map(iso),
        "version_id": instance.version,
        "workflow_id": workflow.id,
    })
}
