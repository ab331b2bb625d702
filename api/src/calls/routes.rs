//! The routes of a Worker.

use selvedge_deployments::NewRoute;
use serde::Deserialize;

use super::zones::{ROUTE_TAKEN, shown_route};
use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};

pub(crate) async fn list(cx: Cx) -> Answer {
    let key = cx.worker()?;
    let routes = cx.store(move |store| store.routes(&key)).await?;
    Ok(Reply::list(routes.iter().map(shown_route).collect()))
}

#[derive(Deserialize)]
struct New {
    pattern: String,
    zone_name: Option<String>,
    zone_id: Option<String>,
}

/// Replaces them all.
pub(crate) async fn put(mut cx: Cx) -> Answer {
    let (key, _) = cx.existing_worker().await?;
    let new: Vec<New> = cx.json().await?;
    let new: Vec<NewRoute> = new
        .into_iter()
        .map(|New { pattern, zone_name, zone_id }| NewRoute { pattern, zone_name, zone_id })
        .collect();
    let by = cx.actor()?;
    let wanted = key.clone();
    let routes = cx
        .blocking(move |inner| {
            let set = inner.store.set_routes(&wanted, &new, &by);
            set.map_err(|error| ApiError::from(error).with_code(ROUTE_TAKEN))
        })
        .await?;
    cx.apply(&key).await?;
    Ok(Reply::list(routes.iter().map(shown_route).collect()))
}
