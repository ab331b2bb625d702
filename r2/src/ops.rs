//! The ops of the binding. What is known of an object is read inside of its op;
//! bodies, lists and writes wait in the isolate's event loop.

pub(crate) mod put;
pub(crate) mod uploads;

use std::borrow::Cow;
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use deno_core::{OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::body::{BodyResource, BytesBody};
use selvedge_runtime::{Amount, BodyError, BodySource, IsolateState, Operation};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::binding::R2Bucket;
use crate::conditions::{Conditions, Etag};
use crate::object::Object;
use crate::rules::{MAX_LIST, Range, Refusal, Slice};
use crate::store::{Body, BodyReader, Got, ListQuery};

/// A bucket in an isolate: what `env` holds, by its number.
pub(crate) struct Handle(pub(crate) R2Bucket);

impl Resource for Handle {
    fn name(&self) -> Cow<'_, str> {
        "r2Bucket".into()
    }
}

impl Handle {
    /// What a Worker is told of an error; the log gets all of it. The methods'
    /// names are those that Cloudflare's texts have.
    fn told(&self, method: &str, error: &Error) -> JsErrorBox {
        if let Error::Storage(error) = error {
            tracing::error!(bucket = self.0.name(), method, %error, "a bucket failed");
        }
        refused(method, &error.told())
    }
}

fn refused(method: &str, refusal: &Refusal) -> JsErrorBox {
    JsErrorBox::generic(format!("{method}: {refusal}"))
}

/// The bucket of this number.
fn handle(state: &OpState, rid: ResourceId) -> Result<Rc<Handle>, JsErrorBox> {
    state
        .resource_table
        .get::<Handle>(rid)
        .map_err(|_| JsErrorBox::type_error("This bucket is not there any more."))
}

fn isolate(state: &OpState) -> &Rc<IsolateState> {
    state.borrow::<Rc<IsolateState>>()
}

/// A call counts as a subrequest of its request
/// (<https://developers.cloudflare.com/workers/platform/limits/#subrequests>).
fn count(state: &OpState, slot: u32, operation: Operation) -> Result<(), JsErrorBox> {
    isolate(state).count_subrequest(slot).map_err(JsErrorBox::from_err)?;
    isolate(state).count_operation(operation);
    Ok(())
}

/// What a call begins with: the bucket and the isolate.
fn begin(
    state: &RefCell<OpState>,
    rid: ResourceId,
    slot: u32,
    operation: Operation,
) -> Result<(Rc<Handle>, Rc<IsolateState>), JsErrorBox> {
    let state = state.borrow();
    let handle = handle(&state, rid)?;
    count(&state, slot, operation)?;
    let isolate = isolate(&state).clone();
    Ok((handle, isolate))
}

/// `onlyIf` as the script gives it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct OnlyIf {
    etag_matches: Option<String>,
    etag_does_not_match: Option<String>,
    uploaded_before: Option<f64>,
    uploaded_after: Option<f64>,
    seconds_granularity: bool,
    /// Of headers: they are lists.
    if_match: Option<String>,
    if_none_match: Option<String>,
    if_unmodified_since: Option<String>,
    if_modified_since: Option<String>,
    is_headers: bool,
}

impl OnlyIf {
    fn conditions(self) -> Result<Conditions, JsErrorBox> {
        if self.is_headers {
            let found = Conditions::of_headers(|name| match name {
                "if-match" => self.if_match.as_deref(),
                "if-none-match" => self.if_none_match.as_deref(),
                "if-unmodified-since" => self.if_unmodified_since.as_deref(),
                "if-modified-since" => self.if_modified_since.as_deref(),
                _ => None,
            });
            return found
                .map_err(|name| JsErrorBox::generic(format!("Invalid ETag in {name} header")));
        }
        let etag = |text: Option<String>| text.map(|text| vec![Etag::plain(&text)]);
        Ok(Conditions {
            etag_matches: etag(self.etag_matches),
            etag_does_not_match: etag(self.etag_does_not_match),
            uploaded_before: self.uploaded_before.map(|millis| millis as i64),
            uploaded_after: self.uploaded_after.map(|millis| millis as i64),
            seconds_granularity: self.seconds_granularity,
        })
    }
}

/// An object without its body.
#[op2]
#[serde]
pub(crate) fn op_r2_head(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] key: &str,
) -> Result<Option<Object>, JsErrorBox> {
    let handle = handle(state, rid)?;
    count(state, slot, Operation::R2Head)?;
    handle.0.bucket().head(key).map_err(|error| handle.told("head", &error))
}

/// How a `get` is to be done.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GetOptions {
    range: Option<Range>,
    range_header: Option<String>,
    only_if: Option<OnlyIf>,
}

/// An object as a Worker gets it. Without a slice, its conditions do not hold.
#[derive(Serialize)]
pub(crate) struct GotObject {
    object: Object,
    slice: Option<Slice>,
    /// The number of its body.
    body: Option<ResourceId>,
}

/// An object with its body.
#[op2]
#[serde]
pub(crate) fn op_r2_get(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] key: &str,
    #[serde] options: Option<GetOptions>,
) -> Result<Option<GotObject>, JsErrorBox> {
    let handle = handle(state, rid)?;
    let options = options.unwrap_or_default();
    let only_if = options.only_if.unwrap_or_default().conditions()?;
    count(state, slot, Operation::R2Get)?;
    let bucket = handle.0.bucket();
    let got = match options.range_header {
        Some(header) => bucket.get_with_header(key, &header, &only_if),
        None => bucket.get(key, options.range.unwrap_or_default(), &only_if),
    };
    Ok(match got.map_err(|error| handle.told("get", &error))? {
        Got::Nothing => None,
        Got::Refused(object) => Some(GotObject { object: *object, slice: None, body: None }),
        Got::Found(found) => {
            let source: Box<dyn BodySource> = match found.body {
                Body::Whole(bytes) => {
                    let length = bytes.len() as u64;
                    isolate(state).count_amount(Amount::R2BytesRead, length);
                    Box::new(BytesBody::new(bytes))
                }
                Body::Pieces(reader) => {
                    let isolate = isolate(state).clone();
                    Box::new(PiecesBody::new(reader, found.slice.length, isolate))
                }
            };
            let body = state.resource_table.add(BodyResource::new(source));
            Some(GotObject { object: found.object, slice: Some(found.slice), body: Some(body) })
        }
    })
}

type NextBlock = Pin<Box<dyn Future<Output = (Result<Option<Bytes>, Error>, Body)>>>;

/// A body that comes block by block.
struct PiecesBody {
    next: Option<NextBlock>,
    rest: Option<Body>,
    length: u64,
    isolate: Rc<IsolateState>,
}

impl PiecesBody {
    fn new(reader: BodyReader, length: u64, isolate: Rc<IsolateState>) -> Self {
        Self { next: None, rest: Some(Body::Pieces(reader)), length, isolate }
    }
}

impl BodySource for PiecesBody {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        if self.next.is_none() {
            let Some(mut body) = self.rest.take() else { return Poll::Ready(None) };
            self.next = Some(Box::pin(async move { (body.next().await, body) }));
        }
        let Some(next) = &mut self.next else { return Poll::Ready(None) };
        let (block, body) = ready!(next.as_mut().poll(cx));
        self.next = None;
        Poll::Ready(match block {
            Ok(Some(block)) => {
                self.isolate.count_amount(Amount::R2BytesRead, block.len() as u64);
                self.rest = Some(body);
                Some(Ok(block))
            }
            Ok(None) => None,
            Err(error) => {
                tracing::error!(%error, "the body of an object could not be read");
                Some(Err(BodyError::Invalid(format!("get: {}", error.told()))))
            }
        })
    }

    fn length(&self) -> Option<u64> {
        Some(self.length)
    }
}

/// Deletes objects.
#[op2]
pub(crate) async fn op_r2_delete(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[serde] keys: Vec<String>,
) -> Result<(), JsErrorBox> {
    let (handle, isolate) = begin(&state, rid, slot, Operation::R2Delete)?;
    isolate.touch(slot);
    let result = handle.0.bucket().delete(keys).await;
    isolate.mark_resumed(slot);
    result.map_err(|error| handle.told("delete", &error))
}

/// What `list` is asked for.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ListOptions {
    limit: Option<f64>,
    prefix: Option<String>,
    cursor: Option<String>,
    delimiter: Option<String>,
    start_after: Option<String>,
    http_metadata: bool,
    custom_metadata: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListedObjects {
    objects: Vec<Object>,
    cursor: Option<String>,
    delimited_prefixes: Vec<String>,
}

/// A page of objects.
#[op2]
#[serde]
pub(crate) async fn op_r2_list(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[serde] options: ListOptions,
) -> Result<ListedObjects, JsErrorBox> {
    let (handle, isolate) = begin(&state, rid, slot, Operation::R2List)?;
    // Below zero is as if nothing was said, as workerd has it.
    let limit = options.limit.filter(|limit| *limit >= 0.0);
    let query = ListQuery {
        prefix: options.prefix.unwrap_or_default(),
        delimiter: options.delimiter,
        start_after: options.start_after,
        cursor: options.cursor,
        limit: limit.map_or(MAX_LIST, |limit| limit as usize),
    };
    let result = handle.0.bucket().list(query).await;
    isolate.mark_resumed(slot);
    let mut page = result.map_err(|error| handle.told("list", &error))?;
    for object in &mut page.objects {
        if !options.http_metadata {
            object.http_metadata = Default::default();
        }
        if !options.custom_metadata {
            object.custom_metadata.clear();
        }
    }
    let (objects, cursor) = (page.objects, page.cursor);
    Ok(ListedObjects { objects, cursor, delimited_prefixes: page.prefixes })
}
