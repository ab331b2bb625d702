//! A server under measurement: started, waited for, asked, and killed in any case.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::load::response::ResponseParser;
use crate::peer::Peer;
use crate::pin::Pins;
use crate::workload::{self, Worker, Workload};

/// How long a server may take to answer its first request.
pub(crate) const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How long one answer may take: filling a Worker's data is slow on a busy disk.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// A running server; dropping it kills it.
pub(crate) struct Server {
    child: Child,
    pub(crate) addr: SocketAddr,
    log: PathBuf,
}

impl Server {
    /// Starts `peer` with `worker` on the server's core and waits until it answers.
    pub(crate) fn start(peer: &Peer, worker: &Worker, dir: &Path, pins: Pins) -> Result<Self> {
        let port = free_port()?;
        let command = peer.command(worker, port, dir, Some(pins))?;
        let mut server = Self::spawn(command, port, dir)?;
        let request = workload::get("/", server.addr);
        server.wait_for(&request)?;
        server.seed(worker.data.seeds())?;
        Ok(server)
    }

    /// Fills what the Worker keeps.
    fn seed(&self, requests: usize) -> Result<()> {
        (0..requests).try_for_each(|_| self.fill("/"))
    }

    /// One POST request that fills what the Worker keeps.
    pub(crate) fn fill(&self, path: &str) -> Result<()> {
        let answer = ask(self.addr, &workload::post(path, self.addr))?.context("no answer")?;
        let body = String::from_utf8_lossy(answer.body());
        ensure!(body == "seeded", "it was not seeded: {body}\n{}", self.log_tail());
        Ok(())
    }

    /// Starts `command`, which is to listen on `port`, without waiting for it.
    pub(crate) fn spawn(mut command: Command, port: u16, dir: &Path) -> Result<Self> {
        let log = dir.join("server.log");
        let file = File::create(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("starting {:?}", command.get_program()))?;
        Ok(Self { child, addr: SocketAddr::from(([127, 0, 0, 1], port)), log })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks again and again until there is an answer, of whatever status.
    pub(crate) fn wait_for(&mut self, request: &[u8]) -> Result<u16> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if let Some(answer) = ask(self.addr, request)? {
                return Ok(answer.status());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended ({status}): {}", self.log_tail());
            }
            ensure!(
                Instant::now() < deadline,
                "no answer within {} s: {}",
                START_TIMEOUT.as_secs(),
                self.log_tail()
            );
            thread::sleep(Duration::from_micros(100));
        }
    }

    /// One request of the workload, whose answer must be right.
    pub(crate) fn check(&self, workload: &Workload) -> Result<()> {
        let answer = ask(self.addr, &workload.request(self.addr))?.context("no answer")?;
        let body = String::from_utf8_lossy(answer.body());
        let shown: String = body.chars().take(300).collect();
        ensure!(
            body.contains(workload.expect),
            "a wrong answer, status {}: {shown}\n{}",
            answer.status(),
            self.log_tail()
        );
        Ok(())
    }

    /// The end of what the server printed.
    pub(crate) fn log_tail(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let tail = &text[text.len().saturating_sub(2000)..];
        String::from_utf8_lossy(tail).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that leads a group of its own has children; there is none of another's.
        let group = format!("-{}", self.child.id());
        let kill = ["-KILL", "--", &group];
        let _ = Command::new("kill").args(kill).stderr(Stdio::null()).status();
        // Both fail only when the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request on a connection of its own. `None`: nobody listens there (yet).
pub(crate) fn ask(addr: SocketAddr, request: &[u8]) -> Result<Option<ResponseParser>> {
    match exchange(addr, request) {
        Ok(parser) => Ok(Some(parser)),
        Err(error) => match error.downcast_ref::<std::io::Error>().map(|e| e.kind()) {
            Some(
                ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe,
            ) => Ok(None),
            _ => Err(error),
        },
    }
}

fn exchange(addr: SocketAddr, request: &[u8]) -> Result<ResponseParser> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_nodelay(true)?;
    stream.write_all(request)?;
    let mut parser = ResponseParser::keeping_body();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err(std::io::Error::from(ErrorKind::ConnectionReset).into());
        }
        if parser.feed(&buffer[..count])?.is_some() {
            return Ok(parser);
        }
    }
}

/// A port that nobody uses at the moment.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    Ok(listener.local_addr()?.port())
}

/// `count` ports that nobody uses, below those that the kernel gives out by itself.
pub(crate) fn free_ports(count: usize) -> Result<Vec<u16>> {
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let ports: Vec<u16> = (10_000..32_000).filter(free).take(count).collect();
    ensure!(ports.len() == count, "not enough free ports");
    Ok(ports)
}

/// A folder for one run's files, removed when dropped.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> Result<Self> {
        let name = format!("selvedge-bench-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).with_context(|| format!("creating {path:?}"))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
