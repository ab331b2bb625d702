//! What a client sends and nobody asked for yet.

use deno_http_h1::{BodyStatus, Protocol};
use selvedge_runtime::BodyError;

use super::DRAIN_BYTES;
use crate::http1::inbound::Inbound;
use crate::io::Io;

/// Gives bytes that were read to the body; `true`: something was used.
pub(super) fn feed(inbound: &Inbound, protocol: &mut Protocol, buffer: &mut Vec<u8>) -> bool {
    let mut at = 0;
    loop {
        match protocol.body_chunk(&buffer[at..]) {
            Ok(BodyStatus::Chunk { bytes, consumed }) => {
                let fits = inbound.push(bytes);
                at += consumed;
                if !fits {
                    break;
                }
            }
            Ok(BodyStatus::Complete { consumed }) => {
                at += consumed;
                inbound.finish(Ok(()));
                break;
            }
            Ok(BodyStatus::Partial { consumed }) => {
                at += consumed;
                break;
            }
            Err(_) => {
                inbound.finish(Err(BodyError::Invalid("Invalid chunked encoding.".into())));
                at = buffer.len();
                break;
            }
        }
    }
    buffer.drain(..at);
    at > 0
}

/// Ends a connection in order: what the client still sends is read for a
/// moment, so that it gets the response instead of a reset (RFC 9112, 9.6).
pub(super) async fn linger<I: Io>(io: &mut I, broken: bool) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    if broken {
        return;
    }
    let _ = io.shutdown().await;
    let mut sink = [0; 4096];
    let read = async {
        let mut total = 0;
        while total < DRAIN_BYTES {
            match io.read(&mut sink).await {
                Ok(0) | Err(_) => break,
                Ok(count) => total += count,
            }
        }
    };
    let _ = tokio::time::timeout(std::time::Duration::from_millis(500), read).await;
}
