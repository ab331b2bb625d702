//! D1: databases, and their data.

mod query;
mod time_travel;
mod transfer;

pub(crate) use query::{query, raw};
pub(crate) use time_travel::{bookmark, restore};
pub(crate) use transfer::{Transfers, download, export, import, upload};

use std::sync::Arc;

use selvedge_d1::store::{Answer as StoreAnswer, D1Store as _, Query, Refusal, SqlValue};
use selvedge_d1::store::{Results, SqliteStore, Wanted};
use selvedge_deployments::{Resource, ResourceKind};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};
use crate::time::iso;

/// What D1 says of SQL.
const SQL_ERROR: u32 = 7500;
/// The name of a database is taken.
const NAME_TAKEN: u32 = 7502;
/// There is no such database.
const NOT_FOUND: u32 = 7404;

fn shown(database: &Resource) -> Value {
    json!({
        "uuid": database.id,
        "name": database.name,
        "version": "production",
        "created_at": iso(database.created),
    })
}

pub(crate) async fn list(cx: Cx) -> Answer {
    let account = cx.account()?;
    let all = cx.store(move |store| store.resources(&account, ResourceKind::D1Database)).await?;
    let wanted = cx.query("name").filter(|name| !name.is_empty()).map(str::to_owned);
    let all: Vec<_> = all
        .iter()
        .filter(|database| wanted.as_ref().is_none_or(|name| database.name.contains(name)))
        .collect();
    let (page, per_page) = cx.page(1000, 10_000)?;
    let items = all.iter().skip((page - 1) * per_page).take(per_page).map(|it| shown(it));
    Ok(Reply::page(items.collect(), page, per_page, all.len()))
}

#[derive(Deserialize)]
struct New {
    name: String,
    // One machine is one place: where it is to be does not matter.
}

pub(crate) async fn create(mut cx: Cx) -> Answer {
    let account = cx.account()?;
    let New { name } = cx.json().await?;
    let by = cx.actor()?;
    let made = cx
        .blocking(move |inner| {
            let id = uuid::Uuid::new_v4().to_string();
            let new = Resource { id, name, account, created: 0, settings: json!({}) };
            let made = inner.store.create_resource(ResourceKind::D1Database, new, &by);
            made.map_err(|error| ApiError::from(error).with_code(NAME_TAKEN))
        })
        .await?;
    Ok(Reply::ok(shown(&made)))
}

/// The database of the path, by id or name. That of another account is none.
async fn database(cx: &Cx) -> Result<Resource, ApiError> {
    let account = cx.account()?;
    let id = cx.param("database")?.to_owned();
    let wanted = id.clone();
    let kind = ResourceKind::D1Database;
    let found = cx.store(move |store| store.resource(&account, kind, &wanted)).await?;
    found.ok_or_else(|| {
        let text = format!("The database {id} could not be found");
        ApiError::not_found(NOT_FOUND, text)
    })
}

/// The data of a database.
async fn data(cx: &Cx, database: &Resource) -> Result<Arc<SqliteStore>, ApiError> {
    let id = database.id.clone();
    cx.blocking(move |inner| Ok(inner.host.d1(&id)?)).await
}

pub(crate) async fn get(cx: Cx) -> Answer {
    let found = database(&cx).await?;
    let store = data(&cx, &found).await?;
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' \
               AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%'";
    let tables = run(&store, vec![Query { sql: sql.to_owned(), params: Vec::new() }]).await;
    let tables = tables.map_err(refused)?.pop().and_then(|set| set.values.into_iter().next());
    let mut json = shown(&found);
    if let Some(SqlValue::Integer(tables)) = tables {
        json["num_tables"] = tables.into();
    }
    json["file_size"] = store.size().into();
    json["running_in_region"] = "LOCAL".into();
    json["read_replication"] = json!({ "mode": "disabled" });
    Ok(Reply::ok(json))
}

/// The data goes too.
pub(crate) async fn delete(cx: Cx) -> Answer {
    let found = database(&cx).await?;
    let by = cx.actor()?;
    cx.blocking(move |inner| {
        let Resource { id, account, .. } = &found;
        inner.store.delete_resource(account, ResourceKind::D1Database, id, &by)?;
        Ok(inner.host.delete_d1(id)?)
    })
    .await?;
    Ok(Reply::done())
}

async fn run(store: &SqliteStore, queries: Vec<Query>) -> Results {
    match store.run(queries, Wanted::All) {
        StoreAnswer::Ready(results) => results,
        StoreAnswer::Later(later) => later.await,
    }
}

/// What a client is told that D1 refused.
fn refused(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Sql(_, text) => ApiError::bad(SQL_ERROR, text),
        Refusal::Store(error) => error.into(),
    }
}
