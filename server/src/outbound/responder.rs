//! Subrequests that something in this process answers which is no Worker.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use selvedge_runtime::outbound::{OutboundError, OutboundResponse, Redirect, Responder};

use super::headers;
use super::outgoing::Outgoing;
use super::redirect::{self, Hop, Verdict};

/// Asks for a response and follows its redirects, each of which is counted.
pub(super) async fn fetch(
    responder: &dyn Responder,
    mut outgoing: Outgoing,
    mode: Redirect,
    count: impl Fn() -> Result<(), OutboundError>,
) -> Result<OutboundResponse, OutboundError> {
    let mut followed = 0;
    loop {
        count()?;
        let sent = headers::incoming(&outgoing.headers, false);
        let (method, url) = (outgoing.method.as_str(), outgoing.url.as_str());
        let mut response = responder.fetch(method, url, sent.as_blob()).await;
        let hop = Hop {
            url: &outgoing.url,
            method: &outgoing.method,
            // The body, if there is one, is not sent anywhere.
            replayable: true,
            followed,
        };
        let status = StatusCode::from_u16(response.status).unwrap_or_default();
        match redirect::judge(mode, &hop, status, &location(&response))? {
            Verdict::Deliver => {
                response.redirected = followed > 0;
                if outgoing.method == Method::HEAD {
                    response.body = None;
                }
                return Ok(response);
            }
            Verdict::Follow(next) => {
                outgoing.strip(&next);
                if next.becomes_get {
                    outgoing.method = Method::GET;
                }
                outgoing.url = next.url;
                followed += 1;
            }
        }
    }
}

/// Where a response leads.
fn location(response: &OutboundResponse) -> HeaderMap {
    let location = response.headers.as_blob().get("location");
    let value = location.and_then(|value| HeaderValue::from_bytes(value).ok());
    value.map(|value| (HeaderName::from_static("location"), value)).into_iter().collect()
}
