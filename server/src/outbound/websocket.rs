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
use crate::websocket::{accept_key, client_key};

/// A connection on which frames flow from now on.
pub struct UpgradedSocket {
    pub io: Box<dyn Io>,
    /// What the origin sent right behind its answer.
    pub leftover: Bytes,
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
    },
    /// The origin answered as to any other request.
    Declined(Response<Incoming>),
}

/// Adds the headers of a handshake; gives its key.
pub(crate) fn prepare(headers: &mut HeaderMap) -> HeaderValue {
    // Extensions change the frames, and the codec speaks none.
    headers.remove(SEC_WEBSOCKET_EXTENSIONS);
    let key = client_key();
    let key = HeaderValue::from_str(&key).expect("base64 is a header value");
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, key.clone());
    key
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
) -> Result<Handshake, OutboundError> {
    let lost = |error: hyper::Error| OutboundError::Network(error.to_string());
    let asked = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).iter().cloned().collect();
    let (mut sender, driver) =
        http1_builder().handshake(TokioIo::new(stream)).await.map_err(lost)?;
    drive(driver.with_upgrades());
    let mut response = sender.send_request(request).await.map_err(lost)?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(Handshake::Declined(response));
    }
    verify(response.headers(), key, asked).map_err(|reason| {
        OutboundError::Network(format!("WebSocket handshake failed: {reason}"))
    })?;
    let upgraded = hyper::upgrade::on(&mut response).await.map_err(lost)?;
    let parts = upgraded
        .downcast::<TokioIo<Stream>>()
        .map_err(|_| OutboundError::Network("not the connection that was upgraded".into()))?;
    let head = response.map(drop);
    Ok(Handshake::Open { head, stream: parts.io.into_inner(), leftover: parts.read_buf })
}

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
    if headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
        return Err("an extension that was not offered");
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
            ("sec-websocket-extensions", Some("permessage-deflate")),
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
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static("permessage-deflate"));
        headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static("mine"));
        let first = prepare(&mut headers);
        assert_eq!(headers.get_all(SEC_WEBSOCKET_KEY).iter().collect::<Vec<_>>(), [&first]);
        assert!(!headers.contains_key(SEC_WEBSOCKET_EXTENSIONS));
        assert_ne!(prepare(&mut headers), first);
        assert_eq!(first.len(), 24);
    }
}
