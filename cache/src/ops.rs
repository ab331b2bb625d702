//! The ops of `caches`. What lies in memory is answered inside of its op.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::Ordering;

use deno_core::{OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::IsolateState;
use selvedge_runtime::body::{BodyResource, BodySource};
use selvedge_runtime::headers::{HeaderBlob, HeaderBlobBuf};
use serde::{Deserialize, Serialize};

use crate::binding::CacheBinding;
use crate::entry::{Entry, Key, Meta};
use crate::front;
use crate::purge::Purge;
use crate::range::Range;
use crate::rules::{self, Answer};
use crate::store::{Error, Found};

/// What a match answers that found nothing.
const NOTHING: i32 = -1;
/// .. if the file must be read first.
const LATER: i32 = -2;
/// .. if JavaScript is to take head and body.
const TAKE: i32 = -3;

/// The cache in an isolate, by its number.
pub(crate) struct Handle {
    binding: CacheBinding,
    /// What was matched last, until JavaScript takes it.
    head: Cell<Option<String>>,
    body: RefCell<Option<Box<dyn BodySource>>>,
    /// The last key: most Workers ask for the same URL again.
    last: RefCell<Option<LastKey>>,
}

struct LastKey {
    cache: String,
    url: String,
    key: Key,
}

impl Resource for Handle {
    fn name(&self) -> Cow<'_, str> {
        "cache".into()
    }
}

impl Handle {
    pub(crate) fn new(binding: CacheBinding) -> Self {
        let (head, body, last) = (Cell::default(), RefCell::default(), RefCell::default());
        Self { binding, head, body, last }
    }

    /// The response of a URL in a cache: `""` is the default one.
    fn key(&self, cache: &str, url: &str) -> Key {
        let mut last = self.last.borrow_mut();
        match &*last {
            Some(last) if last.url == url && last.cache == cache => last.key,
            _ => {
                let key = Key::new(self.binding.account(), cache, url);
                *last = Some(LastKey { cache: cache.to_owned(), url: url.to_owned(), key });
                key
            }
        }
    }

    fn count(&self, hit: bool) {
        let figures = &self.binding.cache().figures;
        let counter = if hit { &figures.hits } else { &figures.misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn handle(state: &OpState, rid: ResourceId) -> Result<Rc<Handle>, JsErrorBox> {
    state
        .resource_table
        .get::<Handle>(rid)
        .map_err(|_| JsErrorBox::type_error("The cache is not there any more."))
}

fn isolate(state: &OpState) -> Rc<IsolateState> {
    state.borrow::<Rc<IsolateState>>().clone()
}

/// A call counts as a subrequest of its request
/// (<https://developers.cloudflare.com/workers/platform/limits/#subrequests>).
fn count(state: &OpState, slot: u32) -> Result<(), JsErrorBox> {
    isolate(state).count_subrequest(slot).map_err(JsErrorBox::from_err)
}

/// What a request gets of an entry: its head as text, and what of the body.
struct Hit {
    head: String,
    /// `None`: no body.
    part: Option<Option<Range>>,
}

impl Hit {
    fn new(entry: &Entry, answer: Answer, now: i64) -> Self {
        let length = entry.length();
        match answer {
            Answer::Whole => {
                let meta = &entry.meta;
                let head = head(meta.status, &meta.status_text, entry, now, length, None);
                Self { head, part: Some(None) }
            }
            Answer::NotModified => {
                Self { head: head(304, "Not Modified", entry, now, length, None), part: None }
            }
            Answer::Part(range) => {
                let content = format!("bytes {}-{}/{length}", range.first, range.last);
                let text = "Partial Content";
                let head = head(206, text, entry, now, range.length(), Some(&content));
                Self { head, part: Some(Some(range)) }
            }
            Answer::Unsatisfiable => Self {
                head: format!(
                    "416\0Range Not Satisfiable\0cf-cache-status\0HIT\0content-range\0bytes */{length}"
                ),
                part: None,
            },
        }
    }
}

/// Status, its text and the headers, one after the other with NULs between them.
fn head(
    status: u16,
    text: &str,
    entry: &Entry,
    now: i64,
    length: u64,
    range: Option<&str>,
) -> String {
    let mut head = String::with_capacity(entry.headers().0.len() + 128);
    head.push_str(&status.to_string());
    head.push('\0');
    head.push_str(text);
    for (name, value) in hit_headers(entry, now, length, range).as_blob().iter() {
        push(&mut head, name, value);
    }
    head
}

/// JavaScript has headers as Latin-1.
fn push(head: &mut String, name: &[u8], value: &[u8]) {
    head.push('\0');
    head.extend(name.iter().map(|byte| char::from(*byte)));
    head.push('\0');
    head.extend(value.iter().map(|byte| char::from(*byte)));
}

/// The headers of a hit, with so much of the body.
fn hit_headers(entry: &Entry, now: i64, length: u64, range: Option<&str>) -> HeaderBlobBuf {
    let mut headers = HeaderBlobBuf::with_capacity(entry.headers().0.len() + 128);
    headers.push_blob(entry.headers());
    headers.push(b"content-length", length.to_string().as_bytes());
    if let Some(range) = range {
        headers.push(b"content-range", range.as_bytes());
    }
    headers.push_blob(rules::hit_headers(entry, now, "HIT").as_blob());
    headers
}

/// Whether a response may be handed on unseen: the usual one. A coded body is the
/// Worker's to look at.
fn is_plain(entry: &Entry) -> bool {
    let meta = &entry.meta;
    meta.status == 200
        && meta.status_text == "OK"
        && entry.headers().get("content-encoding").is_none()
}

/// Looks for a response in memory. Gives the number of its body, which has the
/// headers with it, or one of the constants above.
#[op2(fast)]
#[smi]
pub(crate) fn op_cache_match(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] cache: &str,
    #[string] url: &str,
    #[string(onebyte)] headers: Cow<'_, [u8]>,
) -> Result<i32, JsErrorBox> {
    let handle = handle(state, rid)?;
    count(state, slot)?;
    let key = handle.key(cache, url);
    let entry = match handle.binding.cache().look(&key) {
        Found::Ready(entry) => entry,
        Found::OnDisk => return Ok(LATER),
        Found::Nothing => {
            handle.count(false);
            return Ok(NOTHING);
        }
    };
    let now = handle.binding.cache().now();
    if entry.meta.fresh_until <= now {
        handle.count(false);
        return Ok(NOTHING);
    }
    handle.count(true);
    let answer = rules::answer(&entry, HeaderBlob(&headers));
    if answer == Answer::Whole
        && is_plain(&entry)
        && let Some(body) = entry.ready_body(None)
    {
        let headers = hit_headers(&entry, now, entry.length(), None);
        let rid = state.resource_table.add(BodyResource::with_head(body, headers));
        return i32::try_from(rid).map_err(|_| JsErrorBox::generic("there are too many resources"));
    }
    let hit = Hit::new(&entry, answer, now);
    *handle.body.borrow_mut() = hit.part.and_then(|part| entry.ready_body(part));
    handle.head.set(Some(hit.head));
    Ok(TAKE)
}

/// The head of what was matched right before.
#[op2]
#[string]
pub(crate) fn op_cache_head(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<String, JsErrorBox> {
    Ok(handle(state, rid)?.head.take().unwrap_or_default())
}

/// The body of what was matched right before: its number, or -1.
#[op2(fast)]
#[smi]
pub(crate) fn op_cache_body(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<i32, JsErrorBox> {
    let body = handle(state, rid)?.body.borrow_mut().take();
    let Some(body) = body else { return Ok(-1) };
    let rid = state.resource_table.add(BodyResource::new(body));
    Ok(i32::try_from(rid).unwrap_or(-1))
}

/// What a match found on disk.
#[derive(Serialize)]
pub(crate) struct LateHit {
    head: String,
    /// The number of its body, or -1.
    body: i32,
}

/// Looks for a response whose file must be read.
#[op2]
#[serde]
pub(crate) async fn op_cache_match_later(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] cache: String,
    #[string] url: String,
    #[string(onebyte)] headers: Cow<'static, [u8]>,
) -> Result<Option<LateHit>, JsErrorBox> {
    let (handle, isolate) = (handle(&state.borrow(), rid)?, isolate(&state.borrow()));
    let kept = handle.binding.cache().clone();
    let key = handle.key(&cache, &url);
    let entry = kept.load(key).await.filter(|entry| entry.meta.fresh_until > kept.now());
    let hit = match &entry {
        Some(entry) => {
            let answer = rules::answer(entry, HeaderBlob(&headers));
            let hit = Hit::new(entry, answer, kept.now());
            match hit.part {
                None => Some((hit.head, None)),
                // The file may go in this very moment: then it was never there.
                Some(part) => kept.open(key, entry, part).await.map(|body| (hit.head, Some(body))),
            }
        }
        None => None,
    };
    isolate.mark_resumed(slot);
    handle.count(hit.is_some());
    Ok(hit.map(|(head, body)| {
        let body = body.map(|body| state.borrow_mut().resource_table.add(BodyResource::new(body)));
        LateHit { head, body: body.and_then(|rid| i32::try_from(rid).ok()).unwrap_or(-1) }
    }))
}

/// A response on its way into the cache, without its body.
struct Put {
    handle: Rc<Handle>,
    key: Key,
    meta: Meta,
    headers: HeaderBlobBuf,
}

/// Puts a response: `status` is its status, a space and the text. One that must
/// not be kept is not, and that is no error.
#[op2]
pub(crate) async fn op_cache_put(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] cache: String,
    #[string] url: String,
    #[string] status: String,
    #[string(onebyte)] request: Cow<'static, [u8]>,
    #[string(onebyte)] headers: Cow<'static, [u8]>,
    #[smi] body: i32,
) -> Result<(), JsErrorBox> {
    let (handle, isolate) = (handle(&state.borrow(), rid)?, isolate(&state.borrow()));
    let body = match ResourceId::try_from(body) {
        Ok(rid) => state.borrow_mut().resource_table.take::<BodyResource>(rid).ok(),
        Err(_) => None,
    };
    count(&state.borrow(), slot)?;
    isolate.touch(slot);
    let (status, status_text) = status.split_once(' ').unwrap_or((&status, ""));
    let status: u16 = status.parse().unwrap_or_default();
    let lifetime = rules::storable(&url, HeaderBlob(&request), status, HeaderBlob(&headers));
    let Some((kept, lifetime)) = lifetime.filter(|_| status != 304) else {
        let drained = drain(body).await;
        isolate.mark_resumed(slot);
        return drained;
    };
    let (now, headers_in) = (handle.binding.cache().now(), HeaderBlob(&headers));
    let put = Put {
        key: handle.key(&cache, &url),
        meta: Meta::new(
            handle.binding.account(),
            url,
            status,
            status_text,
            lifetime,
            now,
            headers_in,
        ),
        headers: rules::stored_headers(kept.as_blob()),
        handle,
    };
    let result = put.run(body).await;
    isolate.mark_resumed(slot);
    result
}

/// Reads a body to its end, so that its error is told as if it had been kept.
async fn drain(body: Option<Rc<BodyResource>>) -> Result<(), JsErrorBox> {
    if let Some(body) = body {
        while body.clone().next_piece().await?.is_some() {}
    }
    Ok(())
}

impl Put {
    async fn run(self, body: Option<Rc<BodyResource>>) -> Result<(), JsErrorBox> {
        let mut writer = self.handle.binding.cache().writer(self.key);
        if let Some(body) = body {
            while let Some(piece) = body.clone().next_piece().await? {
                if let Err(error) = writer.write(&self.meta, &self.headers, &piece).await {
                    return failed(&error);
                }
            }
        }
        match writer.finish(self.meta, self.headers).await {
            Ok(()) => Ok(()),
            Err(error) => failed(&error),
        }
    }
}

/// A cache that cannot be written is not the Worker's fault: it keeps nothing.
fn failed(error: &Error) -> Result<(), JsErrorBox> {
    match error {
        Error::TooLarge(_) => {
            Err(JsErrorBox::generic("Cache API PUT failed: 413 Payload Too Large"))
        }
        Error::Io(_) => {
            tracing::warn!(%error, "a response was not cached");
            Ok(())
        }
    }
}

/// Forgets a response; whether there was one.
#[op2]
pub(crate) async fn op_cache_delete(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] cache: String,
    #[string] url: String,
) -> Result<bool, JsErrorBox> {
    let (handle, isolate) = (handle(&state.borrow(), rid)?, isolate(&state.borrow()));
    count(&state.borrow(), slot)?;
    isolate.touch(slot);
    let there = handle.binding.cache().delete(handle.key(&cache, &url)).await;
    isolate.mark_resumed(slot);
    Ok(there)
}

/// What `ctx.cache.purge()` was told.
#[derive(Deserialize)]
pub(crate) struct PurgeArgs {
    tags: Vec<String>,
    prefixes: Vec<String>,
    everything: bool,
}

/// Forgets responses that are kept before the export of the Worker that asks.
#[op2]
pub(crate) fn op_cache_purge(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[serde] args: PurgeArgs,
) -> Result<(), JsErrorBox> {
    let handle = handle(state, rid)?;
    count(state, slot)?;
    let isolate = isolate(state);
    isolate.touch(slot);
    let cache = handle.binding.cache();
    let scope = front::scope(&isolate.worker().name, &isolate.entrypoint(slot));
    let tags = args.tags.into_iter().map(Purge::Tag);
    let purges = tags.chain(args.prefixes.into_iter().map(Purge::Path));
    for purge in purges.chain(args.everything.then_some(Purge::Everything)) {
        if let Err(error) = cache.purge(&scope, purge) {
            tracing::warn!(%error, "a purge holds only until the process ends");
        }
    }
    Ok(())
}
