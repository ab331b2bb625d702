//! Running SQL.

use selvedge_d1::store::{Query, ResultSet};
use selvedge_d1::{json, rules};
use serde::Deserialize;
use serde_json::{Value, json};

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
    let queries = queries(asked)?;
    let store = data(&cx, &database).await?;
    let sets = run(&store, queries).await.map_err(refused)?;
    let result = |set: ResultSet| {
        let meta = json::meta(&set.meta);
        json!({ "results": rows(set), "success": true, "meta": meta })
    };
    Ok(Reply::ok(sets.into_iter().map(result).collect()))
}

/// The queries. A text of many statements without parameters has a result for
/// each.
fn queries(asked: Asked) -> Result<Vec<Query>, ApiError> {
    let all = match asked {
        Asked::One(one) => vec![one],
        Asked::Many { batch } => batch,
    };
    let mut queries = Vec::new();
    for One { sql, params } in all {
        if rules::is_nothing(&sql) {
            continue;
        }
        let params = params.unwrap_or_default();
        if params.is_empty() {
            queries.extend(selvedge_d1::store::split(&sql));
            continue;
        }
        let params = params.into_iter().map(json::bound).collect::<Result<_, _>>();
        let params = params.map_err(|text| ApiError::bad(SQL_ERROR, text))?;
        queries.push(Query { sql, params });
    }
    if queries.is_empty() {
        return Err(ApiError::bad(SQL_ERROR, rules::NO_STATEMENTS));
    }
    Ok(queries)
}
