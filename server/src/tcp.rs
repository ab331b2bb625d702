//! TCP connections of clients for `connect()` handlers: a listener accepts them, and
//! each is joined with a pipe to the isolate that takes it, which may be replaced
//! meanwhile without the socket's thread being disturbed.

mod join;
mod local;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use selvedge_runtime::outbound::OutboundError;
use selvedge_runtime::pipe::InboundConnection;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

pub(crate) use local::LocalListeners;

/// Connections of a listener that wait for a handler at once: fewer than fit the queue
/// of an isolate's thread. More wait in that of the system.
const WAITING: usize = 256;

/// What a connection counts against while it lives.
pub(crate) type Guard = Box<dyn std::any::Any + Send>;

/// Hands a connection to the Worker that a listener is for.
pub(crate) type Open = Arc<dyn Fn(InboundConnection) -> Result<Guard, OutboundError> + Send + Sync>;

/// How connections of a listener are bounded.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// As many may be open at once; the next one is accepted when one ends.
    pub(crate) room: Arc<Semaphore>,
    /// One on which nothing goes either way for so long is cut; `None`: none is.
    pub(crate) idle: Option<Duration>,
    /// All are cut when this is true.
    pub(crate) cut: watch::Receiver<bool>,
}

/// Accepts for as long as it is polled. Connections live on in tasks of their own.
pub(crate) async fn accept(listener: tokio::net::TcpListener, open: Open, bounds: Bounds) {
    let waiting = Arc::new(Semaphore::new(WAITING));
    loop {
        let Ok(permit) = bounds.room.clone().acquire_owned().await else { return };
        let Ok(turn) = waiting.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let (open, idle, cut) = (open.clone(), bounds.idle, bounds.cut.clone());
                tokio::spawn(async move {
                    serve(stream, peer, &open, turn, idle, cut).await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of file descriptors, or the client left already.
                tracing::warn!(%error, "connection not accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn serve(
    mut stream: TcpStream,
    peer: SocketAddr,
    open: &Open,
    turn: OwnedSemaphorePermit,
    idle: Option<Duration>,
    mut cut: watch::Receiver<bool>,
) {
    let Ok(local) = stream.local_addr() else { return };
    let _ = stream.set_nodelay(true);
    let (inbound, connecting) = InboundConnection::from_client(peer.to_string(), local.to_string());
    let guard = match open(inbound) {
        Ok(guard) => guard,
        Err(error) => {
            tracing::debug!(%error, %local, "a connection is for nobody");
            return join::reset(&stream);
        }
    };
    let told_to_end = async {
        if cut.wait_for(|cut| *cut).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let joined = async {
        let pipe = connecting.wait().await;
        drop(turn);
        let Some(pipe) = pipe else { return false };
        join::join(&mut stream, pipe, idle).await;
        true
    };
    let is_over = tokio::select! {
        is_over = joined => is_over,
        () = told_to_end => false,
    };
    if !is_over {
        // No handler took it, or it was cut.
        join::reset(&stream);
    }
    drop(guard);
}
