//! Latencies of single requests, one after the other.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};

use super::deployed::Running;
use crate::load::response::ResponseParser;

/// A keep-alive connection that asks one Worker.
struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
}

impl Connection {
    fn open(running: &Running, name: &str) -> Result<Self> {
        let stream = TcpStream::connect(running.server.addr)?;
        stream.set_nodelay(true)?;
        let host = running.host_of(name);
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes();
        Ok(Self { stream, request })
    }

    fn ask(&mut self) -> Result<Duration> {
        let begin = Instant::now();
        self.stream.write_all(&self.request)?;
        let mut parser = ResponseParser::new();
        let mut buffer = [0; 4096];
        loop {
            let count = self.stream.read(&mut buffer)?;
            if count == 0 {
                bail!("the server closed a connection");
            }
            if parser.feed(&buffer[..count])?.is_some() {
                ensure!(parser.status() == 200, "status {}", parser.status());
                return Ok(begin.elapsed());
            }
        }
    }
}

/// Milliseconds of each request to a Worker, with a rest of 1 ms between them.
pub(super) fn measure(running: &Running, name: &str, time: Duration) -> Result<Vec<f64>> {
    let mut connection = Connection::open(running, name)?;
    for _ in 0..50 {
        connection.ask()?;
    }
    let mut times = Vec::new();
    let end = Instant::now() + time;
    while Instant::now() < end {
        times.push(connection.ask()?.as_secs_f64() * 1000.0);
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(times)
}

/// Median, 99th percentile and greatest, in milliseconds.
pub(super) fn summary(times: &mut [f64]) -> Value {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let index = (times.len().saturating_sub(1) as f64 * share).round() as usize;
        times.get(index).copied().unwrap_or(f64::NAN)
    };
    json!({ "count": times.len(), "p50": at(0.5), "p99": at(0.99), "most": at(1.0) })
}

/// Workers that are asked all the time, until this is dropped.
pub(super) struct Burning {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Burning {
    pub(super) fn start(running: &Running, count: usize) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for index in 0..count {
            let mut connection = Connection::open(running, &format!("burner-{index}"))?;
            let stop = stop.clone();
            threads.push(std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) && connection.ask().is_ok() {}
            }));
        }
        // Until each has its isolate.
        std::thread::sleep(Duration::from_secs(1));
        Ok(Self { stop, threads })
    }
}

impl Drop for Burning {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
