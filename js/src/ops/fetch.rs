//! Subrequests.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use deno_core::{CancelFuture, CancelHandle, JsBuffer, OpState, ResourceId, op2, serde_json};
use deno_error::JsErrorBox;
use selvedge_runtime::body::BodyResource;
use selvedge_runtime::headers::{HeaderBlob, HeaderBlobBuf};
use selvedge_runtime::outbound::{CacheMode, Caching, OutboundBody, Redirect, ServiceResource};
use selvedge_runtime::{OutboundRequest, OutboundResponse, Span};
use serde::{Deserialize, Serialize};

use super::isolate;

/// The parts of a subrequest that are not bytes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FetchArgs {
    slot: u32,
    method: String,
    url: String,
    /// `follow`, `manual` or `error`.
    redirect: String,
    keep_encoding: bool,
    /// The resource that holds the body.
    body: Option<ResourceId>,
    /// Answers `op_fetch_cancel`.
    cancel: Option<ResourceId>,
    /// The socket that a 101 response gets.
    socket: Option<u32>,
    /// The resource of the service binding that it goes through.
    service: Option<ResourceId>,
    /// How deep the event is, in a context that has several.
    depth: u32,
    /// What it says of the cache.
    caching: Option<CachingArgs>,
}

/// The parts of `cf` that concern the cache, and the `cache` option. What is not
/// of the type that it should be counts as absent.
#[derive(Deserialize)]
pub(crate) struct CachingArgs {
    mode: Option<String>,
    /// JSON of `[cacheTtl, cacheTtlByStatus, cacheEverything, cacheKey, cacheTags,
    /// cacheControl]`.
    cf: Option<String>,
}

impl CachingArgs {
    fn read(&self) -> Caching {
        let cf: Vec<serde_json::Value> =
            self.cf.as_deref().and_then(|cf| serde_json::from_str(cf).ok()).unwrap_or_default();
        let get = |at: usize| cf.get(at).unwrap_or(&serde_json::Value::Null);
        let by_status = get(1).as_object().map(|map| map.iter().filter_map(status_range).collect());
        let tags = get(4)
            .as_array()
            .map(|tags| tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect());
        Caching {
            mode: match self.mode.as_deref() {
                Some("no-store") => CacheMode::NoStore,
                Some("no-cache") => CacheMode::NoCache,
                Some("reload") => CacheMode::Reload,
                _ => CacheMode::Default,
            },
            ttl: whole_seconds(get(0)),
            ttl_by_status: by_status.unwrap_or_default(),
            everything: get(2).as_bool().unwrap_or(false),
            key: get(3).as_str().map(str::to_owned),
            tags: tags.unwrap_or_default(),
            control: get(5).as_str().map(str::to_owned),
        }
    }
}

fn whole_seconds(value: &serde_json::Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
}

/// `"404"` or `"200-299"`, and the seconds.
fn status_range((statuses, ttl): (&String, &serde_json::Value)) -> Option<(u16, u16, i64)> {
    let (first, last) = statuses.split_once('-').unwrap_or((statuses, statuses));
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?, whole_seconds(ttl)?))
}

/// What came back, without the body's bytes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FetchResult {
    status: u16,
    status_text: String,
    /// Latin-1, as a header blob.
    headers: String,
    url: String,
    redirected: bool,
    body: Option<ResourceId>,
    body_length: Option<u64>,
    websocket: bool,
}

/// Lets `AbortSignal` end a subrequest.
pub(crate) struct FetchCancel(Rc<CancelHandle>);

impl deno_core::Resource for FetchCancel {
    fn name(&self) -> Cow<'_, str> {
        "fetchCancel".into()
    }

    fn close(self: Rc<Self>) {
        self.0.cancel();
    }
}

/// Makes a handle whose closing aborts the subrequest that it is given to.
#[op2(fast)]
#[smi]
pub(crate) fn op_fetch_cancel(state: &mut OpState) -> ResourceId {
    state.resource_table.add(FetchCancel(CancelHandle::new_rc()))
}

/// Sends a subrequest and settles when the response's head is there.
#[op2]
#[serde]
pub(crate) async fn op_fetch(
    state: Rc<RefCell<OpState>>,
    #[serde] args: FetchArgs,
    #[string(onebyte)] headers: Cow<'static, [u8]>,
    #[buffer] bytes: Option<JsBuffer>,
) -> Result<FetchResult, JsErrorBox> {
    let (isolate, outbound, cancel, body, service) = {
        let mut state = state.borrow_mut();
        let isolate = isolate(&state);
        let outbound = isolate
            .outbound()
            .ok_or_else(|| JsErrorBox::type_error("this Worker has no way out"))?;
        let cancel = args
            .cancel
            .and_then(|rid| state.resource_table.get::<FetchCancel>(rid).ok())
            .map(|handle| handle.0.clone());
        let body = match (args.body, bytes) {
            (Some(rid), _) => {
                let source = state
                    .resource_table
                    .take::<BodyResource>(rid)
                    .ok()
                    .and_then(BodyResource::take)
                    .ok_or_else(|| JsErrorBox::type_error("Body has already been used."))?;
                let length = source.length();
                OutboundBody::Stream(source, length)
            }
            (None, Some(bytes)) => OutboundBody::Bytes(bytes::Bytes::copy_from_slice(&bytes)),
            (None, None) => OutboundBody::Empty,
        };
        let service = match args.service {
            Some(rid) => match state.resource_table.get::<ServiceResource>(rid) {
                Ok(resource) => Some(resource.0.clone()),
                Err(_) => return Err(JsErrorBox::type_error("the service binding is closed")),
            },
            None => None,
        };
        (isolate, outbound, cancel, body, service)
    };
    let mut blob = HeaderBlobBuf::default();
    for (name, value) in HeaderBlob(&headers).iter() {
        blob.push(name, value);
    }
    let slot = args.slot;
    let request = OutboundRequest {
        method: args.method,
        url: args.url,
        headers: blob,
        body,
        redirect: match args.redirect.as_str() {
            "manual" => Redirect::Manual,
            "error" => Redirect::Error,
            _ => Redirect::Follow,
        },
        keep_encoding: args.keep_encoding,
        context: slot,
        websocket: args.socket,
        service,
        caching: args.caching.map(|caching| Box::new(caching.read())),
        is_uncounted: false,
        depth: args.depth,
    };
    let mut span = isolate.span(slot, "fetch");
    if let Some(span) = &mut span {
        describe(span, &request);
    }
    let sending = outbound.fetch(isolate.clone(), request);
    let result = match cancel {
        Some(cancel) => match sending.or_cancel(cancel).await {
            Ok(result) => result,
            Err(_) => return Err(JsErrorBox::type_error("The operation was aborted")),
        },
        None => sending.await,
    };
    if let Some(rid) = args.cancel {
        let _ = state.borrow_mut().resource_table.take_any(rid);
    }
    isolate.mark_resumed(slot);
    match (&result, &mut span) {
        (Ok(response), Some(span)) => {
            span.set("http.response.status_code", u64::from(response.status));
            if let Some(length) = response.body.as_ref().and_then(|body| body.length()) {
                span.set("http.response.body.size", length);
            }
        }
        (Err(error), Some(span)) => {
            span.set("error.message", error.to_string());
            span.fail();
        }
        _ => {}
    }
    let response = result.map_err(JsErrorBox::from_err)?;
    Ok(result_of(&mut state.borrow_mut(), response, args.socket))
}

/// What a trace tells of a subrequest. A query may hold what is secret.
fn describe(span: &mut Span, request: &OutboundRequest) {
    span.set("network.protocol.name", "http");
    span.set("http.request.method", request.method.clone());
    let place = request.url.split(['?', '#']).next().unwrap_or_default();
    span.set("url.full", place);
    if let Some(service) = &request.service {
        let name = service.service.rsplit('/').next().unwrap_or_default();
        span.set("selvedge.service", name);
    }
}

fn result_of(state: &mut OpState, response: OutboundResponse, socket: Option<u32>) -> FetchResult {
    let websocket = match (response.websocket, socket) {
        (Some(sink), Some(id)) => {
            isolate(state).insert_socket(id, sink);
            true
        }
        _ => false,
    };
    let body_length = response.body.as_ref().and_then(|body| body.length());
    let body = response.body.map(|body| state.resource_table.add(BodyResource::new(body)));
    FetchResult {
        status: response.status,
        status_text: response.status_text,
        headers: response.headers.as_blob().0.iter().map(|byte| char::from(*byte)).collect(),
        url: response.url,
        redirected: response.redirected,
        body,
        body_length,
        websocket,
    }
}
