//! HTTP/1 by hand: what is written is what goes over the wire.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::PATIENCE;

/// A connection to a server.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

/// A response, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    #[expect(dead_code, reason = "part of what a response is, for failing assertions")]
    pub(crate) version: String,
    pub(crate) status: u16,
    pub(crate) reason: String,
    /// In the order of the wire, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(it, _)| it == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    pub(crate) fn is_chunked(&self) -> bool {
        self.header("transfer-encoding") == Some("chunked")
    }
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket has time limits");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket has time limits");
        stream.set_nodelay(true).expect("a TCP socket");
        Self { stream, buffer: Vec::new() }
    }

    /// Writes bytes as they are.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the server takes it");
    }

    /// Writes bytes to a server that may have closed already.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// GET and its answer.
    pub(crate) fn get(&mut self, path: &str) -> Response {
        self.request("GET", path, &[], b"")
    }

    /// POST with a length and its answer.
    pub(crate) fn post(&mut self, path: &str, body: impl AsRef<[u8]>) -> Response {
        self.request("POST", path, &[], body.as_ref())
    }

    /// A request and its answer.
    pub(crate) fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            head.push_str("host: localhost\r\n");
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        self.send(bytes);
        self.response_to(method)
    }

    /// The next response to a GET.
    pub(crate) fn response(&mut self) -> Response {
        self.response_to("GET")
    }

    /// The next response that is not informational.
    pub(crate) fn response_to(&mut self, method: &str) -> Response {
        let mut response = self.head();
        while response.status < 200 && response.status != 101 {
            response = self.head();
        }
        if method != "HEAD" && !matches!(response.status, 101 | 204 | 304) {
            response.body = self.body(&response);
        }
        response
    }

    /// The next head, informational ones included; the body is not read.
    pub(crate) fn head(&mut self) -> Response {
        self.try_head().expect("the connection closed before a response")
    }

    /// The next head, unless the connection ends first.
    pub(crate) fn try_head(&mut self) -> Option<Response> {
        // Where to look on: long heads come in many pieces.
        let mut seen: usize = 0;
        let end = loop {
            let from = seen.saturating_sub(3);
            if let Some(at) = find(&self.buffer[from..], b"\r\n\r\n") {
                break from + at;
            }
            seen = self.buffer.len();
            if !self.fill() {
                assert!(
                    self.buffer.is_empty(),
                    "half a head: {}",
                    String::from_utf8_lossy(&self.buffer)
                );
                return None;
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        self.buffer.drain(..end + 4);
        let mut lines = head.split("\r\n");
        let mut start = lines.next().unwrap_or_default().splitn(3, ' ');
        let version = start.next().unwrap_or_default().to_owned();
        let status = start.next().and_then(|it| it.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {head}"));
        let reason = start.next().unwrap_or_default().to_owned();
        let headers = lines
            .map(|line| {
                let (name, value) = line.split_once(':').expect("a header has a colon");
                (name.to_ascii_lowercase(), value.trim().to_owned())
            })
            .collect();
        Some(Response { version, status, reason, headers, body: Vec::new() })
    }

    /// A whole body, framed as the head says.
    fn body(&mut self, head: &Response) -> Vec<u8> {
        if head.is_chunked() {
            let mut body = Vec::new();
            while let Some(chunk) = self.chunk() {
                body.extend_from_slice(&chunk);
            }
            return body;
        }
        match head.header("content-length") {
            Some(length) => self.exactly(length.parse().expect("a length is a number")),
            None => {
                while self.fill() {}
                std::mem::take(&mut self.buffer)
            }
        }
    }

    /// The next chunk of a chunked body; `None` is its end.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = self.line();
        let length = usize::from_str_radix(&line, 16)
            .unwrap_or_else(|_| panic!("not the length of a chunk: {line:?}"));
        let chunk = self.exactly(length);
        assert_eq!(self.line(), "", "a chunk ends with a line end");
        (length > 0).then_some(chunk)
    }

    fn line(&mut self) -> String {
        let end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n") {
                break at;
            }
            assert!(self.fill(), "the connection closed within a body");
        };
        let line = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        self.buffer.drain(..end + 2);
        line
    }

    /// As many bytes.
    pub(crate) fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            assert!(self.fill(), "the connection closed within a body");
        }
        let rest = self.buffer.split_off(count);
        std::mem::replace(&mut self.buffer, rest)
    }

    /// All that comes until the connection closes.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.buffer)
    }

    /// Whether the server closes without saying more.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && !self.fill()
    }

    /// Ends the sending side.
    pub(crate) fn shut(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    fn fill(&mut self) -> bool {
        let mut bytes = [0; 64 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(count) => {
                self.buffer.extend_from_slice(&bytes[..count]);
                count > 0
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(error) => panic!("nothing came from the server: {error}"),
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
