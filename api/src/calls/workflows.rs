//! Workflows: which there are, and their instances.

mod instances;

pub(crate) use instances::{
    batch_delete, create, describe, instances, send_event, set_status, terminate_all,
};

use std::sync::Arc;

use selvedge_deployments::WorkerKey;
use selvedge_workflows::rules::{DEFAULT_STEPS, check_name, check_steps};
use selvedge_workflows::store::{Index, Wanted, WorkflowInfo};
use selvedge_workflows::view;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};

/// There is no such Workflow: wrangler asks for this code.
const NOT_FOUND: u32 = 10_200;
/// There is no such instance.
const NO_INSTANCE: u32 = 10_201;
/// What was said of a Workflow or an instance is not valid.
const INVALID: u32 = 10_202;

fn not_found(name: &str) -> ApiError {
    ApiError::not_found(NOT_FOUND, format!("workflow not found: there is no Workflow \"{name}\""))
}

/// The Workflow of the path, and the index.
async fn found(cx: &Cx) -> Result<(Arc<Index>, WorkflowInfo), ApiError> {
    let (account, name) = (cx.account()?, cx.param("workflow")?.to_owned());
    cx.blocking(move |inner| {
        let index = inner.host.workflows()?;
        let found = index.find(account.as_str(), &name)?;
        Ok((index, found.ok_or_else(|| not_found(&name))?))
    })
    .await
}

/// A random UUID.
fn random_id() -> Result<String, ApiError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| ApiError::internal(&error.to_string()))?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    Ok(parts.join("-"))
}

/// How one Workflow is told.
fn shown(index: &Index, info: &WorkflowInfo) -> Result<Value, ApiError> {
    let mut shown = view::workflow(info, &index.counts(&info.id)?);
    let schedules = index.schedules_of(&info.id)?;
    shown["schedules"] = schedules.iter().map(|cron| json!({ "cron": cron })).collect();
    Ok(shown)
}

pub(crate) async fn list(cx: Cx) -> Answer {
    let account = cx.account()?;
    let search = cx.query("search").unwrap_or_default().to_owned();
    let (page, per_page) = cx.page(50, 1000)?;
    let all = cx
        .blocking(move |inner| {
            let index = inner.host.workflows()?;
            let mut shown_all = Vec::new();
            for info in index.all()? {
                if info.account == account.as_str() && info.name.contains(&search) {
                    shown_all.push(shown(&index, &info)?);
                }
            }
            Ok(shown_all)
        })
        .await?;
    let total = all.len();
    let items = all.into_iter().skip((page - 1) * per_page).take(per_page);
    Ok(Reply::page(items.collect(), page, per_page, total))
}

pub(crate) async fn get(cx: Cx) -> Answer {
    let (index, info) = found(&cx).await?;
    Ok(Reply::ok(shown(&index, &info)?))
}

/// What a client says that a Workflow is to be.
#[derive(Deserialize)]
struct Put {
    script_name: String,
    class_name: String,
    limits: Option<Limits>,
    schedules: Option<Vec<Schedule>>,
}

#[derive(Deserialize)]
struct Schedule {
    cron: String,
}

#[derive(Deserialize)]
struct Limits {
    steps: Option<u32>,
}

pub(crate) async fn put(mut cx: Cx) -> Answer {
    let (account, name) = (cx.account()?, cx.param("workflow")?.to_owned());
    let Put { script_name, class_name, limits, schedules } = cx.json().await?;
    let invalid = |text: String| ApiError::bad(INVALID, text);
    check_name(&name).map_err(invalid)?;
    let steps = limits.and_then(|limits| limits.steps).unwrap_or(DEFAULT_STEPS);
    check_steps(steps).map_err(invalid)?;
    let mut crons = Vec::new();
    for Schedule { cron } in schedules.unwrap_or_default() {
        super::schedules::check(&cron)?;
        crons.push(cron);
    }
    crons.sort();
    crons.dedup();
    let made = cx
        .blocking(move |inner| {
            let key = WorkerKey { account: account.clone(), name: script_name };
            if inner.store.worker(&key)?.is_none() {
                return Err(ApiError::no_script());
            }
            let index = inner.host.workflows()?;
            let (account, script) = (account.to_string(), key.to_string());
            let (class, schedules) = (class_name, crons);
            let wanted = Wanted { account, name, script, class, steps, schedules };
            let info = inner.host.put_workflow(&wanted)?;
            let versions = index.versions(&info.id)?;
            let mut told = view::workflow(&info, &[]);
            told["version_id"] = versions.first().map(|version| version.id.clone()).into();
            Ok(told)
        })
        .await?;
    Ok(Reply::ok(made))
}

pub(crate) async fn delete(cx: Cx) -> Answer {
    let (_, info) = found(&cx).await?;
    cx.blocking(move |inner| Ok(inner.host.delete_workflow(&info)?)).await?;
    Ok(Reply::ok(json!({ "status": "ok", "success": true })))
}

pub(crate) async fn versions(cx: Cx) -> Answer {
    let (index, info) = found(&cx).await?;
    let all = index.versions(&info.id)?;
    Ok(Reply::list(all.iter().map(|version| view::version(&info, version)).collect()))
}
