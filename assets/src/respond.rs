//! From a plan to a response: conditions, parts, encodings, headers, and the
//! content from memory or from its file.

mod load;

#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use selvedge_runtime::body::BytesBody;
use selvedge_runtime::headers::HeaderBlobBuf;
use selvedge_runtime::{BodySource, HeaderBlob};

use crate::cache::{Known, Variant};
use crate::encoding::{Encoding, is_compressible};
use crate::plan::{Asks, Assets, Plan, Request};
use crate::range::Part;
use crate::response::{List, Usual};
use crate::rules::path::Target;
use crate::source::Asset;

/// Contents up to here are kept in memory as they are: 1 MiB.
pub(crate) const MAX_KEPT_BYTES: u64 = 1024 * 1024;

/// What becomes of a request.
pub enum Outcome {
    /// The Worker answers it.
    Worker,
    /// The response.
    Ready(Response),
    /// The response, when a file was read.
    Later(Pin<Box<dyn Future<Output = Response> + Send>>),
}

/// A response that no Worker made.
pub struct Response {
    /// The status.
    pub status: u16,
    headers: ResponseHeaders,
    /// What follows. A response to `HEAD` has none, and says in `content-length` how
    /// long it would be.
    pub body: ResponseBody,
}

enum ResponseHeaders {
    /// The usual ones of a content.
    Usual(Arc<Variant>),
    Own(HeaderBlobBuf),
}

/// The body of a response.
pub enum ResponseBody {
    /// It is in memory.
    Whole(Bytes),
    /// It is read piece by piece.
    Pieces(Box<dyn BodySource + Send>),
}

impl Response {
    /// The headers.
    pub fn headers(&self) -> HeaderBlob<'_> {
        match &self.headers {
            ResponseHeaders::Usual(variant) => HeaderBlob(&variant.headers),
            ResponseHeaders::Own(headers) => headers.as_blob(),
        }
    }
}

impl ResponseBody {
    /// The same for who only reads pieces.
    pub fn into_source(self) -> Box<dyn BodySource> {
        match self {
            Self::Whole(bytes) => Box::new(BytesBody::new(bytes)),
            Self::Pieces(source) => source,
        }
    }
}

/// What a request wants of an asset.
#[derive(Clone)]
pub(crate) struct Wants {
    /// 200 or 404.
    status: u16,
    is_head: bool,
    /// `Cache-Control` is told.
    is_cacheable: bool,
    encoding: Encoding,
    range: Option<Box<[u8]>>,
    /// The host without its port, and the path: `None` where no rule changes headers.
    place: Option<(String, String)>,
}

/// A content that is at hand.
pub(crate) enum Content {
    Variant(Arc<Variant>),
    /// It is large: a file.
    File(Arc<dyn crate::source::ReadAt>),
}

impl Assets {
    /// What becomes of a request. Whoever asks again soon gets the same content
    /// from memory.
    pub fn answer(self: &Arc<Self>, request: &Request<'_>, asks: Asks) -> Outcome {
        let Some(target) = Target::of(request.url) else { return Outcome::Worker };
        let plan = self.plan(request, &target, asks);
        let (path, status) = match plan {
            Plan::Worker => return Outcome::Worker,
            Plan::Asset { path, status } => (path, status),
            Plan::Redirect { status, location } => {
                return self.bare(status, &[("location", location.as_str())], &target);
            }
            Plan::MethodNotAllowed => return self.bare(405, &[("allow", "GET, HEAD")], &target),
            Plan::NotFound => return self.bare(404, &[], &target),
        };
        let Some(asset) = self.source.find(&path) else { return self.bare(404, &[], &target) };
        let mut wants = self.wants(request, &target, asset, status, asks);
        if let Some(Known::NoGain) = self.cache.get(&(asset.hash, wants.encoding)) {
            wants.encoding = Encoding::Identity;
        }
        let is_current = request
            .headers
            .get("if-none-match")
            .is_some_and(|tags| names_tag(tags, &asset.hash.digits()));
        if is_current {
            return Outcome::Ready(not_modified(self, asset, &wants));
        }
        match self.cache.get(&(asset.hash, wants.encoding)) {
            Some(Known::Variant(variant)) => {
                Outcome::Ready(respond(self, asset, Content::Variant(variant), &wants))
            }
            _ => Outcome::Later(Box::pin(load::load(self.clone(), path.into_owned(), wants))),
        }
    }

    fn wants(
        &self,
        request: &Request<'_>,
        target: &Target<'_>,
        asset: &Asset,
        status: u16,
        asks: Asks,
    ) -> Wants {
        let headers = request.headers;
        let range = headers.get("range");
        // A part is asked for of the content that the client has.
        let part = range.filter(|_| request.method == "GET" && status == 200).filter(|_| {
            headers.get("if-range").is_none_or(|tag| is_strong_tag(tag, &asset.hash.digits()))
        });
        let compresses = asks == Asks::Client
            && part.is_none()
            && is_compressible(asset.content_type.as_deref(), asset.size);
        Wants {
            status,
            is_head: request.method == "HEAD",
            is_cacheable: range.is_none() && headers.get("authorization").is_none(),
            encoding: match compresses {
                true => Encoding::preferred(headers.get("accept-encoding")),
                false => Encoding::Identity,
            },
            range: part.map(Into::into),
            place: self.place(target),
        }
    }

    /// What rules for headers look at, where there are any.
    fn place(&self, target: &Target<'_>) -> Option<(String, String)> {
        let rules = &self.settings.headers;
        if rules.is_empty() {
            return None;
        }
        let url = rules.have_hosts().then(|| target.parsed()).flatten();
        let host = url.as_ref().and_then(url::Url::host_str).unwrap_or_default().to_owned();
        Some((host, target.path.clone().into_owned()))
    }

    /// A response without a body.
    fn bare(&self, status: u16, headers: &[(&str, &str)], target: &Target<'_>) -> Outcome {
        let mut list = List::default();
        for (name, value) in headers {
            list.push(name, value.as_bytes());
        }
        let place = self.place(target);
        Outcome::Ready(self.own(status, list, place.as_ref(), ResponseBody::Whole(Bytes::new())))
    }

    /// A response with headers of its own, which rules may change.
    fn own(
        &self,
        status: u16,
        mut list: List,
        place: Option<&(String, String)>,
        body: ResponseBody,
    ) -> Response {
        if let Some((host, path)) = place {
            self.settings.headers.apply(host, path, &mut list);
        }
        Response { status, headers: ResponseHeaders::Own(list.into_blob()), body }
    }
}

/// The response with a content that is at hand.
fn respond(assets: &Assets, asset: &Asset, content: Content, wants: &Wants) -> Response {
    let (size, encoding) = match &content {
        Content::Variant(variant) => (variant.body.len() as u64, encoding_of(variant)),
        Content::File(_) => (asset.size, Encoding::Identity),
    };
    let is_usual =
        wants.status == 200 && !wants.is_head && wants.is_cacheable && wants.place.is_none();
    if let Content::Variant(variant) = &content
        && is_usual
        && variant.content_type == asset.content_type
    {
        let body = ResponseBody::Whole(variant.body.clone());
        return Response { status: 200, headers: ResponseHeaders::Usual(variant.clone()), body };
    }
    let usual = Usual { asset, encoding, is_cacheable: wants.is_cacheable };
    let mut list = usual.list(matches!(content, Content::Variant(_)));
    let part = wants.range.as_deref().map_or(Part::Whole, |range| Part::of(range, size));
    let (status, begin, end) = match part {
        Part::Whole => (wants.status, 0, size),
        Part::Bytes(begin, end) => {
            list.push("content-range", format!("bytes {begin}-{}/{size}", end - 1).as_bytes());
            (206, begin, end)
        }
        Part::Outside => {
            list.push("content-range", format!("bytes */{size}").as_bytes());
            (416, 0, 0)
        }
    };
    if wants.is_head {
        list.push("content-length", size.to_string().as_bytes());
    }
    let body = match content {
        _ if wants.is_head => ResponseBody::Whole(Bytes::new()),
        Content::Variant(variant) => {
            ResponseBody::Whole(variant.body.slice(begin as usize..end as usize))
        }
        Content::File(content) if end > begin => {
            ResponseBody::Pieces(Box::new(crate::body::FileBody::new(content, begin, end)))
        }
        Content::File(_) => ResponseBody::Whole(Bytes::new()),
    };
    assets.own(status, list, wants.place.as_ref(), body)
}

/// The encoding of a content in memory, as its headers say it.
fn encoding_of(variant: &Variant) -> Encoding {
    match HeaderBlob(&variant.headers).get("content-encoding") {
        Some(b"br") => Encoding::Brotli,
        Some(b"gzip") => Encoding::Gzip,
        _ => Encoding::Identity,
    }
}

/// 304: the client has it.
fn not_modified(assets: &Assets, asset: &Asset, wants: &Wants) -> Response {
    let usual = Usual { asset, encoding: wants.encoding, is_cacheable: wants.is_cacheable };
    let mut list = usual.list(true);
    crate::rules::headers::HeaderMap::remove(&mut list, "content-encoding");
    assets.own(304, list, wants.place.as_ref(), ResponseBody::Whole(Bytes::new()))
}

/// Whether `If-None-Match` names this hash, weakly or strongly (RFC 9110, 13.1.2).
fn names_tag(tags: &[u8], hash: &[u8; 32]) -> bool {
    tags.split(|byte| *byte == b',').any(|tag| {
        let tag = tag.trim_ascii();
        tag == b"*" || is_strong_tag(tag.strip_prefix(b"W/").unwrap_or(tag), hash)
    })
}

/// Whether this is the hash in quotes.
fn is_strong_tag(tag: &[u8], hash: &[u8; 32]) -> bool {
    tag.trim_ascii().strip_prefix(b"\"").and_then(|tag| tag.strip_suffix(b"\"")) == Some(&hash[..])
}
