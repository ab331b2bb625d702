//! Imports and exports. Their data goes by addresses that are secret and good for
//! an hour: clients send and get it without a token.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::ETAG;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use md5::{Digest as _, Md5};
use selvedge_d1::json;
use selvedge_d1::store::{D1Store as _, DumpOptions, Meta, Refusal};
use selvedge_deployments::UnixMillis;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{SQL_ERROR, data, database};
use crate::call::Cx;
use crate::error::ApiError;
use crate::options::BULK_BYTES;
use crate::reply::{Answer, Reply, whole};

/// How long an address is good.
const GOOD_MS: UnixMillis = 60 * 60 * 1000;
/// Addresses at the same time, of all accounts.
const MAX_TRANSFERS: usize = 64;
/// What was sent and is not imported yet, of all accounts: 400 MB.
const MAX_HELD_BYTES: usize = 4 * BULK_BYTES;
/// Pieces of an export that wait to be sent.
const PIECES: usize = 16;
/// Their size.
const PIECE_BYTES: usize = 64 * 1024;

/// What is under way, by its secret.
#[derive(Debug, Default)]
pub(crate) struct Transfers(Mutex<HashMap<String, Transfer>>);

#[derive(Debug)]
struct Transfer {
    database: String,
    until: UnixMillis,
    what: What,
}

#[derive(Debug)]
enum What {
    /// What was sent, once it was: its hash, and the bytes.
    Import {
        etag: String,
        sent: Option<Bytes>,
    },
    Export(DumpOptions),
}

impl Transfers {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Transfer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, database: &str, what: What, now: UnixMillis) -> Result<String, ApiError> {
        let mut all = self.lock();
        all.retain(|_, transfer| transfer.until > now);
        if all.len() >= MAX_TRANSFERS {
            return Err(ApiError::unavailable());
        }
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| ApiError::internal(&error.to_string()))?;
        let secret: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let transfer = Transfer { database: database.to_owned(), until: now + GOOD_MS, what };
        all.insert(secret.clone(), transfer);
        Ok(secret)
    }
}

fn gone() -> ApiError {
    ApiError::not_found(SQL_ERROR, "there is no such transfer, or its hour is over")
}

#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "lowercase")]
enum Import {
    Init { etag: String },
    Ingest { etag: String, filename: String },
    Poll {},
}

/// The steps of an import: an address to send to, then running what was sent.
pub(crate) async fn import(mut cx: Cx) -> Answer {
    let found = database(&cx).await?;
    match cx.json::<Import>().await? {
        Import::Init { etag } => {
            let what = What::Import { etag: etag.clone(), sent: None };
            let secret = cx.api.0.d1.add(&found.id, what, cx.now())?;
            let upload_url = address(&cx, &secret)?;
            let filename = format!("{secret}.{etag}.sql");
            Ok(Reply::ok(json!({ "upload_url": upload_url, "filename": filename })))
        }
        Import::Ingest { etag, filename } => {
            let secret = filename.split('.').next().unwrap_or_default();
            let sql = take(&cx, secret, &found.id, &etag)?;
            let store = data(&cx, &found).await?;
            let queries = selvedge_d1::store::count(&sql);
            let done = store.import(sql).await;
            let bookmark = store.bookmark();
            Ok(Reply::ok(match done {
                Ok(sets) => {
                    let meta = sets.first().map(|set| set.meta).unwrap_or_default();
                    imported(&bookmark, queries, &meta)
                }
                Err(Refusal::Sql(_, text)) => json!({
                    "success": false, "type": "import", "status": "error", "error": text,
                    "errors": [text], "messages": [], "at_bookmark": bookmark,
                }),
                Err(Refusal::Store(error)) => return Err(error.into()),
            }))
        }
        // It was done by the time that its call was answered.
        Import::Poll {} => {
            let store = data(&cx, &found).await?;
            Ok(Reply::ok(imported(&store.bookmark(), 0, &Meta::default())))
        }
    }
}

fn imported(bookmark: &str, queries: usize, meta: &Meta) -> Value {
    json!({
        "success": true, "type": "import", "status": "complete", "at_bookmark": bookmark,
        "messages": [], "errors": [],
        "result": {
            "final_bookmark": bookmark, "num_queries": queries, "meta": json::meta(meta),
        },
    })
}

/// What was sent for an import, as text.
fn take(cx: &Cx, secret: &str, database: &str, etag: &str) -> Result<String, ApiError> {
    let mut all = cx.api.0.d1.lock();
    let is_it = |it: &Transfer| it.database == database && it.until > cx.now();
    if !all.get(secret).is_some_and(is_it) {
        return Err(gone());
    }
    let sent = match all.remove(secret).map(|transfer| transfer.what) {
        Some(What::Import { etag: known, sent: Some(sent) }) if known == etag => sent,
        _ => return Err(ApiError::bad(SQL_ERROR, "nothing was sent for this import")),
    };
    String::from_utf8(sent.into())
        .map_err(|_| ApiError::bad(SQL_ERROR, "what was sent is not text in UTF-8"))
}

/// Takes what is to be imported.
pub(crate) async fn upload(mut cx: Cx) -> Answer {
    let secret = cx.param("secret")?.to_owned();
    let now = cx.now();
    let expected = match cx.api.0.d1.lock().get(&secret) {
        Some(Transfer { what: What::Import { etag, sent: None }, until, .. }) if *until > now => {
            etag.clone()
        }
        _ => return Err(gone()),
    };
    let bytes = cx.bytes(BULK_BYTES, SQL_ERROR).await?;
    let digest = Md5::digest(&bytes);
    let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    if hash != expected {
        let text = "what was sent has another hash than was said";
        return Err(ApiError::bad(SQL_ERROR, text));
    }
    let mut all = cx.api.0.d1.lock();
    let held: usize = all
        .values()
        .map(|transfer| match &transfer.what {
            What::Import { sent: Some(sent), .. } => sent.len(),
            _ => 0,
        })
        .sum();
    if held + bytes.len() > MAX_HELD_BYTES {
        return Err(ApiError::unavailable());
    }
    match all.get_mut(&secret).map(|transfer| &mut transfer.what) {
        Some(What::Import { sent, .. }) => *sent = Some(bytes),
        _ => return Err(gone()),
    }
    drop(all);
    let mut response = Response::new(whole(Bytes::new()));
    let etag = HeaderValue::from_str(&format!("\"{hash}\""));
    let etag = etag.map_err(|error| ApiError::internal(&error.to_string()))?;
    response.headers_mut().insert(ETAG, etag);
    Ok(Reply::Raw(response))
}

#[derive(Deserialize)]
struct Export {
    #[serde(default)]
    dump_options: Dump,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Dump {
    tables: Vec<String>,
    no_schema: bool,
    no_data: bool,
}

/// An address from which the statements can be read.
pub(crate) async fn export(mut cx: Cx) -> Answer {
    let found = database(&cx).await?;
    let Export { dump_options: Dump { tables, no_schema, no_data } } = cx.json().await?;
    let what = What::Export(DumpOptions { tables, no_schema, no_data });
    let secret = cx.api.0.d1.add(&found.id, what, cx.now())?;
    let bookmark = data(&cx, &found).await?.bookmark();
    let signed_url = address(&cx, &secret)?;
    Ok(Reply::ok(json!({
        "success": true, "type": "export", "status": "complete", "at_bookmark": bookmark,
        "messages": [], "errors": [],
        "result": { "filename": format!("{}.sql", found.name), "signed_url": signed_url },
    })))
}

/// Sends the statements as they are made.
pub(crate) async fn download(cx: Cx) -> Answer {
    let secret = cx.param("secret")?;
    let (id, options) = match cx.api.0.d1.lock().get(secret) {
        Some(Transfer { what: What::Export(options), until, database }) if *until > cx.now() => {
            (database.clone(), options.clone())
        }
        _ => return Err(gone()),
    };
    let store = cx.blocking(move |inner| Ok(inner.host.d1(&id)?)).await?;
    let (pieces, mut made) = mpsc::channel::<Result<Frame<Bytes>, std::io::Error>>(PIECES);
    tokio::task::spawn_blocking(move || {
        let mut to = std::io::BufWriter::with_capacity(PIECE_BYTES, Sender(pieces.clone()));
        let result = store.export(&options, &mut to);
        let result = result.and_then(|()| std::io::Write::flush(&mut to));
        if let Err(error) = result {
            let _ = pieces.blocking_send(Err(error));
        }
    });
    // What cannot begin is told as an error, and not as an answer that breaks off.
    let first = match made.recv().await {
        Some(Err(error)) => return Err(ApiError::bad(SQL_ERROR, error.to_string())),
        first => first,
    };
    let rest = futures::stream::unfold(made, async |mut made| {
        made.recv().await.map(|piece| (piece, made))
    });
    let all = futures::StreamExt::chain(futures::stream::iter(first), rest);
    let mut response = Response::new(StreamBody::new(all).boxed_unsync());
    *response.status_mut() = StatusCode::OK;
    let plain = HeaderValue::from_static("application/sql; charset=utf-8");
    response.headers_mut().insert(http::header::CONTENT_TYPE, plain);
    Ok(Reply::Raw(response))
}

/// Writes into the answer, and waits where that is slow.
struct Sender(mpsc::Sender<Result<Frame<Bytes>, std::io::Error>>);

impl std::io::Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let piece = Frame::data(Bytes::copy_from_slice(bytes));
        let gone = |_| std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        self.0.blocking_send(Ok(piece)).map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// On the listener that the call came to, whatever name it has for the client.
fn address(cx: &Cx, secret: &str) -> Result<String, ApiError> {
    let headers = &cx.parts.headers;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let authority = cx.parts.uri.authority().map(|authority| authority.as_str());
    let host = text("host").or(authority);
    let host = host.ok_or_else(|| ApiError::bad(10004, "the request has no Host"))?;
    let scheme = text("x-forwarded-proto").filter(|it| *it == "https").unwrap_or("http");
    Ok(format!("{scheme}://{host}/client/v4/d1-transfers/{secret}"))
}
