//! The opening handshake of a WebSocket that a Worker connects (RFC 6455, 4.1).

use std::rc::Rc;

use bytes::Bytes;
use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use selvedge_runtime::outbound::OutboundError;
use selvedge_runtime::websocket::{WebSocketId, WebSocketSink};

use super::pool::{Request, drive, http1_builder};
use super::stream::{Io, Stream};
use crate::websocket::{Deflate, accept_key, client_key};

/// A connection on which frames flow from now on.
pub struct UpgradedSocket {
    pub io: Box<dyn Io>,
    /// What the origin sent right behind its answer.
    pub leftover: Bytes,
    /// The extension that it agreed to.
    pub(crate) agreed: Option<Deflate>,
    /// Whose events these are: [`selvedge_runtime::LocalIsolate::websocket`]
    /// takes both.
    pub epoch: u32,
    pub id: WebSocketId,
}

/// Takes over a connection after the handshake: speaks frames on it as the
/// client and delivers what arrives.
pub type ConnectSocket = Rc<dyn Fn(UpgradedSocket) -> Box<dyn WebSocketSink>>;

/// How a handshake ended.
pub(crate) enum Handshake {
    Open {
        head: Response<()>,
        stream: Stream,
        leftover: Bytes,
        agreed: Option<Deflate>,
    },
    /// The origin answered as to any other request.
    Declined(Response<Incoming>),
}

/// Which extensions a handshake may be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extensions {
    /// None, whatever the Worker asks for.
    None,
    /// permessage-deflate, as the Worker asks for it.
    Deflate,
    /// The other end is a Worker: frames stay as they are, and headers say what the
    /// Workers say.
    Unspoken,
}

/// Adds the headers of a handshake; gives its key.
pub(crate) fn prepare(headers: &mut HeaderMap, extensions: Extensions) -> HeaderValue {
    if extensions != Extensions::Unspoken {
        let offers = match extensions {
            Extensions::Deflate => offers(headers),
            _ => None,
        };
        headers.remove(SEC_WEBSOCKET_EXTENSIONS);
        if let Some(offers) = offers {
            headers.insert(SEC_WEBSOCKET_EXTENSIONS, offers);
        }
    }
    let key = client_key();
    let key = HeaderValue::from_str(&key).expect("base64 is a header value");
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, key.clone());
    key
}

/// What a Worker asks for, without what is no offer of permessage-deflate.
fn offers(headers: &HeaderMap) -> Option<HeaderValue> {
    let values = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).iter();
    let offers = values.filter_map(|value| value.to_str().ok()).flat_map(Deflate::all);
    let offers: Vec<_> = offers.map(|offer| offer.to_string()).collect();
    if offers.is_empty() { None } else { HeaderValue::from_str(&offers.join(", ")).ok() }
}

/// Sends a handshake on a fresh HTTP/1.1 connection.
///
/// # Errors
/// [`OutboundError::Network`] when the connection breaks, or the answer is not
/// one to this handshake.
pub(crate) async fn handshake(
    stream: Stream,
    request: Request,
    key: &HeaderValue,
    extensions: Extensions,
) -> Result<Handshake, OutboundError> {
    let lost = |error: hyper::Error| OutboundError::Network(error.to_string());
    let asked = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).iter().cloned().collect();
    let offers = request.headers().contains_key(SEC_WEBSOCKET_EXTENSIONS);
    let (mut sender, driver) =
        http1_builder().handshake(TokioIo::new(stream)).await.map_err(lost)?;
    drive(driver.with_upgrades());
    let mut response = sender.send_request(request).await.map_err(lost)?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(Handshake::Declined(response));
    }
    let failed = |reason| OutboundError::Network(format!("WebSocket handshake failed: {reason}"));
    verify(response.headers(), key, asked).map_err(failed)?;
    let agreed = match extensions {
        Extensions::Unspoken => None,
        _ => agreed(response.headers(), offers).map_err(failed)?,
    };
    let upgraded = hyper::upgrade::on(&mut response).await.map_err(lost)?;
    let parts = upgraded
        .downcast::<TokioIo<Stream>>()
        .map_err(|_| OutboundError::Network("not the connection that was upgraded".into()))?;
    let head = response.map(drop);
    let (stream, leftover) = (parts.io.into_inner(), parts.read_buf);
    Ok(Handshake::Open { head, stream, leftover, agreed })
}

/// What the answer agrees to. Parameters that were not offered do no harm, as this end
/// can do all that they can say.
fn agreed(headers: &HeaderMap, offers: bool) -> Result<Option<Deflate>, &'static str> {
    let values: Vec<_> = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).iter().collect();
    let [value] = &values[..] else {
        return if values.is_empty() { Ok(None) } else { Err(NOT_OFFERED) };
    };
    let text = value.to_str().unwrap_or_default();
    match Deflate::only(text) {
        Some(agreed) if offers => Ok(Some(agreed)),
        _ => Err(NOT_OFFERED),
    }
}

const NOT_OFFERED: &str = "an extension that was not offered";

/// The checks of RFC 6455, 4.1, on the answer.
fn verify(
    headers: &HeaderMap,
    key: &HeaderValue,
    asked: Vec<HeaderValue>,
) -> Result<(), &'static str> {
    if !has_token(headers, UPGRADE, "websocket") || !has_token(headers, CONNECTION, "upgrade") {
        return Err("the connection was not upgraded to a WebSocket");
    }
    let expected = accept_key(key.as_bytes());
    if headers.get(SEC_WEBSOCKET_ACCEPT).map(|v| v.as_bytes().trim_ascii())
        != Some(expected.as_bytes())
    {
        return Err("wrong sec-websocket-accept");
    }
    if let Some(chosen) = headers.get(SEC_WEBSOCKET_PROTOCOL) {
        let chosen = chosen.as_bytes().trim_ascii();
        let mut offered = asked.iter().flat_map(|v| v.as_bytes().split(|byte| *byte == b','));
        if !offered.any(|name| name.trim_ascii() == chosen) {
            return Err("a protocol that was not offered");
        }
    }
    Ok(())
}

fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(changes: &[(&'static str, Option<&'static str>)]) -> Result<(), &'static str> {
        // Key and accept of RFC 6455, 1.3.
        let mut headers = HeaderMap::new();
        headers.insert(UPGRADE, HeaderValue::from_static("WebSocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("keep-alive, Upgrade"));
        let accept = HeaderValue::from_static("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        for (name, value) in changes {
            headers.remove(*name);
            if let Some(value) = value {
                headers.insert(*name, HeaderValue::from_static(value));
            }
        }
        let key = HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==");
        verify(&headers, &key, vec![HeaderValue::from_static("chat, superchat")])
    }

    #[test]
    fn an_answer_must_fit_the_handshake() {
        assert_eq!(answer(&[]), Ok(()));
        assert_eq!(answer(&[("sec-websocket-protocol", Some("superchat"))]), Ok(()));
        for wrong in [
            ("sec-websocket-protocol", Some("other")),
            ("sec-websocket-accept", Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOx=")),
            ("sec-websocket-accept", None),
            ("upgrade", Some("h2c")),
            ("connection", Some("close")),
        ] {
            assert!(answer(&[wrong]).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn each_handshake_has_its_own_key() {
        let mut headers = HeaderMap::new();
        headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static("mine"));
        let first = prepare(&mut headers, Extensions::None);
        assert_eq!(headers.get_all(SEC_WEBSOCKET_KEY).iter().collect::<Vec<_>>(), [&first]);
        assert_ne!(prepare(&mut headers, Extensions::None), first);
        assert_eq!(first.len(), 24);
    }

    #[test]
    fn what_a_worker_asks_for_is_offered_if_it_can_be() {
        let offered = |extensions| {
            let mut headers = HeaderMap::new();
            for value in ["x-foo, permessage-deflate; client_max_window_bits", "permessage-deflate"]
            {
                headers.append(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(value));
            }
            prepare(&mut headers, extensions);
            let values = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).iter();
            values.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(
            offered(Extensions::Deflate),
            ["permessage-deflate; client_max_window_bits=15, permessage-deflate"]
        );
        assert!(offered(Extensions::None).is_empty());
        assert_eq!(offered(Extensions::Unspoken).len(), 2, "as it was");
    }

    #[test]
    fn only_what_was_offered_is_agreed_to() {
        let answer = |values: &[&'static str], offers| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(value));
            }
            agreed(&headers, offers).map(|agreed| agreed.map(|it| it.to_string()))
        };
        let deflate = "permessage-deflate";
        assert_eq!(answer(&[], true), Ok(None));
        assert_eq!(answer(&[], false), Ok(None));
        assert_eq!(answer(&[deflate], true), Ok(Some(deflate.to_owned())));
        for wrong in [
            &["x-foo"][..],
            &["permessage-deflate, x-foo"],
            &["permessage-deflate; foo"],
            &[deflate, deflate],
            &[""],
        ] {
            assert!(answer(wrong, true).is_err(), "{wrong:?}");
        }
        assert!(answer(&[deflate], false).is_err());
    }
}
