//! The verb of Analytics Engine.

use bytes::Bytes;
use selvedge_analytics::Error;
use selvedge_analytics::query::ask;

use super::protocol::{Failure, FailureKind, Reply};
use crate::backends::Backends;
use crate::bindings::NO_ACCOUNT;

pub(super) async fn query(backends: &Backends, sql: String) -> Result<Reply, Failure> {
    let store = backends.analytics()?;
    let internal = |error: String| Failure::new(FailureKind::Internal, error);
    let asked = tokio::task::spawn_blocking(move || {
        // What was written before is seen.
        store.flush();
        ask(&store.file_of(NO_ACCOUNT), &sql)
    });
    let answer = asked.await.map_err(|error| internal(error.to_string()))?;
    let answer = answer.map_err(|error| match error {
        Error::Storage(error) => internal(error.to_string()),
        error => Failure::new(FailureKind::Invalid, error.to_string()),
    })?;
    let (_, text) = answer.write();
    Ok(Reply { bytes: Bytes::from(text), ..Reply::json(&true)? })
}
