//! Instances of a Workflow: their list stands in the index, everything else is asked
//! of themselves.

use http::StatusCode;
use selvedge_workflows::rules::{STATUSES, is_instance_id};
use selvedge_workflows::store::{InstanceQuery, WorkflowInfo};
use selvedge_workflows::view;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{INVALID, NO_INSTANCE, found};
use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};

/// Instances that one call deletes, at most.
const MAX_DELETED: usize = 100;
/// Instances that one call terminates before it comes back.
const MAX_TERMINATED: u64 = 10_000;

/// What an instance refused.
fn refusal(refused: &Value) -> ApiError {
    let code = refused["code"].as_str().unwrap_or_default();
    let message = format!("({code}) {}", refused["message"].as_str().unwrap_or_default());
    match code {
        "instance.not_found" => ApiError::not_found(NO_INSTANCE, message),
        "instance.already_exists" => ApiError::conflict(INVALID, message),
        _ => ApiError::bad(INVALID, message),
    }
}

/// Asks an instance; what it refuses is an error.
async fn ask(
    cx: &Cx,
    workflow: &WorkflowInfo,
    instance: &str,
    command: &str,
    argument: Value,
) -> Result<Value, ApiError> {
    if !is_instance_id(instance) {
        return Err(ApiError::bad(INVALID, "Workflow instance has invalid id"));
    }
    let host = cx.host();
    let answer = host.ask_instance(workflow, instance, command, &argument).await?;
    match answer.get("refused") {
        Some(refused) => Err(refusal(refused)),
        None => Ok(answer),
    }
}

fn checked_status(status: Option<&str>) -> Result<Option<String>, ApiError> {
    match status {
        Some(status) if STATUSES.contains(&status) => Ok(Some(status.to_owned())),
        Some(status) => {
            Err(ApiError::bad(INVALID, format!("\"{status}\" is no status of an instance")))
        }
        None => Ok(None),
    }
}

pub(crate) async fn instances(cx: Cx) -> Answer {
    let (index, workflow) = found(&cx).await?;
    let (page, per_page) = cx.page(50, 100)?;
    let date = |key: &str| -> Result<Option<i64>, ApiError> {
        let Some(text) = cx.query(key) else { return Ok(None) };
        let invalid = || ApiError::bad(INVALID, format!("\"{key}\" is no date"));
        crate::time::parse(text).map(Some).ok_or_else(invalid)
    };
    let (after, newest_first) = match cx.query("cursor").filter(|cursor| !cursor.is_empty()) {
        Some(cursor) => {
            let invalid = || ApiError::bad(INVALID, "the cursor is not one of this list");
            let (time, id) = cursor.split_once('.').ok_or_else(invalid)?;
            (Some((time.parse().map_err(|_| invalid())?, id.to_owned())), true)
        }
        None => (None, cx.query("direction") != Some("asc")),
    };
    let query = InstanceQuery {
        status: checked_status(cx.query("status"))?,
        from: date("date_start")?,
        to: date("date_end")?,
        newest_first,
        skip: if after.is_some() { 0 } else { ((page - 1) * per_page) as u64 },
        after,
        limit: per_page as u64,
    };
    let found = index.instances(&workflow.id, &query)?;
    let counts = index.counts(&workflow.id)?;
    let is_counted = |status: &str| query.status.as_deref().is_none_or(|wanted| wanted == status);
    let total = counts.iter().filter(|(status, _)| is_counted(status)).map(|(_, count)| *count);
    let total: u64 = total.sum();
    let last = found.last().filter(|_| found.len() == per_page && newest_first);
    let cursor = last.map(|last| format!("{}.{}", last.times.created, last.id));
    let items: Vec<Value> = found.iter().map(|it| view::instance(&workflow, it)).collect();
    let info = json!({
        "page": page, "per_page": per_page, "count": items.len(), "total_count": total,
        "cursor": cursor,
    });
    Ok(Reply::ok(Value::Array(items)).with_info(info))
}

/// What a new instance is made of.
#[derive(Default, Deserialize)]
#[serde(default)]
struct New {
    instance_id: Option<String>,
    params: Option<Value>,
    instance_retention: Option<Retention>,
}

#[derive(Deserialize)]
struct Retention {
    success_retention: Option<Value>,
    error_retention: Option<Value>,
}

pub(crate) async fn create(mut cx: Cx) -> Answer {
    let (index, workflow) = found(&cx).await?;
    let new: New = cx.json().await?;
    let id = match new.instance_id {
        Some(id) => id,
        None => super::random_id()?,
    };
    let version = index.versions(&workflow.id)?.first().map(|version| version.id.clone());
    let retention = new.instance_retention.map(|it| {
        json!({ "successRetention": it.success_retention, "errorRetention": it.error_retention })
    });
    let argument = json!({
        "id": id, "params": new.params.unwrap_or_else(|| json!({})), "version": version,
        "retention": retention,
    });
    ask(&cx, &workflow, &id, "create", argument).await?;
    let told = json!({
        "id": id, "status": "queued", "version_id": version, "workflow_id": workflow.id,
    });
    Ok(Reply::ok(told))
}

pub(crate) async fn describe(cx: Cx) -> Answer {
    let (_, workflow) = found(&cx).await?;
    let instance = cx.param("instance")?.to_owned();
    Ok(Reply::ok(ask(&cx, &workflow, &instance, "describe", json!({})).await?))
}

/// What is to become of an instance.
#[derive(Deserialize)]
struct Change {
    status: String,
    from: Option<Value>,
    rollback: Option<bool>,
}

pub(crate) async fn set_status(mut cx: Cx) -> Answer {
    let (_, workflow) = found(&cx).await?;
    let instance = cx.param("instance")?.to_owned();
    let Change { status, from, rollback } = cx.json().await?;
    if !matches!(status.as_str(), "pause" | "resume" | "restart" | "terminate") {
        let text = "\"status\" is \"pause\", \"resume\", \"restart\" or \"terminate\"";
        return Err(ApiError::bad(INVALID, text));
    }
    let argument = json!({ "from": from, "rollback": rollback.unwrap_or(false) });
    ask(&cx, &workflow, &instance, &status, argument).await?;
    let now = ask(&cx, &workflow, &instance, "status", json!({})).await?;
    Ok(Reply::ok(json!({ "status": now["status"], "timestamp": view::iso(cx.now()) })))
}

pub(crate) async fn send_event(mut cx: Cx) -> Answer {
    let (_, workflow) = found(&cx).await?;
    let instance = cx.param("instance")?.to_owned();
    let kind = cx.param("event")?.to_owned();
    let body = cx.bytes(2 << 20, INVALID).await?;
    let payload: Value = match body.is_empty() {
        true => Value::Null,
        false => serde_json::from_slice(&body).map_err(|error| {
            ApiError::bad(INVALID, format!("the payload of the event is not JSON: {error}"))
        })?,
    };
    let argument = json!({ "type": kind, "payload": payload });
    ask(&cx, &workflow, &instance, "sendEvent", argument).await?;
    Ok(Reply::done())
}

/// Terminates all instances, or those of one status.
pub(crate) async fn terminate_all(cx: Cx) -> Answer {
    let (index, workflow) = found(&cx).await?;
    let wanted = checked_status(cx.query("status"))?;
    let live = ["queued", "running", "paused", "waiting", "waitingForPause"];
    let mut count = 0;
    for status in live.iter().filter(|status| wanted.as_ref().is_none_or(|it| it == *status)) {
        let query = InstanceQuery {
            status: Some((*status).to_owned()),
            limit: MAX_TERMINATED,
            ..InstanceQuery::default()
        };
        for instance in index.instances(&workflow.id, &query)? {
            match ask(&cx, &workflow, &instance.id, "terminate", json!({})).await {
                Ok(_) => count += 1,
                // It has ended meanwhile.
                Err(error) if error.status != StatusCode::INTERNAL_SERVER_ERROR => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(Reply::ok(json!({ "status": "ok", "instancesTerminated": count })))
}

#[derive(Deserialize)]
struct Batch {
    instances: Vec<String>,
}

pub(crate) async fn batch_delete(mut cx: Cx) -> Answer {
    let (_, workflow) = found(&cx).await?;
    let Batch { instances } = cx.json().await?;
    if instances.is_empty() || instances.len() > MAX_DELETED {
        let text = format!("\"instances\" has between 1 and {MAX_DELETED} ids");
        return Err(ApiError::bad(INVALID, text));
    }
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for id in instances {
        match ask(&cx, &workflow, &id, "remove", json!({})).await {
            Ok(_) => deleted.push(json!({ "id": id })),
            Err(error) => {
                errors.push(json!({ "id": id, "code": error.code, "message": error.message }));
            }
        }
    }
    Ok(Reply::ok(json!({ "deleted": deleted, "errors": errors })))
}
