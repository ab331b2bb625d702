//! Bodies that are sent: in pieces which are made when their turn comes, so that
//! an upload of many files holds one of them in memory, and can be sent again.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};

/// Is told how many bytes more have been handed to the connection.
pub type Progress = Arc<dyn Fn(u64) + Send + Sync>;

/// How much is handed to the connection at once: 64 KiB.
const FRAME_BYTES: usize = 64 * 1024;

type Make = Arc<dyn Fn() -> io::Result<Bytes> + Send + Sync>;

#[derive(Clone)]
enum Piece {
    Ready(Bytes),
    /// Its length, and what makes it.
    Made(u64, Make),
}

impl Piece {
    fn length(&self) -> u64 {
        match self {
            Self::Ready(bytes) => bytes.len() as u64,
            Self::Made(length, _) => *length,
        }
    }
}

/// What a request carries. A clone starts from the beginning.
#[derive(Default)]
pub struct Body {
    pieces: Arc<Vec<Piece>>,
    next: usize,
    current: Bytes,
    left: u64,
    progress: Option<Progress>,
}

impl Body {
    /// Bytes that are there.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self::of(vec![Piece::Ready(bytes.into())])
    }

    fn of(pieces: Vec<Piece>) -> Self {
        let left = pieces.iter().map(Piece::length).sum();
        Self { left, pieces: Arc::new(pieces), ..Self::default() }
    }

    /// Tells `progress` what has left.
    #[must_use]
    pub fn with_progress(mut self, progress: Progress) -> Self {
        self.progress = Some(progress);
        self
    }

    /// How many bytes there are to send.
    pub fn length(&self) -> u64 {
        self.left
    }

    fn frame(&mut self) -> io::Result<Option<Bytes>> {
        while self.current.is_empty() {
            let Some(piece) = self.pieces.get(self.next) else { return Ok(None) };
            self.next += 1;
            self.current = match piece {
                Piece::Ready(bytes) => bytes.clone(),
                Piece::Made(length, make) => {
                    let bytes = make()?;
                    if bytes.len() as u64 != *length {
                        return Err(io::Error::other("a file changed while it was uploaded"));
                    }
                    bytes
                }
            };
        }
        let length = self.current.len().min(FRAME_BYTES);
        let bytes = self.current.split_to(length);
        self.left -= length as u64;
        if let Some(progress) = &self.progress {
            progress(length as u64);
        }
        Ok(Some(bytes))
    }
}

impl Clone for Body {
    fn clone(&self) -> Self {
        let whole = Self {
            left: self.pieces.iter().map(Piece::length).sum(),
            pieces: self.pieces.clone(),
            ..Self::default()
        };
        Self { progress: self.progress.clone(), ..whole }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("left", &self.left).finish_non_exhaustive()
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(self.frame().transpose().map(|frame| frame.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// One part of a form.
#[derive(Clone)]
pub struct Part {
    name: String,
    file_name: Option<String>,
    content_type: Option<String>,
    piece: Piece,
}

impl Part {
    /// A plain field.
    pub fn field(name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        let piece = Piece::Ready(value.into());
        Self { name: name.into(), file_name: None, content_type: None, piece }
    }

    /// A file, whose name is the field's too.
    pub fn file(
        name: impl Into<String>,
        content_type: impl Into<String>,
        bytes: impl Into<Bytes>,
    ) -> Self {
        let (name, piece) = (name.into(), Piece::Ready(bytes.into()));
        Self { file_name: Some(name.clone()), name, content_type: Some(content_type.into()), piece }
    }

    /// A file of `length` bytes that is made when it is sent.
    pub fn made(
        name: impl Into<String>,
        content_type: impl Into<String>,
        length: u64,
        make: impl Fn() -> io::Result<Bytes> + Send + Sync + 'static,
    ) -> Self {
        let mut part = Self::file(name, content_type, Bytes::new());
        part.piece = Piece::Made(length, Arc::new(make));
        part
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part")
            .field("name", &self.name)
            .field("content_type", &self.content_type)
            .field("length", &self.piece.length())
            .finish_non_exhaustive()
    }
}

/// A `multipart/form-data` body.
#[derive(Debug, Clone)]
pub struct Multipart {
    boundary: String,
    parts: Vec<Part>,
}

impl Multipart {
    /// An empty form. `boundary` must not occur in the parts.
    pub fn new(boundary: impl Into<String>) -> Self {
        Self { boundary: boundary.into(), parts: Vec::new() }
    }

    /// One part more.
    #[must_use]
    pub fn part(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    /// The value of `Content-Type`.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// The body.
    pub fn body(&self) -> Body {
        let mut pieces = Vec::with_capacity(self.parts.len() * 2 + 1);
        let mut between = BytesMut::new();
        for part in &self.parts {
            between.extend_from_slice(format!("--{}\r\n", self.boundary).as_bytes());
            between.extend_from_slice(head(part).as_bytes());
            pieces.push(Piece::Ready(between.split().freeze()));
            pieces.push(part.piece.clone());
            between.extend_from_slice(b"\r\n");
        }
        between.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        pieces.push(Piece::Ready(between.freeze()));
        Body::of(pieces)
    }
}

fn head(part: &Part) -> String {
    let mut head = format!("Content-Disposition: form-data; name=\"{}\"", quoted(&part.name));
    if let Some(name) = &part.file_name {
        head.push_str(&format!("; filename=\"{}\"", quoted(name)));
    }
    head.push_str("\r\n");
    if let Some(content_type) = &part.content_type {
        head.push_str(&format!("Content-Type: {content_type}\r\n"));
    }
    head.push_str("\r\n");
    head
}

/// A name as browsers write it in a form
/// (<https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data>).
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn read(body: Body) -> io::Result<Vec<u8>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(body.collect()).map(|all| all.to_bytes().to_vec())
    }

    #[test]
    fn a_form_has_its_parts_in_order_and_knows_its_length() -> io::Result<()> {
        let form = Multipart::new("X").part(Part::field("metadata", "{}")).part(Part::file(
            "a\"b.js",
            "application/javascript+module",
            "code",
        ));
        let body = form.body();
        let length = body.length();
        let bytes = read(body)?;
        let expected = "--X\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{}\r\n\
            --X\r\nContent-Disposition: form-data; name=\"a%22b.js\"; filename=\"a%22b.js\"\r\n\
            Content-Type: application/javascript+module\r\n\r\ncode\r\n--X--\r\n";
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
        assert_eq!(length, expected.len() as u64);
        Ok(())
    }

    #[test]
    fn a_clone_starts_from_the_beginning() -> io::Result<()> {
        let mut body = Body::new(vec![7; FRAME_BYTES + 1]);
        assert_eq!(body.frame()?.map(|frame| frame.len()), Some(FRAME_BYTES));
        assert_eq!(body.length(), 1);
        assert_eq!(read(body.clone())?.len(), FRAME_BYTES + 1);
        Ok(())
    }

    #[test]
    fn what_was_to_be_longer_is_an_error() {
        let part = Part::made("a", "text/plain", 5, || Ok(Bytes::from_static(b"four")));
        assert!(read(Multipart::new("X").part(part).body()).is_err());
    }

    #[test]
    fn progress_is_told_of_each_byte_once() -> io::Result<()> {
        let seen = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let counter = seen.clone();
        let progress: Progress = Arc::new(move |bytes| {
            counter.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
        });
        read(Body::new(vec![0; 200_000]).with_progress(progress))?;
        assert_eq!(seen.load(std::sync::atomic::Ordering::Relaxed), 200_000);
        Ok(())
    }
}
