//! The threads that accept: they read as much of a connection as tells whose it
//! is, hand it to an isolate of that Worker, and take it back when the isolate
//! leaves. Connections in HTTP/2 stay here, for their streams go to many Workers.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use deno_http_h1::CoreRequest;
use http::StatusCode;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::LazyConfigAcceptor;

use super::answer::{self, Trouble};
use super::certificates::Certificates;
use super::core::Core;
use super::deployed::Deployed;
use super::route::{self, Asking, Destination};
use super::slot::Slot;
use super::tcp::Door;
use super::{proxy_protocol, streams};
use crate::edge::{Facts, TlsFacts};
use crate::error_page::Reads;
use crate::http1::{HEAD_SECONDS, IDLE_SECONDS, Peeked, peek, poll_more};
use crate::moving::{Line, Movable, Move, Moved};
use crate::proxies::Proxies;
use crate::serve::ThreadEvent;
use crate::{tcp, tls};

/// A TLS handshake must be done after this, and so must a PROXY header.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What reaches an ingress thread from others.
pub(crate) enum ToIngress {
    /// A connection whose next request has no isolate yet, or did not come yet.
    Connection(Box<Moved>),
    /// One whose next request gets this answer.
    Answer(Box<Moved>, Trouble),
}

/// What an ingress thread works with.
pub(crate) struct Ingress {
    pub(crate) core: Arc<Core>,
    pub(crate) certificates: Option<Arc<Certificates>>,
    pub(crate) proxies: Arc<Proxies>,
}

/// Runs until the server stops; to be called on a thread of its own.
pub(crate) async fn run(
    ingress: Rc<Ingress>,
    listeners: Vec<std::net::TcpListener>,
    doors: Vec<Door>,
    mut arrivals: mpsc::UnboundedReceiver<ToIngress>,
    mut closing: watch::Receiver<bool>,
) {
    let mut accepting = JoinSet::new();
    for listener in listeners {
        match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => {
                accepting.spawn_local(accept(listener, ingress.clone()));
            }
            Err(error) => tracing::error!(%error, "an address is not served"),
        }
    }
    for Door { socket, open, bounds } in doors {
        match tokio::net::TcpListener::from_std(socket) {
            Ok(listener) => {
                accepting.spawn_local(tcp::accept(listener, open, bounds));
            }
            Err(error) => tracing::error!(%error, "an address is not served"),
        }
    }
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(arrival) = arrivals.recv() => {
                connections.spawn_local(arrive(arrival, ingress.clone()));
            }
            Some(_) = connections.join_next() => {}
            told = closing.wait_for(|closing| *closing) => {
                drop(told);
                break;
            }
        }
    }
    accepting.shutdown().await;
    // What isolates hand back while they drain is answered or closed.
    let drained = async {
        loop {
            tokio::select! {
                Some(arrival) = arrivals.recv() => {
                    connections.spawn_local(arrive(arrival, ingress.clone()));
                }
                joined = connections.join_next(), if !connections.is_empty() => drop(joined),
                () = tokio::time::sleep(Duration::from_millis(50)), if connections.is_empty() => {
                    if *ingress.core.stop.borrow() && ingress.core.stop.receiver_count() == 0 {
                        break;
                    }
                }
            }
        }
    };
    let _ = tokio::time::timeout(crate::serve::DRAIN, drained).await;
}

async fn accept(listener: tokio::net::TcpListener, ingress: Rc<Ingress>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true);
                tokio::task::spawn_local(fresh(stream, peer, ingress.clone()));
            }
            Err(error) => {
                // Out of file descriptors, or the client left already.
                tracing::warn!(%error, "connection not accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// A connection that was just accepted.
async fn fresh(mut stream: TcpStream, mut peer: SocketAddr, ingress: Rc<Ingress>) {
    let is_proxy = ingress.proxies.contains(peer.ip());
    let mut early = Vec::new();
    if is_proxy && ingress.core.settings.proxies.proxy_protocol {
        let header = proxy_protocol::read(&mut stream);
        match tokio::time::timeout(HANDSHAKE, header).await {
            Ok(Ok((client, rest))) => {
                peer = client.unwrap_or(peer);
                early = rest;
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "no PROXY header");
                return;
            }
            Err(_) => return,
        }
    }
    let proxies = is_proxy.then(|| ingress.proxies.clone());
    let Some(certificates) = ingress.certificates.clone() else {
        let facts = Facts { peer, protocol: "HTTP/1.1", tls: None, proxies };
        return Box::pin(wait(stream, early, Arc::new(facts), ingress)).await;
    };
    let handshake = handshake(Movable::new(stream, early), &certificates, &ingress.core);
    let stream = match tokio::time::timeout(HANDSHAKE, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "TLS handshake failed");
            return;
        }
        Err(_) => return,
    };
    let (_, session) = stream.get_ref();
    let facts = TlsFacts {
        version: session.protocol_version().map_or_else(String::new, tls::version_name),
        cipher: session
            .negotiated_cipher_suite()
            .map_or_else(String::new, |suite| tls::cipher_name(&suite)),
    };
    if session.alpn_protocol() == Some(b"h2") {
        let facts = Facts { peer, protocol: "HTTP/2", tls: Some(facts), proxies };
        Box::pin(streams::serve(stream, Bytes::new(), Arc::new(facts), ingress)).await;
    } else {
        let facts = Facts { peer, protocol: "HTTP/1.1", tls: Some(facts), proxies };
        Box::pin(wait(Box::new(stream), Vec::new(), Arc::new(facts), ingress)).await;
    }
}

async fn handshake(
    stream: Movable,
    certificates: &Certificates,
    core: &Arc<Core>,
) -> std::io::Result<tokio_rustls::server::TlsStream<Movable>> {
    let acceptor = rustls::server::Acceptor::default();
    let start = LazyConfigAcceptor::new(acceptor, stream).await?;
    // The name is known before the request: the Worker starts meanwhile.
    let name = start.client_hello().server_name().map(str::to_ascii_lowercase);
    if let Some(name) = name {
        let asking = Asking { authority: name.as_bytes(), target: b"/", is_secure: true };
        let routes = core.routes.load();
        if let Destination::Slot { slot, is_all: true, .. } =
            route::destination(core, &routes, &asking, None, |_| None)
            && !slot.is_warm()
        {
            core.warm_up(&slot);
        }
    }
    start.into_stream(certificates.config()).await
}

/// What comes from other threads.
async fn arrive(arrival: ToIngress, ingress: Rc<Ingress>) {
    match arrival {
        ToIngress::Connection(moved) => {
            let Moved { line, early, facts, .. } = *moved;
            let early = early.to_vec();
            match attach(line) {
                Ok(Here::Plain(io)) => Box::pin(wait(io, early, facts, ingress)).await,
                Ok(Here::Tls(io)) => Box::pin(wait(io, early, facts, ingress)).await,
                Ok(Here::Pipe(io)) => Box::pin(wait(io, early, facts, ingress)).await,
                Err(error) => tracing::warn!(%error, "a connection was lost on its way"),
            }
        }
        ToIngress::Answer(moved, trouble) => {
            let Moved { line, early, facts, .. } = *moved;
            let (reads, is_head) = reader(&early);
            let (page, _) = trouble.page(reads);
            ingress.core.log_unserved(&early, &facts, page.status);
            match attach(line) {
                Ok(Here::Plain(mut io)) => answer::write(&mut io, &page, is_head).await,
                Ok(Here::Tls(mut io)) => answer::write(&mut io, &page, is_head).await,
                Ok(Here::Pipe(mut io)) => {
                    // The request may not have been written yet: it is read first.
                    answer::write(&mut io, &page, is_head).await;
                }
                Err(error) => tracing::warn!(%error, "a connection was lost on its way"),
            }
        }
    }
}

enum Here {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<Movable>>),
    Pipe(tokio::io::DuplexStream),
}

fn attach(line: Line) -> std::io::Result<Here> {
    Ok(match line {
        Line::Plain(stream) => Here::Plain(TcpStream::from_std(stream)?),
        Line::Tls(mut stream) => {
            stream.get_mut().0.attach()?;
            Here::Tls(stream)
        }
        Line::Pipe(stream) => Here::Pipe(stream),
    })
}

/// What the client of a request reads, and whether it wants a head alone.
fn reader(early: &[u8]) -> (Reads, bool) {
    let peeked = peek(early, |request| {
        (Reads::of(route::header(request, b"accept")), request.method == b"HEAD")
    });
    match peeked {
        Peeked::Head(found) => found,
        _ => (Reads::Text, false),
    }
}

/// Whether a request counts as one over HTTPS.
pub(crate) fn is_secure(facts: &Facts) -> impl Fn(&CoreRequest<'_>) -> bool + use<> {
    let own = facts.tls.is_some();
    let proxies = facts.proxies.clone();
    move |request| {
        let said = proxies.as_ref().and_then(|proxies| {
            let headers = request.headers.iter();
            proxies.read(headers.map(|header| (header.name, header.value))).scheme
        });
        said.map_or(own, |scheme| scheme == "https")
    }
}

/// Waits for the head of the next request, and sends the connection there.
async fn wait<I: Move>(mut io: I, mut early: Vec<u8>, facts: Arc<Facts>, ingress: Rc<Ingress>) {
    let core = &ingress.core;
    let found = loop {
        match look(core, &early, &facts) {
            Looked::Partial => {}
            Looked::Http2 => {
                let facts = Facts {
                    peer: facts.peer,
                    protocol: "HTTP/2",
                    tls: facts.tls.clone(),
                    proxies: facts.proxies.clone(),
                };
                let served = streams::serve(io, early.into(), Arc::new(facts), ingress);
                return Box::pin(served).await;
            }
            Looked::Found(found) => break found,
        }
        let (is_idle, stops) = (early.is_empty(), *core.stop.borrow());
        let seconds = match (is_idle, stops) {
            (true, true) => 1,
            (true, false) => IDLE_SECONDS,
            (false, _) => HEAD_SECONDS,
        };
        let patience = Duration::from_secs(seconds.into());
        let mut stop = core.stop.subscribe();
        let more = std::future::poll_fn(|cx| poll_more(&mut io, cx, &mut early));
        let read = tokio::select! {
            read = tokio::time::timeout(patience, more) => read,
            // Who idles when the server stops is let go.
            _ = stop.wait_for(|stop| *stop), if is_idle && !stops => return,
        };
        match read {
            Ok(Ok(count)) if count > 0 => {}
            Ok(_) => return,
            Err(_) if early.is_empty() => return,
            Err(_) => break Found::Trouble(Trouble::Invalid(StatusCode::REQUEST_TIMEOUT)),
        }
    };
    let slot = match found {
        Found::Slot(slot) => Ok(slot),
        Found::Preview(worker, digits) => {
            super::previews::find(core, &worker, &digits).await.ok_or(Trouble::Nobody)
        }
        Found::Trouble(trouble) => Err(trouble),
    };
    match slot {
        Ok(slot) => match io.leave() {
            Ok(line) => {
                let early = early.into();
                let moved = Moved { line, early, facts, chosen: None, ticket: None, hops: 0 };
                core.deliver(&slot, ThreadEvent::Moved(Box::new(moved)));
            }
            Err(error) => tracing::warn!(%error, "a connection was lost on its way"),
        },
        Err(trouble) => {
            let (reads, is_head) = reader(&early);
            core.traces.nobody(&trouble);
            let page = trouble.page(reads).0;
            if !matches!(trouble, Trouble::Text(..)) {
                core.log_unserved(&early, &facts, page.status);
            }
            answer::write(&mut io, &page, is_head).await;
        }
    }
}

enum Looked {
    Partial,
    Http2,
    Found(Found),
}

/// Where a request goes, or what it gets.
pub(crate) enum Found {
    Slot(Arc<Slot>),
    Preview(Arc<Deployed>, String),
    Trouble(Trouble),
}

fn look(core: &Arc<Core>, early: &[u8], facts: &Arc<Facts>) -> Looked {
    let is_secure = is_secure(facts);
    let peeked = peek(early, |request| {
        let asking = Asking::of(request, is_secure(request));
        find(core, &asking, |name| route::header(request, name))
    });
    match peeked {
        Peeked::Partial => Looked::Partial,
        Peeked::Http2 => Looked::Http2,
        Peeked::Refused(status) => Looked::Found(Found::Trouble(Trouble::Invalid(status))),
        Peeked::Head(found) => Looked::Found(found),
    }
}

/// Finds what a request is for. Load balancers ask for the server's own health
/// at any host that is no Worker's.
pub(crate) fn find<'h>(
    core: &Arc<Core>,
    asking: &Asking<'_>,
    header: impl Fn(&[u8]) -> Option<&'h [u8]>,
) -> Found {
    let routes = core.routes.load();
    match route::destination(core, &routes, asking, None, header) {
        Destination::Slot { slot, .. } => Found::Slot(slot),
        Destination::Preview { worker, digits } => Found::Preview(worker, digits),
        Destination::Nobody => Found::Trouble(match asking.target {
            b"/healthz" => Trouble::Text(StatusCode::OK, "ok\n"),
            b"/readyz" if core.is_ready.load(Ordering::Relaxed) => {
                Trouble::Text(StatusCode::OK, "ready\n")
            }
            b"/readyz" => Trouble::Text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            _ => Trouble::Nobody,
        }),
    }
}
