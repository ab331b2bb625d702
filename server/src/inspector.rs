//! `--inspect`: where debuggers find the Workers of this process.
//!
//! A thread of its own speaks HTTP for the lists that Chrome and editors read
//! (`/json`, `/json/list`, `/json/version`) and WebSockets for the Chrome
//! DevTools protocol (`/ws/ID`). The messages go to the isolate's thread and
//! come from there through [`selvedge_runtime::Inspector`].
//!
//! Who is connected can do all that the Worker can, so pages in a browser are
//! kept away: the `Host` must be an address or `localhost`, or a page could come
//! in under a name of its own that leads here; an `Origin` must be a debugger's
//! or this machine's; and the ID of a target is random.
//!
//! The frames are left to fastwebsockets, not to `websocket.rs`: a heap snapshot
//! is larger than what that would let wait, and speed does not matter here.

mod access;
mod list;
mod session;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use selvedge_runtime::{Inspector, InspectorStart, Worker};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::listener::owner_of_port;
use crate::log::{Level, Log};

/// Where debuggers connect when nothing else was said; the port of Node.js.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:9229";
/// A request must be there after this.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// Debuggers get this long to take the end of their sessions.
const FAREWELL: Duration = Duration::from_millis(500);

/// What `--inspect` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InspectOptions {
    /// Where to listen; port 0 is any free one.
    pub address: SocketAddr,
    /// What the Worker waits for before it starts.
    pub start: InspectorStart,
}

/// Why debuggers cannot be let in.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for debuggers: {reason}{hint}")]
pub struct InspectorError {
    address: SocketAddr,
    reason: String,
    hint: String,
}

impl InspectorError {
    fn new(address: SocketAddr, error: &io::Error) -> Self {
        let (reason, hint) = match error.kind() {
            io::ErrorKind::AddrInUse => {
                let by = owner_of_port(address.port());
                let by = by.map_or(String::new(), |by| format!(" by {by}"));
                let hint =
                    "\nhint: choose another port, e.g. --inspect=9230, or 0 for any free one";
                (format!("the port is in use{by}"), hint)
            }
            io::ErrorKind::PermissionDenied => ("permission denied".to_owned(), ""),
            io::ErrorKind::AddrNotAvailable => ("this machine has no such address".to_owned(), ""),
            _ => (error.to_string(), ""),
        };
        Self { address, reason, hint: hint.to_owned() }
    }
}

/// Lets debuggers in until it is dropped.
pub struct InspectorServer {
    address: SocketAddr,
    start: InspectorStart,
    log: Arc<Log>,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    address: SocketAddr,
    targets: Mutex<Vec<Target>>,
}

/// A Worker as debuggers see it.
#[derive(Clone)]
struct Target {
    id: String,
    name: String,
    url: String,
    inspector: Inspector,
}

impl Shared {
    fn targets(&self) -> Vec<Target> {
        self.targets.lock().unwrap_or_else(|poison| poison.into_inner()).clone()
    }
}

impl InspectorServer {
    /// Binds the address and starts the thread.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn start(options: InspectOptions, log: Arc<Log>) -> Result<Self, InspectorError> {
        let InspectOptions { address, start } = options;
        let refused = |error: io::Error| InspectorError::new(address, &error);
        let listener = TcpListener::bind(address).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let shared = Arc::new(Shared { address, targets: Mutex::default() });
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(refused)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let of_thread = shared.clone();
        let thread = std::thread::Builder::new()
            .name("inspector".into())
            .spawn(move || runtime.block_on(serve(listener, of_thread, stopped)))
            .map_err(refused)?;
        if !address.ip().is_loopback() {
            log.warn(
                "whoever reaches the debugger's address can run code in the Worker; \
                 127.0.0.1 keeps other machines out",
            );
        }
        Ok(Self { address, start, log, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens; the port is a real one.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lists a Worker and says so in the log. A name that is listed already stays
    /// the same target: isolates that get its inspector, one after the other,
    /// take each other's place.
    pub fn add(&self, worker: &Worker) -> Inspector {
        let mut targets = self.shared.targets.lock().unwrap_or_else(|poison| poison.into_inner());
        if let Some(target) = targets.iter_mut().find(|target| target.name == worker.name) {
            target.url = main_url(worker);
            return target.inspector.clone();
        }
        let target = Target {
            id: random_id(),
            name: worker.name.clone(),
            url: main_url(worker),
            inspector: Inspector::new(self.start),
        };
        let url = list::socket_url(&target, &self.address.to_string());
        self.log.event(Level::Info, &format!("debugger listening on {url}"), Vec::new());
        if self.start != InspectorStart::AtOnce {
            self.log.event(Level::Info, "waiting for a debugger to connect", Vec::new());
        }
        let inspector = target.inspector.clone();
        targets.push(target);
        inspector
    }

    /// The URLs of the targets, for debuggers that are told where to connect.
    pub fn urls(&self) -> Vec<String> {
        let authority = self.address.to_string();
        self.shared.targets().iter().map(|target| list::socket_url(target, &authority)).collect()
    }
}

/// The file of the main module, for people who look at the list.
fn main_url(worker: &Worker) -> String {
    let path = worker.module(&worker.main).and_then(|main| main.path.as_deref());
    path.and_then(|path| std::path::absolute(path).ok())
        .and_then(|path| url::Url::from_file_path(path).ok())
        .map_or_else(|| selvedge_runtime::module_url(&worker.main), Into::into)
}

impl Drop for InspectorServer {
    fn drop(&mut self) {
        for target in self.shared.targets() {
            target.inspector.close();
        }
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An ID as `crypto.randomUUID()` makes them (RFC 9562, 5.4).
fn random_id() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, mut stopped: oneshot::Receiver<()>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "debuggers cannot connect");
            return;
        }
    };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    connections.spawn(connection(stream, shared.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a debugger could not connect");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            },
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(FAREWELL, ended).await;
}

/// One connection: lists, or a session of the protocol until its end.
async fn connection(stream: tokio::net::TcpStream, shared: Arc<Shared>) {
    let (opened, session) = oneshot::channel();
    let opened = Arc::new(Mutex::new(Some(opened)));
    let service = hyper::service::service_fn(move |request| {
        let (response, session) = answer(request, &shared);
        if let Some(session) = session
            && let Some(opened) = opened.lock().unwrap_or_else(|poison| poison.into_inner()).take()
        {
            let _ = opened.send(session);
        }
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if served.is_ok()
        && let Ok((upgrade, inspector)) = session.await
    {
        session::run(upgrade, inspector).await;
    }
}

type Session = (fastwebsockets::upgrade::UpgradeFut, Inspector);

fn answer(
    mut request: Request<Incoming>,
    shared: &Shared,
) -> (Response<Full<Bytes>>, Option<Session>) {
    if let Err(reason) = access::check(request.headers()) {
        return (text(StatusCode::FORBIDDEN, reason), None);
    }
    if request.method() != Method::GET {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET is served here");
        response.headers_mut().insert(header::ALLOW, http::HeaderValue::from_static("GET"));
        return (response, None);
    }
    let own = shared.address.to_string();
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = host.unwrap_or(&own);
    let path = request.uri().path();
    let body = match path {
        "/json" | "/json/" | "/json/list" => list::targets(&shared.targets(), authority),
        "/json/version" => list::version(),
        _ => {
            let target = path
                .strip_prefix("/ws/")
                .and_then(|id| shared.targets().into_iter().find(|target| target.id == id));
            return match target {
                Some(target) => open(&mut request, target),
                None => (text(StatusCode::NOT_FOUND, "no such target; see /json/list"), None),
            };
        }
    };
    let mut response = Response::new(Full::from(body));
    let json = http::HeaderValue::from_static("application/json; charset=UTF-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    (response, None)
}

fn open(
    request: &mut Request<Incoming>,
    target: Target,
) -> (Response<Full<Bytes>>, Option<Session>) {
    if !fastwebsockets::upgrade::is_upgrade_request(request) {
        return (text(StatusCode::UPGRADE_REQUIRED, "this is a WebSocket"), None);
    }
    match fastwebsockets::upgrade::upgrade(request) {
        Ok((response, upgrade)) => {
            (response.map(|_| Full::default()), Some((upgrade, target.inspector)))
        }
        Err(error) => (text(StatusCode::BAD_REQUEST, &error.to_string()), None),
    }
}

fn text(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("{text}\n")));
    *response.status_mut() = status;
    let plain = http::HeaderValue::from_static("text/plain; charset=UTF-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}
