//! Giving what is kept.

use std::sync::Arc;
use std::time::Duration;

use selvedge_cache::entry::{Body, UnixMillis};
use selvedge_cache::range::Range;
use selvedge_cache::rules::{self, Answer};
use selvedge_cache::{Cache, Entry, Key};
use selvedge_runtime::headers::HeaderBlobBuf;
use selvedge_runtime::{Reply, ResponseHead};

use super::{Asked, Status, asked};

/// The status that a request gets.
pub(super) fn status(entry: &Entry, answer: &Answer) -> u16 {
    status_of(entry.meta.status, answer)
}

/// The same of a response with this status.
pub(super) fn status_of(status: u16, answer: &Answer) -> u16 {
    match answer {
        Answer::Whole => status,
        Answer::NotModified => 304,
        Answer::Part(_) => 206,
        Answer::Unsatisfiable => 416,
    }
}

/// `Content-Range` of an answer, if it has one.
pub(super) fn push_range(headers: &mut HeaderBlobBuf, answer: &Answer, length: u64) {
    let value = match answer {
        Answer::Part(range) => format!("bytes {}-{}/{length}", range.first, range.last),
        Answer::Unsatisfiable => format!("bytes */{length}"),
        Answer::Whole | Answer::NotModified => return,
    };
    headers.push(b"content-range", value.as_bytes());
}

/// The headers of an entry as a request gets them.
fn headers(
    entry: &Entry,
    answer: &Answer,
    word: Status,
    now: UnixMillis,
    is_head: bool,
) -> HeaderBlobBuf {
    let mut headers = HeaderBlobBuf::with_capacity(entry.headers().0.len() + 96);
    headers.push_blob(entry.headers());
    push_range(&mut headers, answer, entry.length());
    if is_head && *answer == Answer::Whole {
        headers.push(b"content-length", entry.length().to_string().as_bytes());
    }
    headers.push_blob(rules::hit_headers(entry, now, word.as_str()).as_blob());
    headers
}

/// Gives an entry whose body lies in memory.
pub(super) fn at_once(
    reply: Box<dyn Reply>,
    entry: &Entry,
    answer: &Answer,
    word: Status,
    now: UnixMillis,
    is_head: bool,
) {
    let headers = headers(entry, answer, word, now, is_head);
    let all: &[u8] = match &entry.body {
        Body::Memory(bytes) => bytes,
        Body::File { .. } => &[],
    };
    reply.respond(head_of(entry, answer, &headers), part_of(all, answer));
}

/// The part of a body that an answer has.
pub(super) fn part_of<'a>(body: &'a [u8], answer: &Answer) -> &'a [u8] {
    match answer {
        Answer::Whole => body,
        Answer::NotModified | Answer::Unsatisfiable => &[],
        Answer::Part(Range { first, last }) => {
            let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
            body.get(at(*first)..at(last.saturating_add(1)).min(body.len())).unwrap_or_default()
        }
    }
}

fn head_of<'a>(entry: &'a Entry, answer: &Answer, headers: &'a HeaderBlobBuf) -> ResponseHead<'a> {
    let status_text = match answer {
        Answer::Whole => phrase(&entry.meta.status_text, entry.meta.status),
        _ => "",
    };
    ResponseHead {
        status: status(entry, answer),
        status_text,
        headers: headers.as_blob(),
        cpu: Duration::ZERO,
    }
}

/// What is not the usual phrase of a status.
fn phrase(text: &str, status: u16) -> &str {
    let usual = http::StatusCode::from_u16(status).ok().and_then(|it| it.canonical_reason());
    if usual == Some(text) { "" } else { text }
}

/// Gives an entry, wherever its body lies. `Err` has the reply back: the body's file is
/// gone.
pub(super) async fn from_anywhere(
    reply: Box<dyn Reply>,
    cache: &Arc<Cache>,
    key: Key,
    entry: &Entry,
    asked: &Asked,
    word: Status,
) -> Result<u16, Box<dyn Reply>> {
    let answer = asked::answer(entry, asked.headers.as_blob(), asked.is_head);
    let now = cache.now();
    let status = status(entry, &answer);
    let has_body = !asked.is_head && matches!(answer, Answer::Whole | Answer::Part(_));
    if matches!(entry.body, Body::Memory(_)) || !has_body {
        at_once(reply, entry, &answer, word, now, asked.is_head);
        return Ok(status);
    }
    let range = match &answer {
        Answer::Part(range) => Some(*range),
        _ => None,
    };
    let Some(body) = cache.open(key, entry, range).await else { return Err(reply) };
    let headers = headers(entry, &answer, word, now, asked.is_head);
    reply.pipe(head_of(entry, &answer, &headers), body);
    Ok(status)
}
