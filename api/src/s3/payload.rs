//! Bodies of requests: as they are, or in signed chunks (`aws-chunked`,
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>). What the
//! client says of the body is compared with what came.

use aws_lc_rs::digest;
use bytes::{Buf as _, Bytes, BytesMut};
use futures::StreamExt as _;
use http_body_util::BodyStream;
use hyper::body::Incoming;
use selvedge_r2::object::unhex;

use super::checksum::Checksum;
use super::error::S3Error;
use super::request::Asked;
use super::signature::{Signature, Signer, UNSIGNED};

/// The line before a chunk, and those of a trailer: 8 KiB.
const MAX_LINE: usize = 8192;
/// A chunk that is signed; it is kept until its signature is checked. Clients
/// use 64 KiB to 1 MiB.
const MAX_CHUNK: u64 = 16 * 1024 * 1024;

/// How the body comes.
enum Framing {
    Plain,
    /// In chunks: which are signed, if there is a signer.
    Chunked {
        signer: Option<Box<Signer>>,
        trailer: bool,
    },
}

/// A body that is checked on its way.
pub(super) struct Payload {
    stream: BodyStream<Incoming>,
    buffer: BytesMut,
    framing: Framing,
    /// What is left of the chunk that is being read.
    left: u64,
    /// After a chunk's bytes comes the end of its line.
    in_chunk: bool,
    is_over: bool,
    hash: Option<(digest::Context, Vec<u8>)>,
    checksum: Option<Checksum>,
    /// Its length, decoded, in bytes.
    pub(super) length: Option<u64>,
}

impl Payload {
    /// The body of a request whose signature is good.
    pub(super) fn new(
        asked: &Asked,
        body: Incoming,
        signature: &Signature,
        signer: Signer,
    ) -> Result<Self, S3Error> {
        let number = |name: &str| asked.header(name).and_then(|text| text.parse().ok());
        let mut payload = Self {
            stream: BodyStream::new(body),
            buffer: BytesMut::new(),
            framing: Framing::Plain,
            left: 0,
            in_chunk: false,
            is_over: false,
            hash: None,
            checksum: Checksum::of(asked)?,
            length: number("content-length"),
        };
        let (signed, trailer) = match signature.payload.as_str() {
            UNSIGNED => return Ok(payload),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => (true, false),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => (true, true),
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => (false, true),
            hash => {
                let hash = unhex(hash).filter(|hash| hash.len() == 32).ok_or_else(|| {
                    S3Error::argument("x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a kind of STREAMING, or a valid sha256 value.")
                })?;
                payload.hash = Some((digest::Context::new(&digest::SHA256), hash));
                return Ok(payload);
            }
        };
        payload.length = number("x-amz-decoded-content-length");
        if payload.length.is_none() {
            let text = "You must provide the x-amz-decoded-content-length header.";
            return Err(S3Error::new(
                http::StatusCode::LENGTH_REQUIRED,
                "MissingContentLength",
                text,
            ));
        }
        payload.framing = Framing::Chunked { signer: signed.then(|| Box::new(signer)), trailer };
        Ok(payload)
    }

    /// The whole body, up to a limit in bytes.
    pub(super) async fn whole(mut self, limit: usize) -> Result<Bytes, S3Error> {
        let mut all = BytesMut::new();
        while let Some(piece) = self.next().await? {
            if all.len() + piece.len() > limit {
                return Err(S3Error::bad("MaxMessageLengthExceeded", "Your request was too big."));
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    /// The next piece; `None` after the last one, when all of it fits what was said.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, S3Error> {
        if self.is_over {
            return Ok(None);
        }
        let piece = match self.framing {
            Framing::Plain => self.more().await?,
            Framing::Chunked { .. } => self.next_chunked().await?,
        };
        let Some(piece) = piece else {
            self.is_over = true;
            self.finish()?;
            return Ok(None);
        };
        if let Some((context, _)) = &mut self.hash {
            context.update(&piece);
        }
        if let Some(checksum) = &mut self.checksum {
            checksum.update(&piece);
        }
        Ok(Some(piece))
    }

    fn finish(&mut self) -> Result<(), S3Error> {
        if let Some((context, given)) = self.hash.take()
            && context.finish().as_ref() != given
        {
            return Err(S3Error::bad(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            ));
        }
        self.checksum.take().map_or(Ok(()), Checksum::check)
    }

    /// What comes next from the client.
    async fn more(&mut self) -> Result<Option<Bytes>, S3Error> {
        while let Some(frame) = self.stream.next().await {
            let cut = |_| S3Error::from(selvedge_r2::rules::Refusal::wrong_length());
            match frame.map_err(cut)?.into_data() {
                Ok(piece) if !piece.is_empty() => return Ok(Some(piece)),
                _ => {}
            }
        }
        Ok(None)
    }

    async fn fill(&mut self) -> Result<(), S3Error> {
        match self.more().await? {
            Some(piece) => self.buffer.extend_from_slice(&piece),
            None => return Err(selvedge_r2::rules::Refusal::wrong_length().into()),
        }
        Ok(())
    }

    /// A line, without its end.
    async fn line(&mut self) -> Result<String, S3Error> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.buffer.split_to(end);
                self.buffer.advance(2);
                return String::from_utf8(line.to_vec()).map_err(|_| malformed());
            }
            if self.buffer.len() > MAX_LINE {
                return Err(malformed());
            }
            self.fill().await?;
        }
    }

    async fn next_chunked(&mut self) -> Result<Option<Bytes>, S3Error> {
        loop {
            if self.left > 0 {
                if self.buffer.is_empty() {
                    self.fill().await?;
                }
                let length = usize::try_from(self.left).unwrap_or(usize::MAX);
                let piece = self.buffer.split_to(length.min(self.buffer.len())).freeze();
                self.left -= piece.len() as u64;
                return Ok(Some(piece));
            }
            if self.in_chunk {
                if !self.line().await?.is_empty() {
                    return Err(malformed());
                }
                self.in_chunk = false;
            }
            let line = self.line().await?;
            let (size, extension) = line.split_once(';').unwrap_or((&line, ""));
            let size = u64::from_str_radix(size.trim(), 16).map_err(|_| malformed())?;
            if let Framing::Chunked { signer: Some(_), .. } = self.framing {
                let signature = extension.strip_prefix("chunk-signature=").ok_or_else(malformed)?;
                self.check_chunk(size, signature.trim()).await?;
            }
            if size == 0 {
                self.end().await?;
                return Ok(None);
            }
            self.left = size;
            self.in_chunk = true;
        }
    }

    /// A chunk's bytes are in the buffer when its signature is checked.
    async fn check_chunk(&mut self, size: u64, signature: &str) -> Result<(), S3Error> {
        if size > MAX_CHUNK {
            return Err(S3Error::argument("A signed chunk has at most 16 MiB."));
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        while self.buffer.len() < size {
            self.fill().await?;
        }
        let hash = digest::digest(&digest::SHA256, &self.buffer[..size]);
        match &mut self.framing {
            Framing::Chunked { signer: Some(signer), .. } => signer.chunk(hash.as_ref(), signature),
            _ => Ok(()),
        }
    }

    /// The trailer, and the end of the body.
    async fn end(&mut self) -> Result<(), S3Error> {
        let has_trailer = matches!(self.framing, Framing::Chunked { trailer: true, .. });
        let mut signed = String::new();
        let mut signature = None;
        loop {
            let line = match self.line().await {
                // Not all clients end it with an empty line.
                Err(_) if self.buffer.is_empty() && !has_trailer => break,
                line => line?,
            };
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(malformed)?;
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
            if name == "x-amz-trailer-signature" {
                signature = Some(value.to_owned());
                continue;
            }
            signed.push_str(&format!("{name}:{value}\n"));
            if let Some(checksum) = &mut self.checksum {
                checksum.told(&name, value);
            }
        }
        if let Framing::Chunked { signer: Some(signer), trailer: true } = &mut self.framing {
            signer.trailer(&signed, &signature.ok_or_else(malformed)?)?;
        }
        Ok(())
    }
}

fn malformed() -> S3Error {
    S3Error::bad("InvalidRequest", "The chunks of the body are malformed.")
}

/// The MD5 that a `Content-MD5` header has.
pub(super) fn content_md5(asked: &Asked) -> Result<Option<Vec<u8>>, S3Error> {
    use base64::Engine as _;
    let Some(text) = asked.header("content-md5") else { return Ok(None) };
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok();
    let bytes = bytes.filter(|bytes| bytes.len() == 16);
    bytes
        .map(Some)
        .ok_or_else(|| S3Error::bad("InvalidDigest", "The Content-MD5 you specified is not valid."))
}
