//! A client's connection and a pipe to a Worker, joined: bytes go both ways, each
//! direction ends for itself, and what breaks on one side breaks the other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use selvedge_runtime::pipe::{Departure, PipeEnd};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// As many bytes are copied at once.
const COPY_BYTES: usize = 16 * 1024;
/// A client that still sends when the handler is over may do so this long: a socket
/// that is closed with bytes unread takes along what is on its way to the client.
const LINGER: Duration = Duration::from_secs(5);

/// How a connection ended.
enum End {
    /// Each side sent all that it had, or the handler is over.
    Whole,
    /// The client is gone.
    ClientLost,
    /// The handler did not get to an end.
    WorkerLost,
    /// Nothing went either way for too long.
    Idle,
}

/// What broke while bytes were copied.
enum Broken {
    Source,
    Sink,
}

/// Joins them until both are done.
pub(super) async fn join(stream: &mut TcpStream, pipe: PipeEnd, idle: Option<Duration>) {
    match run(stream, pipe, idle).await {
        End::Whole => linger(stream).await,
        End::ClientLost => {}
        End::WorkerLost | End::Idle => reset(stream),
    }
}

/// Has the connection end as one that broke.
pub(super) fn reset(stream: &TcpStream) {
    if let Err(error) = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)) {
        tracing::debug!(%error, "a connection is closed and not reset");
    }
}

async fn run(stream: &mut TcpStream, mut pipe: PipeEnd, idle: Option<Duration>) -> End {
    let departure = pipe.take_departure();
    let (mut from_client, mut to_client) = stream.split();
    let (mut from_worker, mut to_worker) = tokio::io::split(pipe);
    let activity = Activity::new();
    let mut up = std::pin::pin!(copy(&mut from_client, &mut to_worker, &activity));
    let mut down = std::pin::pin!(copy(&mut from_worker, &mut to_client, &activity));
    let mut gone = std::pin::pin!(gone(departure));
    let mut quiet = std::pin::pin!(activity.ends(idle));
    let (mut is_up_done, mut is_down_done, mut is_gone) = (false, false, false);
    while !(is_down_done && (is_up_done || is_gone)) {
        tokio::select! {
            ended = &mut up, if !is_up_done => match ended {
                Err(Broken::Source) => return End::ClientLost,
                // The handler takes nothing any more, but may still say something.
                Ok(()) | Err(Broken::Sink) => is_up_done = true,
            },
            ended = &mut down, if !is_down_done => match ended {
                Ok(()) => is_down_done = true,
                Err(Broken::Source) => return End::WorkerLost,
                Err(Broken::Sink) => return End::ClientLost,
            },
            () = &mut gone, if !is_gone => is_gone = true,
            () = &mut quiet => return End::Idle,
        }
    }
    End::Whole
}

async fn gone(departure: Option<Departure>) {
    match departure {
        Some(departure) => departure.wait().await,
        None => std::future::pending().await,
    }
}

/// Copies to the end, which is told to the other side.
async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    activity: &Activity,
) -> Result<(), Broken> {
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let count = from.read(&mut buffer).await.map_err(|_| Broken::Source)?;
        activity.note();
        if count == 0 {
            return to.shutdown().await.map_err(|_| Broken::Sink);
        }
        to.write_all(&buffer[..count]).await.map_err(|_| Broken::Sink)?;
        activity.note();
    }
}

/// When something went either way last.
struct Activity {
    began: Instant,
    /// Milliseconds from the begin.
    last: AtomicU64,
}

impl Activity {
    fn new() -> Self {
        Self { began: Instant::now(), last: AtomicU64::new(0) }
    }

    fn note(&self) {
        let millis = self.began.elapsed().as_millis();
        self.last.store(u64::try_from(millis).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Ready when nothing happened for so long.
    async fn ends(&self, idle: Option<Duration>) {
        let Some(idle) = idle else { return std::future::pending().await };
        loop {
            let end = self.began + Duration::from_millis(self.last.load(Ordering::Relaxed)) + idle;
            if Instant::now() >= end {
                return;
            }
            tokio::time::sleep_until(end).await;
        }
    }
}

/// Takes what the client still sends, for a while.
async fn linger(stream: &mut TcpStream) {
    let rest = async {
        let mut buffer = vec![0; COPY_BYTES];
        while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    };
    let _ = tokio::time::timeout(LINGER, rest).await;
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A client, and the Worker's end of a pipe that it is joined with.
    async fn joined(idle: Option<Duration>) -> (TcpStream, PipeEnd, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let client = TcpStream::connect(address).await.expect("it listens");
        let (mut stream, _) = listener.accept().await.expect("a client");
        let (ours, worker) = PipeEnd::pair();
        let task = tokio::spawn(async move { join(&mut stream, ours, idle).await });
        (client, worker, task)
    }

    fn block_on(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("an event loop");
        runtime.block_on(test);
    }

    #[test]
    fn each_direction_ends_for_itself() {
        block_on(async {
            let (mut client, mut worker, task) = joined(None).await;
            client.write_all(b"question").await.expect("it is open");
            client.shutdown().await.expect("it is open");
            let mut question = String::new();
            worker.read_to_string(&mut question).await.expect("it ended well");
            assert_eq!(question, "question");
            worker.write_all(b"answer").await.expect("the other direction is open");
            worker.shutdown().await.expect("it is open");
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.expect("it ended well");
            assert_eq!(answer, "answer");
            drop(worker);
            task.await.expect("it ends");
        });
    }

    #[test]
    fn an_answer_arrives_although_the_client_goes_on_to_send() {
        block_on(async {
            let (mut client, mut worker, task) = joined(None).await;
            client.write_all(b"unread").await.expect("it is open");
            worker.write_all(b"answer").await.expect("it is open");
            worker.ending().well();
            drop(worker);
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.expect("it ended well");
            assert_eq!(answer, "answer");
            drop(client);
            task.await.expect("it ends");
        });
    }

    #[test]
    fn a_handler_that_is_lost_resets_the_connection() {
        block_on(async {
            let (mut client, worker, task) = joined(None).await;
            drop(worker);
            let error = client.read(&mut [0; 8]).await.expect_err("it broke");
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
            task.await.expect("it ends");
        });
    }

    #[test]
    fn a_client_that_is_lost_is_an_error_of_the_handler() {
        block_on(async {
            let (client, mut worker, task) = joined(None).await;
            reset(&client);
            drop(client);
            assert!(worker.read(&mut [0; 8]).await.is_err());
            task.await.expect("it ends");
        });
    }

    #[test]
    fn a_quiet_connection_is_cut() {
        block_on(async {
            let (mut client, mut worker, task) = joined(Some(Duration::from_millis(30))).await;
            assert!(client.read(&mut [0; 8]).await.is_err());
            assert!(worker.read(&mut [0; 8]).await.is_err());
            task.await.expect("it ends");
        });
    }
}
