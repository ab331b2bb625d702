//! The other end of the control socket: what `selvedge do` and `selvedge kv` ask a
//! running server.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;

use super::protocol::{Failure, FailureKind, Reply, Request, join, split};
use super::socket::{PATH, SOCKET, Short};

/// A server that has a data folder.
#[derive(Debug)]
pub struct Client {
    path: PathBuf,
    /// Connections that wait for their next request.
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl Client {
    /// Connects to the server that has this folder. Must be called, and what it
    /// gives used, on one tokio runtime.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn connect(folder: &Path) -> std::io::Result<Self> {
        let client = Self { path: folder.join(SOCKET), idle: Mutex::default() };
        let first = client.open().await?;
        client.keep(first);
        Ok(client)
    }

    async fn open(&self) -> std::io::Result<SendRequest<Full<Bytes>>> {
        let short = Short::of(&self.path)?;
        let stream = std::os::unix::net::UnixStream::connect(short.path())?;
        drop(short);
        stream.set_nonblocking(true)?;
        let stream = tokio::net::UnixStream::from_std(stream)?;
        let (send, connection) =
            handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
        // It ends with the sender; its errors come out there.
        tokio::spawn(async move { drop(connection.await) });
        Ok(send)
    }

    fn keep(&self, connection: SendRequest<Full<Bytes>>) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }

    /// Has the server do what a verb says.
    ///
    /// # Errors
    /// [`Failure`]: what the server says, or that it went away.
    pub async fn execute(&self, request: Request, bytes: Bytes) -> Result<Reply, Failure> {
        let gone = |error: &dyn std::fmt::Display| {
            Failure::new(FailureKind::Internal, format!("the server does not answer: {error}"))
        };
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(idle) if !idle.is_closed() => idle,
            _ => self.open().await.map_err(|error| gone(&error))?,
        };
        let body = join(&request, &bytes).map_err(|error| gone(&error))?;
        let request = http::Request::post(PATH).header(http::header::HOST, "selvedge");
        let request = request.body(Full::new(body)).map_err(|error| gone(&error))?;
        connection.ready().await.map_err(|error| gone(&error))?;
        let response = connection.send_request(request).await.map_err(|error| gone(&error))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| gone(&error))?.to_bytes();
        self.keep(connection);
        if status != StatusCode::OK {
            let failure = serde_json::from_slice::<Failure>(&body);
            return Err(failure.unwrap_or_else(|_| gone(&status)));
        }
        let (json, bytes) = split(body)?;
        Ok(Reply { json, bytes })
    }
}
