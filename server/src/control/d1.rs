//! The verbs of D1.

use std::sync::Arc;

use bytes::Bytes;
use selvedge_d1::json as shapes;
use selvedge_d1::store::{
    Answer, CatalogError, D1Store as _, DatabaseInfo, DumpOptions, Refusal, Restored, SqliteStore,
    TravelError, Wanted,
};
use serde_json::json;

use super::protocol::{D1Entry, Failure, FailureKind, Reply, Request};
use crate::backends::Backends;

pub(super) async fn execute(
    backends: &Backends,
    request: Request,
    bytes: Bytes,
) -> Result<Reply, Failure> {
    match request {
        Request::D1Databases => {
            let all = backends.with_d1(|catalog| catalog.list())?.map_err(internal)?;
            Reply::json(&all.into_iter().map(entry).collect::<Vec<_>>())
        }
        Request::D1Create { name } => {
            let made = backends.with_d1(|catalog| catalog.create(&name))?.map_err(refused)?;
            Reply::json(&entry(made))
        }
        Request::D1Delete { database } => {
            backends.with_d1(|catalog| catalog.delete(&database))?.map_err(refused)?;
            Reply::json(&true)
        }
        Request::D1Query { database, queries } => query(&*backends.d1(&database)?, queries).await,
        Request::D1Import { database } => {
            let invalid = |_| Failure::new(FailureKind::Invalid, "it is not text in UTF-8");
            let sql = String::from_utf8(bytes.into()).map_err(invalid)?;
            let count = selvedge_d1::store::count(&sql);
            backends.d1(&database)?.import(sql).await.map_err(sql_refused)?;
            Reply::json(&count)
        }
        Request::D1Export { database, tables, no_schema, no_data } => {
            let options = DumpOptions { tables, no_schema, no_data };
            export(backends.d1(&database)?, options).await
        }
        Request::D1Bookmark { database, at } => {
            let bookmark = backends.d1(&database)?.time_travel_bookmark(at).await;
            Reply::json(&json!({ "bookmark": bookmark.map_err(not_there)? }))
        }
        Request::D1Restore { database, bookmark } => {
            let restored = backends.d1(&database)?.time_travel_restore(bookmark).await;
            let Restored { bookmark, previous_bookmark } = restored.map_err(not_there)?;
            Reply::json(&json!({ "bookmark": bookmark, "previous_bookmark": previous_bookmark }))
        }
        _ => Err(Failure::new(FailureKind::Internal, "no verb of D1")),
    }
}

async fn query(
    store: &SqliteStore,
    queries: Vec<(String, Vec<serde_json::Value>)>,
) -> Result<Reply, Failure> {
    let invalid = |text: String| Failure::new(FailureKind::Invalid, text);
    let queries = shapes::queries(queries).map_err(invalid)?;
    let sets = match store.run(queries, Wanted::All) {
        Answer::Ready(results) => results,
        Answer::Later(later) => later.await,
    };
    let sets = sets.map_err(sql_refused)?;
    let results = sets.into_iter().map(|set| shapes::result(set, shapes::objects));
    Reply::json(&results.collect::<Vec<_>>())
}

async fn export(store: Arc<SqliteStore>, options: DumpOptions) -> Result<Reply, Failure> {
    let made = tokio::task::spawn_blocking(move || {
        let mut sql = Vec::new();
        store.export(&options, &mut sql).map(|()| sql)
    });
    let invalid = |error: std::io::Error| Failure::new(FailureKind::Invalid, error.to_string());
    let sql = made.await.map_err(internal)?.map_err(invalid)?;
    Ok(Reply { bytes: sql.into(), ..Reply::json(&true)? })
}

fn entry(info: DatabaseInfo) -> D1Entry {
    let DatabaseInfo { id, title, created } = info;
    D1Entry { id, name: title, created }
}

fn internal(error: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Internal, error.to_string())
}

fn sql_refused(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Sql(_, text) => Failure::new(FailureKind::Invalid, text),
        Refusal::Store(error) => internal(error),
    }
}

fn not_there(error: TravelError) -> Failure {
    match error {
        TravelError::Refused(text) => Failure::new(FailureKind::Invalid, text),
        TravelError::Store(error) => internal(error),
    }
}

fn refused(error: CatalogError) -> Failure {
    let kind = match error {
        CatalogError::TitleTaken { .. } | CatalogError::NotFound { .. } => FailureKind::Invalid,
        CatalogError::Store(_) => FailureKind::Internal,
    };
    Failure::new(kind, error.to_string())
}
