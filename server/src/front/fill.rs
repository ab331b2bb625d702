//! The Worker's answer on its way to who asked, and into the cache.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use selvedge_cache::entry::Meta;
use selvedge_cache::front::{Kept, judge};
use selvedge_cache::rules::Answer;
use selvedge_cache::store::Fetching;
use selvedge_cache::{Entry, Key};
use selvedge_runtime::headers::{HeaderBlob, HeaderBlobBuf};
use selvedge_runtime::websocket::WebSocketId;
use selvedge_runtime::{
    BodySink, BodySource, ContextRef, Failure, Reply, ResponseHead, WebSocketSink,
};

use super::ask::meta;
use super::hold::Hold;
use super::pass::Pass;
use super::sink::{FillSink, Nowhere, Slice, Sliced};
use super::{Status, answer_of, judged, refresh, send, shown, stands_in};
use crate::tee::{self, Feeder};

/// What is done with an answer.
enum Verdict {
    Keep(Box<Kept>),
    /// What is kept is still right.
    Confirmed(Arc<Entry>),
    /// What is kept stands in for a failure.
    Stale(Arc<Entry>),
    Pass,
}

pub(super) struct Fill {
    pass: Rc<Pass>,
    key: Key,
    /// What is there already, but too old.
    kept: Option<Arc<Entry>>,
    claim: Option<Fetching>,
    /// `None`: nobody waits.
    inner: Option<Box<dyn Reply>>,
    /// The status that the client got, where it is not the Worker's.
    sent: Rc<Cell<u16>>,
    hold: Option<Hold>,
}

impl Fill {
    pub(super) fn new(
        pass: Rc<Pass>,
        key: Key,
        kept: Option<Arc<Entry>>,
        claim: Option<Fetching>,
        inner: Option<Box<dyn Reply>>,
        sent: Rc<Cell<u16>>,
    ) -> Self {
        Self { pass, key, kept, claim, inner, sent, hold: None }
    }

    fn judge(&self, head: &ResponseHead<'_>) -> Verdict {
        match &self.kept {
            Some(kept) if head.status == 304 => return Verdict::Confirmed(kept.clone()),
            Some(kept) if head.status >= 500 && stands_in(&self.pass.front.cache, kept) => {
                return Verdict::Stale(kept.clone());
            }
            _ => {}
        }
        let url = String::from_utf8_lossy(&self.pass.asked.url);
        let verdict = judge(&judged(&self.pass.asked, &url), head.status, head.headers);
        self.pass.front.cache.note_unkept(self.key, verdict.is_none());
        match verdict {
            Some(kept) => Verdict::Keep(Box::new(kept)),
            None => Verdict::Pass,
        }
    }

    /// What the client is told that became of its request.
    fn word(&self) -> Status {
        if self.kept.is_some() { Status::Expired } else { Status::Miss }
    }

    /// Gives what is kept in place of the Worker's answer.
    fn give_kept(mut self, kept: Arc<Entry>, word: Status) -> u16 {
        self.pass.front.count(word);
        let asked = &self.pass.asked;
        let answer = super::asked::answer(&kept, asked.headers.as_blob(), asked.is_head);
        let status = send::status(&kept, &answer);
        self.sent.set(status);
        self.claim = None;
        let (pass, key) = (self.pass.clone(), self.key);
        if let Some(reply) = self.inner.take() {
            tokio::task::spawn_local(async move {
                let (cache, asked) = (&pass.front.cache, &pass.asked);
                let sent = send::from_anywhere(reply, cache, key, &kept, asked, word).await;
                if let Err(reply) = sent {
                    // Its file went meanwhile: the request runs once more.
                    reply.lost(true);
                }
            });
        }
        status
    }

    fn confirm(mut self, kept: Arc<Entry>, answer: HeaderBlob<'_>) {
        self.pass.front.count(Status::Revalidated);
        let asked = &self.pass.asked;
        let got = super::asked::answer(&kept, asked.headers.as_blob(), asked.is_head);
        self.sent.set(send::status(&kept, &got));
        let answer = HeaderBlobBuf::from_bytes(answer.0.to_vec());
        let (reply, claim) = (self.inner.take(), self.claim.take());
        let pass = self.pass.clone();
        tokio::task::spawn_local(refresh::confirmed(pass, self.key, kept, answer, claim, reply));
    }

    /// By what a response is kept, and its facts. One that varies leaves a mark where it
    /// is looked for first.
    fn place(&self, kept: &Kept, head: &ResponseHead<'_>) -> (Key, Meta) {
        let base = self.pass.base;
        let meta = meta(&self.pass, kept, head.status, head.status_text);
        if kept.varies_by.is_empty() {
            return (base, meta);
        }
        let marker = Meta { varies_by: kept.varies_by.clone(), ..meta.clone() };
        let _ = self.pass.front.cache.keep(base, marker, HeaderBlobBuf::default(), Bytes::new());
        (self.pass.asked.variant(&base, &kept.varies_by), meta)
    }

    fn feeder(&mut self, kept: Kept, head: &ResponseHead<'_>) -> Feeder {
        let (key, meta) = self.place(&kept, head);
        let writer = self.pass.front.cache.writer(key);
        Feeder::new(writer, meta, kept.headers, self.claim.take())
    }

    /// What the client gets of a response with a body of this length; its head.
    fn answer(&self, head: &ResponseHead<'_>, length: Option<u64>) -> (Answer, HeaderBlobBuf) {
        let answer = answer_of(&self.pass.asked, head.status, head.headers, length);
        let mut headers = shown(head.headers, self.word());
        send::push_range(&mut headers, &answer, length.unwrap_or_default());
        if answer != Answer::Whole {
            self.sent.set(send::status_of(head.status, &answer));
        }
        (answer, headers)
    }

    /// The client is the Worker's own from here on: its going away is told.
    fn hand_over(&mut self) {
        self.claim = None;
        if let Some(hold) = self.hold.take() {
            hold.hand_over();
        }
    }

    fn keep_whole(&mut self, kept: Kept, head: &ResponseHead<'_>, body: &[u8]) {
        let (key, meta) = self.place(&kept, head);
        let cache = &self.pass.front.cache;
        let body = Bytes::copy_from_slice(body);
        if cache.keep(key, meta.clone(), kept.headers.clone(), body.clone()).is_some() {
            return;
        }
        let (mut writer, claim) = (cache.writer(key), self.claim.take());
        tokio::task::spawn_local(async move {
            match writer.write(&meta, &kept.headers, &body).await {
                Ok(()) => tee::finish(writer, meta, kept.headers).await,
                Err(error) => tracing::debug!(%error, "a response was not cached"),
            }
            drop(claim);
        });
    }
}

/// A head with the status that an answer has.
fn head_of<'a>(
    head: ResponseHead<'a>,
    answer: &Answer,
    headers: &'a HeaderBlobBuf,
) -> ResponseHead<'a> {
    let status_text = if *answer == Answer::Whole { head.status_text } else { "" };
    let status = send::status_of(head.status, answer);
    ResponseHead { status, status_text, headers: headers.as_blob(), ..head }
}

impl Reply for Fill {
    fn respond(mut self: Box<Self>, head: ResponseHead<'_>, body: &[u8]) {
        match self.judge(&head) {
            Verdict::Confirmed(kept) => self.confirm(kept, head.headers),
            Verdict::Stale(kept) => {
                self.give_kept(kept, Status::Stale);
            }
            Verdict::Keep(kept) => {
                self.pass.front.count(self.word());
                self.keep_whole(*kept, &head, body);
                let (answer, headers) = self.answer(&head, Some(body.len() as u64));
                if let Some(inner) = self.inner.take() {
                    inner.respond(head_of(head, &answer, &headers), send::part_of(body, &answer));
                }
            }
            Verdict::Pass => {
                self.pass.front.count(Status::Bypass);
                let headers = shown(head.headers, Status::Bypass);
                if let Some(inner) = self.inner.take() {
                    inner.respond(ResponseHead { headers: headers.as_blob(), ..head }, body);
                }
            }
        }
    }

    fn stream(
        mut self: Box<Self>,
        head: ResponseHead<'_>,
        length: Option<u64>,
    ) -> Box<dyn BodySink> {
        let kept = match self.judge(&head) {
            Verdict::Keep(kept) => kept,
            Verdict::Confirmed(kept) => {
                self.confirm(kept, head.headers);
                return Box::new(Nowhere);
            }
            Verdict::Stale(kept) => {
                self.give_kept(kept, Status::Stale);
                return Box::new(Nowhere);
            }
            Verdict::Pass => {
                self.pass.front.count(Status::Bypass);
                self.hand_over();
                let headers = shown(head.headers, Status::Bypass);
                let head = ResponseHead { headers: headers.as_blob(), ..head };
                return match self.inner.take() {
                    Some(inner) => inner.stream(head, length),
                    None => Box::new(Nowhere),
                };
            }
        };
        self.pass.front.count(self.word());
        let (answer, headers) = self.answer(&head, length);
        let feeder = self.feeder(*kept, &head);
        let (is_head, hold) = (self.pass.asked.is_head, self.hold.take());
        let out = head_of(head, &answer, &headers);
        let client = self.inner.take().and_then(|inner| match (&answer, is_head) {
            (Answer::Whole, false) => Some(Slice::whole(inner.stream(out, length))),
            (Answer::Part(range), false) => {
                Some(Slice::of(inner.stream(out, Some(range.length())), *range))
            }
            _ => {
                bodiless(inner, out, length);
                None
            }
        });
        Box::new(FillSink::new(client, feeder, hold))
    }

    fn pipe(mut self: Box<Self>, head: ResponseHead<'_>, body: Box<dyn BodySource>) {
        let kept = match self.judge(&head) {
            Verdict::Keep(kept) => kept,
            Verdict::Confirmed(kept) => return self.confirm(kept, head.headers),
            Verdict::Stale(kept) => {
                self.give_kept(kept, Status::Stale);
                return;
            }
            Verdict::Pass => {
                self.pass.front.count(Status::Bypass);
                self.hand_over();
                let headers = shown(head.headers, Status::Bypass);
                if let Some(inner) = self.inner.take() {
                    inner.pipe(ResponseHead { headers: headers.as_blob(), ..head }, body);
                }
                return;
            }
        };
        self.pass.front.count(self.word());
        let length = body.length();
        let (answer, headers) = self.answer(&head, length);
        let (key, meta) = self.place(&kept, &head);
        let writer = self.pass.front.cache.writer(key);
        // It goes on when what it gives is dropped.
        let body = tee::both(body, writer, meta, kept.headers, self.claim.take());
        let Some(inner) = self.inner.take() else { return };
        let out = head_of(head, &answer, &headers);
        match (&answer, self.pass.asked.is_head) {
            (Answer::Whole, false) => inner.pipe(out, body),
            (Answer::Part(range), false) => inner.pipe(out, Box::new(Sliced::new(body, *range))),
            _ => bodiless(inner, out, length),
        }
    }

    fn upgrade(
        mut self: Box<Self>,
        head: ResponseHead<'_>,
        socket: WebSocketId,
    ) -> Result<Box<dyn WebSocketSink>, String> {
        match self.inner.take() {
            Some(inner) => inner.upgrade(head, socket),
            None => Err("nobody asked for a WebSocket".to_owned()),
        }
    }

    fn fail(mut self: Box<Self>, failure: Failure) -> u16 {
        if let Some(kept) = self.kept.take().filter(|it| stands_in(&self.pass.front.cache, it)) {
            self.log(&failure);
            return self.give_kept(kept, Status::Stale);
        }
        match self.inner.take() {
            Some(inner) => inner.fail(failure),
            None => {
                self.log(&failure);
                http::StatusCode::INTERNAL_SERVER_ERROR.as_u16()
            }
        }
    }

    fn lost(mut self: Box<Self>, untouched: bool) {
        let kept = self.kept.take().filter(|_| !untouched);
        match kept.filter(|kept| stands_in(&self.pass.front.cache, kept)) {
            Some(kept) => {
                self.give_kept(kept, Status::Stale);
            }
            None => {
                if let Some(inner) = self.inner.take() {
                    inner.lost(untouched);
                }
            }
        }
    }

    fn started(&mut self, context: ContextRef) {
        let presence = self.inner.as_ref().and_then(|inner| inner.presence());
        let is_shared = self.claim.is_some();
        match &mut self.inner {
            Some(inner) if !is_shared => inner.started(context),
            _ => self.hold = Some(Hold::new(self.pass.site.clone(), context, presence)),
        }
    }
}

impl Fill {
    /// A failure that no client hears of.
    fn log(&self, failure: &Failure) {
        let url = String::from_utf8_lossy(&self.pass.asked.url);
        let rest = url.split_once("://").map_or(&*url, |(_, rest)| rest);
        let path = rest.find('/').map_or("/", |at| &rest[at..]);
        self.pass.site.log.failure("GET", path, failure, None);
    }
}

/// A response without a body, which tells the length that it would have.
fn bodiless(inner: Box<dyn Reply>, head: ResponseHead<'_>, length: Option<u64>) {
    let mut headers = HeaderBlobBuf::with_capacity(head.headers.0.len() + 32);
    headers.push_blob(head.headers);
    if let Some(length) = length.filter(|_| head.status == 200) {
        headers.push(b"content-length", length.to_string().as_bytes());
    }
    inner.respond(ResponseHead { headers: headers.as_blob(), ..head }, b"");
}
