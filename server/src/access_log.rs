//! The access log of `selvedge serve`: one JSON object a line for each request of
//! a client, whoever answered it.
//!
//! One thread writes. When the disk is slow, lines are dropped and counted;
//! requests never wait for it.

use std::io::{BufWriter, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use serde::Serialize;

/// Lines that wait to be written.
const QUEUE: usize = 8192;

/// Where the log goes.
#[derive(Debug)]
pub(crate) struct AccessLog {
    queue: SyncSender<Order>,
    dropped: Arc<AtomicU64>,
}

enum Order {
    Line(Box<Entry>),
    /// The file was moved away: a new one takes its place.
    Reopen,
}

/// One request.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    /// When it ended, RFC 3339.
    pub(crate) time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<IpAddr>,
    pub(crate) method: String,
    pub(crate) host: String,
    /// With its query.
    pub(crate) path: String,
    /// 0: the client was gone before there was an answer.
    pub(crate) status: u16,
    /// Milliseconds to the end of `waitUntil`.
    pub(crate) wall_ms: f64,
    pub(crate) cpu_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) worker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// How the event ended, where a Worker had it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) referer: Option<String>,
}

impl Entry {
    /// The facts of a request's head; `header` gives headers by lower-case name.
    pub(crate) fn of_head<'h>(
        method: &str,
        host: &[u8],
        path: &[u8],
        client: Option<IpAddr>,
        header: impl Fn(&[u8]) -> Option<&'h [u8]>,
    ) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            client,
            method: method.to_owned(),
            host: text(host),
            path: text(path),
            user_agent: header(b"user-agent").map(text),
            referer: header(b"referer").map(text),
            ..Self::default()
        }
    }

    /// Notes how long it took.
    pub(crate) fn took(&mut self, wall: Duration, cpu: Duration) {
        self.wall_ms = millis(wall);
        self.cpu_ms = millis(cpu);
    }
}

/// With three places.
fn millis(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e3
}

impl AccessLog {
    /// Appends to a file, which is made if it is not there.
    ///
    /// # Errors
    /// When it cannot be opened, or there is no thread to have.
    pub(crate) fn start(path: PathBuf) -> std::io::Result<Arc<Self>> {
        let file = open(&path)?;
        let (queue, orders) = sync_channel(QUEUE);
        std::thread::Builder::new()
            .name("access-log".into())
            .spawn(move || write_all(&path, file, &orders))?;
        Ok(Arc::new(Self { queue, dropped: Arc::default() }))
    }

    /// Writes a line, if there is room for it.
    pub(crate) fn write(&self, mut line: Box<Entry>) {
        line.time = crate::log::rfc3339(crate::host::trace::now_millis());
        if self.queue.try_send(Order::Line(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Opens the file again: it may have been moved away.
    pub(crate) fn reopen(&self) {
        // One that waits for room is not lost.
        let _ = self.queue.send(Order::Reopen);
    }

    /// Lines that were not written.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

fn open(path: &Path) -> std::io::Result<BufWriter<std::fs::File>> {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    Ok(BufWriter::new(file))
}

/// Writes until the server is gone. What is written is in the file as soon as no
/// further line waits.
fn write_all(path: &Path, mut file: BufWriter<std::fs::File>, orders: &Receiver<Order>) {
    let mut failed = false;
    while let Ok(first) = orders.recv() {
        let mut next = Some(first);
        let mut result = Ok(());
        while let Some(order) = next {
            result = result.and_then(|()| match order {
                Order::Line(line) => {
                    serde_json::to_writer(&mut file, &line)?;
                    file.write_all(b"\n")
                }
                Order::Reopen => {
                    file.flush()?;
                    file = open(path)?;
                    Ok(())
                }
            });
            next = orders.try_recv().ok();
        }
        let result = result.and_then(|()| file.flush());
        match result {
            Ok(()) => failed = false,
            // Once for each disk that is full, not for each request.
            Err(error) if !failed => {
                failed = true;
                tracing::error!(%error, path = %path.display(), "the access log is not written");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &Path, count: usize) -> Vec<serde_json::Value> {
        for _ in 0..6000 {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            if text.lines().count() >= count && text.ends_with('\n') {
                let parse = |line| serde_json::from_str(line).expect("JSON");
                return text.lines().map(parse).collect();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the lines never came");
    }

    fn line(path: &[u8]) -> Box<Entry> {
        let agent = |name: &[u8]| (name == b"user-agent").then_some(&b"curl"[..]);
        let mut line = Entry::of_head("GET", b"a.test", path, None, agent);
        line.took(Duration::from_micros(1500), Duration::ZERO);
        Box::new(line)
    }

    #[test]
    fn lines_are_written_and_a_file_that_was_moved_away_is_made_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, moved) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
        let log = AccessLog::start(path.clone()).expect("it opens");
        log.write(line(b"/one?x"));
        let first = lines(&path, 1);
        assert_eq!(first[0]["path"], "/one?x");
        assert_eq!((&first[0]["userAgent"], &first[0]["wallMs"]), (&"curl".into(), &1.5.into()));
        assert!(first[0].get("worker").is_none() && first[0]["time"].is_string());
        std::fs::rename(&path, &moved).expect("it can be moved");
        log.reopen();
        log.write(line(b"/two"));
        assert_eq!(lines(&path, 1)[0]["path"], "/two");
        assert_eq!(lines(&moved, 1).len(), 1);
        assert_eq!(log.dropped(), 0);
    }

    #[test]
    fn a_file_that_cannot_be_made_is_an_error() {
        AccessLog::start(PathBuf::from("/proc/none/access.log")).expect_err("there is no folder");
    }
}
