//! The control socket of a running server: HTTP over a Unix domain socket in the
//! data folder, for the user who started the server alone (mode 0600).
//!
//! It is there as long as the server has the folder. What a process that was
//! killed left behind is replaced; nobody connects to it meanwhile, for the folder
//! is free then.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;

use super::Control;
use super::protocol::{Failure, FailureKind, Request, join, split};

/// The socket, in the data folder.
pub(super) const SOCKET: &str = "control.sock";
/// The one thing that can be asked for.
pub(super) const PATH: &str = "/control";
/// A value of KV has 25 MiB at most, and one of an object less.
const MOST_BYTES: usize = 64 << 20;

/// Answers on the socket for as long as it is polled, once the server has the
/// folder.
pub(crate) async fn serve(control: Arc<Control>) {
    let folder = control.backends.taken().await;
    match Socket::bind(&folder) {
        Ok(socket) => socket.accept(control).await,
        Err(error) => {
            tracing::warn!(
                "{}: there is no control socket: {error}; `selvedge kv` and `selvedge do` cannot be \
                 used while this server runs",
                folder.display()
            );
            std::future::pending().await
        }
    }
}

struct Socket {
    listener: tokio::net::UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Makes the socket. It appears with its mode: nobody else ever connects.
    fn bind(folder: &Path) -> io::Result<Self> {
        let path = folder.join(SOCKET);
        let new = folder.join(format!("{SOCKET}.new"));
        remove(&new)?;
        let short = Short::of(&new)?;
        let listener = std::os::unix::net::UnixListener::bind(short.path())?;
        let only_us = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&new, only_us)?;
        std::fs::rename(&new, &path)?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener: tokio::net::UnixListener::from_std(listener)?, path })
    }

    async fn accept(self, control: Arc<Control>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let control = control.clone();
                    tokio::spawn(async move {
                        let answer = |request| answer(control.clone(), request);
                        let service = hyper::service::service_fn(answer);
                        let io = TokioIo::new(stream);
                        // Who went away needs no answer.
                        let _ = hyper::server::conn::http1::Builder::new()
                            .serve_connection(io, service)
                            .await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a command was not heard");
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = remove(&self.path);
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

async fn answer(
    control: Arc<Control>,
    request: http::Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    if request.uri().path() != PATH || request.method() != Method::POST {
        *response.status_mut() = StatusCode::NOT_FOUND;
        return Ok(response);
    }
    let result = match Limited::new(request.into_body(), MOST_BYTES).collect().await {
        Ok(body) => execute(&control, body.to_bytes()).await,
        Err(error) => Err(Failure::new(FailureKind::Invalid, error.to_string())),
    };
    let body = result.and_then(|reply| {
        join(&reply.json, &reply.bytes)
            .map_err(|error| Failure::new(FailureKind::Internal, error.to_string()))
    });
    *response.body_mut() = Full::new(body.unwrap_or_else(|failure| {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        serde_json::to_vec(&failure).unwrap_or_default().into()
    }));
    Ok(response)
}

async fn execute(control: &Control, message: Bytes) -> Result<super::protocol::Reply, Failure> {
    let (request, bytes) = split::<Request>(message)?;
    // Whole, also when who asked is gone by then.
    control.execute(request, bytes).await
}

/// A path that fits into the address of a socket, which has room for 107 bytes. A
/// long one is named by its folder, held open meanwhile.
pub(super) struct Short {
    path: PathBuf,
    _folder: Option<std::fs::File>,
}

impl Short {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        const ROOM: usize = 100;
        if path.as_os_str().len() <= ROOM {
            return Ok(Self { path: path.to_owned(), _folder: None });
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let folder = std::fs::File::open(folder)?;
        let number = std::os::fd::AsRawFd::as_raw_fd(&folder);
        let path = Path::new("/proc/self/fd").join(number.to_string()).join(name);
        Ok(Self { path, _folder: Some(folder) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
