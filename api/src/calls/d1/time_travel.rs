//! Time Travel: bookmarks, and going back to one.

use selvedge_d1::store::TravelError;
use serde_json::json;

use super::{SQL_ERROR, data, database};
use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};
use crate::time;

/// That of a time, or the present one.
pub(crate) async fn bookmark(cx: Cx) -> Answer {
    let found = database(&cx).await?;
    let at = match cx.query("timestamp").filter(|text| !text.is_empty()) {
        Some(text) => Some(time::parse(text).ok_or_else(|| {
            ApiError::bad(SQL_ERROR, format!("\"{text}\" is no time of RFC 3339"))
        })?),
        None => None,
    };
    let bookmark = data(&cx, &found).await?.time_travel_bookmark(at).await.map_err(refused)?;
    Ok(Reply::ok(json!({ "bookmark": bookmark })))
}

/// Goes back to a bookmark, or to a time.
pub(crate) async fn restore(cx: Cx) -> Answer {
    let found = database(&cx).await?;
    let store = data(&cx, &found).await?;
    let some = |name| cx.query(name).filter(|text| !text.is_empty());
    let wanted = match (some("bookmark"), some("timestamp")) {
        (Some(bookmark), None) => bookmark.to_owned(),
        (None, Some(text)) => {
            let invalid = || ApiError::bad(SQL_ERROR, format!("\"{text}\" is no time of RFC 3339"));
            let at = time::parse(text).ok_or_else(invalid)?;
            store.time_travel_bookmark(Some(at)).await.map_err(refused)?
        }
        _ => return Err(ApiError::bad(SQL_ERROR, "one of bookmark and timestamp is needed")),
    };
    let done = store.time_travel_restore(wanted).await.map_err(refused)?;
    Ok(Reply::ok(json!({
        "bookmark": done.bookmark,
        "previous_bookmark": done.previous_bookmark,
        "message": "The database was restored.",
    })))
}

fn refused(error: TravelError) -> ApiError {
    match error {
        TravelError::Refused(text) => ApiError::bad(SQL_ERROR, text),
        TravelError::Store(error) => error.into(),
    }
}
