//! Ctrl-C and SIGTERM: the first one asks to stop, the second one stops.

use std::io;

/// Starts to listen for signals. The future is ready at the first one.
///
/// The second one ends the process inside of the signal handler, whatever its
/// threads are doing: a Worker that hangs cannot hold it up.
#[cfg(unix)]
pub(crate) fn shutdown() -> io::Result<impl Future<Output = ()>> {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag;
    use tokio::signal::unix::{SignalKind, signal};

    let stopping = Arc::new(AtomicBool::new(false));
    for number in [SIGINT, SIGTERM] {
        // In this order: the flag is not yet set when the first signal gets here.
        flag::register_conditional_shutdown(number, 128 + number, stopping.clone())?;
    }
    for number in [SIGINT, SIGTERM] {
        flag::register(number, stopping.clone())?;
    }
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// SIGHUP, again and again.
#[cfg(unix)]
pub(crate) struct Reload(tokio::signal::unix::Signal);

/// Starts to listen for SIGHUP.
#[cfg(unix)]
pub(crate) fn reload() -> io::Result<Reload> {
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).map(Reload)
}

#[cfg(unix)]
impl Reload {
    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// There is no such signal here.
#[cfg(not(unix))]
pub(crate) struct Reload;

#[cfg(not(unix))]
pub(crate) fn reload() -> io::Result<Reload> {
    Ok(Reload)
}

#[cfg(not(unix))]
impl Reload {
    pub(crate) async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}

/// Starts to listen for Ctrl-C. The future is ready at the first one; the
/// second one ends the process.
#[cfg(not(unix))]
pub(crate) fn shutdown() -> io::Result<impl Future<Output = ()>> {
    let (first, stopped) = tokio::sync::oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            if tokio::signal::ctrl_c().await.is_ok() {
                let _ = first.send(());
            }
            if tokio::signal::ctrl_c().await.is_ok() {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "the user wants no more cleaning up"
                )]
                std::process::exit(130);
            }
        });
    })?;
    Ok(async {
        if stopped.await.is_err() {
            // Nobody listens any more: never stop for that.
            std::future::pending::<()>().await;
        }
    })
}
