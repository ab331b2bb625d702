//! Running SQL.

use selvedge_d1::json;
use selvedge_d1::store::ResultSet;
use serde::Deserialize;
use serde_json::Value;

use super::{SQL_ERROR, data, database, refused, run};
use crate::call::Cx;
use crate::error::ApiError;
use crate::options::BULK_BYTES;
use crate::reply::{Answer, Reply};

/// One query, or many that are done all or none.
#[derive(Deserialize)]
#[serde(untagged)]
enum Asked {
    Many { batch: Vec<One> },
    One(One),
}

#[derive(Deserialize)]
struct One {
    sql: String,
    #[serde(default)]
    params: Option<Vec<Value>>,
}

/// Rows as objects.
pub(crate) async fn query(cx: Cx) -> Answer {
    answer(cx, json::objects).await
}

/// Rows as arrays.
pub(crate) async fn raw(cx: Cx) -> Answer {
    answer(cx, json::raw).await
}

async fn answer(mut cx: Cx, rows: fn(ResultSet) -> Value) -> Answer {
    let database = database(&cx).await?;
    let asked: Asked = cx.json_within(BULK_BYTES).await?;
    let all = match asked {
        Asked::One(one) => vec![one],
        Asked::Many { batch } => batch,
    };
    let all = all.into_iter().map(|One { sql, params }| (sql, params.unwrap_or_default()));
    let queries = json::queries(all).map_err(|text| ApiError::bad(SQL_ERROR, text))?;
    let store = data(&cx, &database).await?;
    let sets = run(&store, queries).await.map_err(refused)?;
    Ok(Reply::ok(sets.into_iter().map(|set| json::result(set, rows)).collect()))
}
