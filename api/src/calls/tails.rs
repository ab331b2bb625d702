//! Tails: asking for one, and reading it.

use http::{HeaderValue, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::call::Cx;
use crate::error::ApiError;
use crate::options::JSON_BYTES;
use crate::reply::{Answer, Reply};
use crate::tails::{Filter, MAX_TAILS, Tail, pump};
use crate::time::iso;

/// The subprotocol of tails.
const PROTOCOL: &str = "trace-v1";

fn random(digits: usize) -> Result<String, ApiError> {
    let mut bytes = vec![0; digits / 2];
    getrandom::fill(&mut bytes).map_err(|error| ApiError::internal(&error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

pub(crate) async fn list(cx: Cx) -> Answer {
    let (key, _) = cx.existing_worker().await?;
    let tails = cx.api.0.tails.of(&key, cx.now());
    let item = |tail: &std::sync::Arc<Tail>| {
        json!({ "id": tail.id,
        "expires_at": iso(tail.expires) })
    };
    Ok(Reply::list(tails.iter().map(item).collect()))
}

pub(crate) async fn create(mut cx: Cx) -> Answer {
    let (key, _) = cx.existing_worker().await?;
    let body = cx.bytes(JSON_BYTES, 10027).await?;
    let body: Value = match body.is_empty() {
        true => Value::Null,
        false => serde_json::from_slice(&body).map_err(|error| {
            ApiError::bad(6007, format!("Malformed JSON in request body: {error}"))
        })?,
    };
    let filter =
        Filter::parse(&body, &cx.peer.to_string()).map_err(|text| ApiError::bad(10004, text))?;
    let (id, secret) = (random(32)?, random(64)?);
    let url = address(&cx, &secret)?;
    let tail = cx.api.0.tails.add(secret, id, key, filter, cx.now());
    let too_many = || {
        let text = format!("the Worker already has {MAX_TAILS} tails, which is the most");
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, 10057, text)
    };
    let tail = tail.ok_or_else(too_many)?;
    Ok(Reply::ok(json!({ "id": tail.id, "url": url, "expires_at": iso(tail.expires) })))
}

/// On the listener that the call came to, whatever name it has for the client.
fn address(cx: &Cx, secret: &str) -> Result<String, ApiError> {
    let headers = &cx.parts.headers;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let authority = cx.parts.uri.authority().map(|authority| authority.as_str());
    let host = text("host").or(authority);
    let host = host.ok_or_else(|| ApiError::bad(10004, "the request has no Host"))?;
    let scheme = match text("x-forwarded-proto") {
        Some("https") => "wss",
        _ => "ws",
    };
    Ok(format!("{scheme}://{host}/client/v4/tails/{secret}"))
}

pub(crate) async fn delete(cx: Cx) -> Answer {
    let key = cx.worker()?;
    let id = cx.param("tail")?;
    match cx.api.0.tails.end(&key, id) {
        true => Ok(Reply::done()),
        false => Err(ApiError::not_found(10005, "there is no such tail")),
    }
}

/// The WebSocket. Its address is secret, and good for one client.
pub(crate) async fn connect(cx: Cx) -> Answer {
    let secret = cx.param("secret")?.to_owned();
    let request = Request::from_parts(cx.parts.clone(), ());
    let offered = request.headers().get_all("sec-websocket-protocol");
    let speaks = offered
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|name| name.trim() == PROTOCOL));
    if !fastwebsockets::upgrade::is_upgrade_request(&request) || !speaks {
        let text = format!("a tail is a WebSocket of the protocol \"{PROTOCOL}\"");
        return Err(ApiError::new(StatusCode::UPGRADE_REQUIRED, 10004, text));
    }
    let gone = || ApiError::not_found(10005, "there is no such tail");
    let tail = cx.api.0.tails.take(&secret, cx.now()).ok_or_else(gone)?;
    let (response, upgrade) = fastwebsockets::upgrade::upgrade(Request::from_parts(cx.parts, ()))
        .map_err(|error| ApiError::bad(10004, error.to_string()))?;
    let api = cx.api.clone();
    let stopped = tail.stopped();
    tokio::spawn(async move {
        if let Ok(socket) = upgrade.await {
            let events = api.0.host.tail(&tail.key);
            pump(socket, tail.clone(), events, stopped).await;
        }
        api.0.tails.end(&tail.key, &tail.id);
    });
    let mut response = response.map(|empty| empty.map_err(|never| match never {}).boxed_unsync());
    response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(PROTOCOL));
    Ok(Reply::Raw(response))
}
