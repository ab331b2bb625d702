//! Namespaces of Durable Objects, and their objects.

use serde_json::{Value, json};

use crate::call::Cx;
use crate::error::ApiError;
use crate::host::ObjectNamespace;
use crate::reply::{Answer, Reply};

/// Objects of a page.
const MAX_PAGE: u64 = 10_000;

async fn all(cx: &Cx) -> Result<Vec<ObjectNamespace>, ApiError> {
    let account = cx.account()?;
    cx.blocking(move |inner| Ok(inner.host.object_namespaces(&account)?)).await
}

pub(crate) async fn namespaces(cx: Cx) -> Answer {
    let all = all(&cx).await?;
    let (page, per_page) = cx.page(100, 1000)?;
    let chosen = all.iter().skip((page - 1) * per_page).take(per_page);
    let items: Vec<Value> = chosen.map(|namespace| json!(namespace)).collect();
    Ok(Reply::page(items, page, per_page, all.len()))
}

pub(crate) async fn namespace(cx: Cx) -> Answer {
    let id = cx.param("namespace")?;
    let all = all(&cx).await?;
    let found = all.iter().find(|namespace| namespace.id == id).ok_or_else(missing)?;
    Ok(Reply::ok(json!(found)))
}

fn missing() -> ApiError {
    ApiError::not_found(10066, "there is no such namespace of Durable Objects")
}

pub(crate) async fn objects(cx: Cx) -> Answer {
    let account = cx.account()?;
    let id = cx.param("namespace")?.to_owned();
    let limit = cx.number("limit")?.unwrap_or(1000).clamp(1, MAX_PAGE);
    let cursor = cx.query("cursor").filter(|cursor| !cursor.is_empty()).map(str::to_owned);
    let page = cx
        .blocking(move |inner| {
            let limit = usize::try_from(limit).unwrap_or(1000);
            Ok(inner.host.objects(&account, &id, cursor.as_deref(), limit)?)
        })
        .await?
        .ok_or_else(missing)?;
    let last = page.objects.last().map(|object| object.id.clone());
    let cursor = last.filter(|_| !page.complete).unwrap_or_default();
    let items: Vec<Value> = page.objects.iter().map(|object| json!(object)).collect();
    let info = json!({ "count": items.len(), "cursor": cursor });
    Ok(Reply::ok(Value::Array(items)).with_info(info))
}
