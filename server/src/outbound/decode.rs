//! Undoes the content encoding of a response.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use async_compression::tokio::bufread::{BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use selvedge_runtime::body::{BodyError, BodySource};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt, BufReader, ReadBuf};

use super::rules::Rules;

/// The most that one step decodes, in bytes: a body that explodes when it is
/// decoded is never in memory as a whole.
const CHUNK_BYTES: usize = 16 * 1024;
/// Encodings on top of each other that are undone; more is not a response but
/// an attack.
const MAX_CODINGS: usize = 4;

/// A content coding (RFC 9110, 8.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    Brotli,
    Deflate,
}

/// The codings of a response in the order in which they are undone. None when
/// one of them is unknown: the Worker asked for it and gets the body as it is.
pub(crate) fn codings(headers: &HeaderMap, rules: Rules) -> Vec<Coding> {
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let Ok(value) = value.to_str() else { return Vec::new() };
        for name in value.split(',').map(str::trim) {
            match name.to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => codings.push(Coding::Gzip),
                "br" if rules.brotli => codings.push(Coding::Brotli),
                "deflate" => codings.push(Coding::Deflate),
                "identity" | "" => {}
                _ => return Vec::new(),
            }
        }
    }
    if codings.len() > MAX_CODINGS {
        return Vec::new();
    }
    codings.reverse();
    codings
}

/// A body that is decoded as it is read.
pub(crate) struct Decoded {
    codings: Vec<Coding>,
    state: State,
    buffer: BytesMut,
}

enum State {
    /// Nothing arrived yet. An empty body is valid in every encoding.
    Start(Box<dyn BodySource>),
    Reading(Pin<Box<dyn AsyncRead>>),
    Ended,
}

impl Decoded {
    /// `body` with these codings undone, in this order.
    pub(crate) fn new(body: Box<dyn BodySource>, codings: Vec<Coding>) -> Self {
        Self { codings, state: State::Start(body), buffer: BytesMut::new() }
    }

    /// Builds the decoders once the first bytes are there.
    fn start(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        let State::Start(body) = &mut self.state else { return Poll::Ready(Ok(())) };
        let first = loop {
            match ready!(body.poll_chunk(cx)).transpose()? {
                Some(chunk) if chunk.is_empty() => {}
                other => break other,
            }
        };
        let state = std::mem::replace(&mut self.state, State::Ended);
        if let (State::Start(body), Some(chunk)) = (state, first) {
            let zlib = is_zlib(chunk[0]);
            let mut codings = self.codings.iter();
            let source = Source { body, chunk };
            let mut reader: Pin<Box<dyn AsyncRead>> = match codings.next() {
                Some(coding) => decoder(*coding, zlib, source),
                None => Box::pin(source),
            };
            for coding in codings {
                reader = decoder(*coding, true, BufReader::new(reader));
            }
            self.state = State::Reading(reader);
        }
        Poll::Ready(Ok(()))
    }
}

impl BodySource for Decoded {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        if let Err(error) = ready!(self.start(cx)) {
            self.state = State::Ended;
            return Poll::Ready(Some(Err(error)));
        }
        let State::Reading(reader) = &mut self.state else { return Poll::Ready(None) };
        self.buffer.reserve(CHUNK_BYTES);
        let mut window = (&mut self.buffer).limit(CHUNK_BYTES);
        let result = ready!(pin!(reader.read_buf(&mut window)).poll(cx));
        match result {
            Ok(0) => {
                self.state = State::Ended;
                Poll::Ready(None)
            }
            Ok(_) => Poll::Ready(Some(Ok(self.buffer.split().freeze()))),
            Err(error) => {
                self.state = State::Ended;
                Poll::Ready(Some(Err(body_error(error))))
            }
        }
    }
}

fn decoder(
    coding: Coding,
    zlib: bool,
    reader: impl AsyncBufRead + 'static,
) -> Pin<Box<dyn AsyncRead>> {
    match coding {
        Coding::Gzip => {
            let mut gzip = GzipDecoder::new(reader);
            // A gzip body may be several files after each other (RFC 1952, 2.2).
            gzip.multiple_members(true);
            Box::pin(gzip)
        }
        Coding::Brotli => Box::pin(BrotliDecoder::new(reader)),
        Coding::Deflate if zlib => Box::pin(ZlibDecoder::new(reader)),
        Coding::Deflate => Box::pin(DeflateDecoder::new(reader)),
    }
}

/// `deflate` means zlib (RFC 9110, 8.4.1.2), but some origins send it bare.
/// This byte says method 8 and a window of at most 32 KiB (RFC 1950, 2.2); as
/// the start of a bare stream it would be a stored block with dirty padding.
fn is_zlib(first: u8) -> bool {
    first & 0x0f == 8 && first >> 4 <= 7
}

fn body_error(error: io::Error) -> BodyError {
    let kind = error.kind();
    match error.into_inner().map(|inner| inner.downcast::<BodyError>()) {
        Some(Ok(inner)) => *inner,
        _ if kind == io::ErrorKind::UnexpectedEof => {
            BodyError::Invalid("Compressed stream ended prematurely.".into())
        }
        _ => BodyError::Invalid("Decompression failed.".into()),
    }
}

/// A body as the decoders read it.
struct Source {
    body: Box<dyn BodySource>,
    chunk: Bytes,
}

impl AsyncBufRead for Source {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        while this.chunk.is_empty() {
            match ready!(this.body.poll_chunk(cx)) {
                Some(Ok(chunk)) => this.chunk = chunk,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => break,
            }
        }
        Poll::Ready(Ok(&this.chunk))
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        self.chunk.advance(amount);
    }
}

impl AsyncRead for Source {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let ready = ready!(self.as_mut().poll_fill_buf(cx))?;
        let amount = ready.len().min(buf.remaining());
        buf.put_slice(&ready[..amount]);
        self.consume(amount);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
