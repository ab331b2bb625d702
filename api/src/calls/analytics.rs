//! Analytics Engine: questions in SQL.

use bytes::Bytes;
use http::StatusCode;
use selvedge_analytics::Error;
use selvedge_analytics::query::ask;

use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply, response};

/// The text of a question: 64 KiB.
const MAX_SQL: usize = 64 * 1024;

/// The question is the body, or `query`. The answer has no envelope.
pub(crate) async fn sql(mut cx: Cx) -> Answer {
    let account = cx.account()?;
    let sql: Bytes = match cx.query("query") {
        Some(sql) => sql.to_owned().into(),
        None => cx.bytes(MAX_SQL, 10027).await?,
    };
    let sql = String::from_utf8_lossy(&sql).into_owned();
    let answered = cx
        .blocking(move |inner| {
            let store = inner.host.analytics()?;
            // What was written before is seen.
            store.flush();
            Ok(ask(&store.file_of(account.as_str()), &sql))
        })
        .await?;
    let answer = answered.map_err(|error| match error {
        Error::Storage(error) => error.into(),
        error => ApiError::bad(10029, error.to_string()),
    })?;
    let (kind, text) = answer.write();
    Ok(Reply::Raw(response(StatusCode::OK, kind, text.into())))
}
