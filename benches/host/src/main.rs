//! A host of isolates for `selvedge-bench isolates`: the protocol is described
//! in `benches/README.md`. With `--pool N` a cold Worker finds one of N blank
//! isolates waiting; without, its isolate is made from nothing.

use std::io::{BufRead, Write};
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use selvedge_runtime::log::NoLog;
use selvedge_runtime::outbound::{
    LocalFuture, Outbound, OutboundError, OutboundRequest, OutboundResponse,
};
use selvedge_runtime::websocket::WebSocketId;
use selvedge_runtime::{
    BodyError, BodySink, BodySource, CodeCache, Failure, FetchEvent, IsolatePool, IsolateState,
    LocalIsolate, Module, ModuleKind, Platform, Reply, ResponseHead, Services, SharedHeaders,
    WebSocketSink, Worker,
};

struct NoOutbound;

impl Outbound for NoOutbound {
    fn fetch(
        &self,
        _: Rc<IsolateState>,
        _: OutboundRequest,
    ) -> LocalFuture<Result<OutboundResponse, OutboundError>> {
        Box::pin(async { Err(OutboundError::Refused("there is no network here".into())) })
    }
}

/// Reports the first answer.
struct Answer(mpsc::Sender<Result<u16, String>>);

impl Reply for Answer {
    fn respond(self: Box<Self>, head: ResponseHead<'_>, _: &[u8]) {
        let _ = self.0.send(Ok(head.status));
    }

    fn stream(self: Box<Self>, _: ResponseHead<'_>, _: Option<u64>) -> Box<dyn BodySink> {
        let _ = self.0.send(Err("a stream was not expected".into()));
        Box::new(Nowhere)
    }

    fn pipe(self: Box<Self>, _: ResponseHead<'_>, _: Box<dyn BodySource>) {
        let _ = self.0.send(Err("a pipe was not expected".into()));
    }

    fn upgrade(
        self: Box<Self>,
        _: ResponseHead<'_>,
        _: WebSocketId,
    ) -> Result<Box<dyn WebSocketSink>, String> {
        Err("a WebSocket was not expected".into())
    }

    fn fail(self: Box<Self>, failure: Failure) -> u16 {
        let _ = self.0.send(Err(failure.to_string()));
        500
    }

    fn lost(self: Box<Self>, _: bool) {
        let _ = self.0.send(Err("the isolate was lost".into()));
    }
}

struct Nowhere;

impl BodySink for Nowhere {
    fn write(&mut self, _: &[u8]) -> bool {
        true
    }

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        Poll::Ready(Ok(()))
    }

    fn end(self: Box<Self>) {}
}

/// An isolate that lives until this is dropped.
struct Live(Option<tokio::sync::oneshot::Sender<()>>);

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            let _ = end.send(());
        }
    }
}

struct Host {
    pool: Arc<IsolatePool>,
    target: usize,
    worker: Arc<Worker>,
    runtime: tokio::runtime::Runtime,
}

impl Host {
    /// Starts the Worker in an isolate and waits for its first response.
    fn make(&self) -> anyhow::Result<Live> {
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let (sender, answer) = mpsc::channel();
        let serve = Box::new(move |isolate: LocalIsolate| -> LocalFuture<()> {
            Box::pin(async move {
                isolate.fetch(FetchEvent {
                    method: "GET",
                    url: b"http://localhost/",
                    headers: b"host\0localhost",
                    shared_headers: &SharedHeaders::new(Default::default()),
                    body: None,
                    cf: Rc::from(""),
                    service: None,
                    for_handler: false,
                    reply: Box::new(Answer(sender)),
                    on_end: None,
                    trace: None,
                });
                let _ = ended.await;
            })
        });
        self.runtime.block_on(self.pool.start(self.worker.clone(), serve))?;
        match answer.recv_timeout(Duration::from_secs(30))? {
            Ok(200) => Ok(Live(Some(end))),
            Ok(status) => bail!("status {status}"),
            Err(error) => bail!(error),
        }
    }

    /// Waits until the blank isolates are there again.
    fn rest(&self) {
        while self.pool.waiting() < self.target {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn main() -> anyhow::Result<()> {
    let mut target = 0;
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        match (flag.as_str(), arguments.next()) {
            ("--pool", Some(count)) => target = count.parse()?,
            // To try what V8 holds less memory with.
            ("--v8-flags", Some(flags)) => selvedge_runtime::set_v8_flags(&flags),
            _ => bail!("usage: selvedge-bench-host [--pool N] [--v8-flags FLAGS]"),
        }
    }
    let folder = std::env::temp_dir().join(format!("selvedge-bench-host-{}", std::process::id()));
    let source = std::fs::read("hello.js").context("hello.js")?;
    let worker = Arc::new(Worker {
        name: "hello".into(),
        main: "hello.js".into(),
        account: String::new(),
        globals: Vec::new(),
        entrypoint: None,
        modules: vec![Module {
            name: "hello.js".into(),
            kind: ModuleKind::EsModule,
            body: source.into(),
            path: None,
            source_map: None,
        }],
        classes: Vec::new(),
        env: Vec::new(),
        hidden: Vec::new(),
        tails: Vec::new(),
        mail: None,
        compatibility: Default::default(),
        limits: Default::default(),
        outbound: None,
        mode: Default::default(),
    });
    let cache = CodeCache::new(folder.join("code"));
    let platform = Platform::new(selvedge_snapshot::platform_parts(Some(cache)));
    let services = Services {
        platform,
        log: Arc::new(NoLog),
        outbound: Arc::new(|_| Rc::new(NoOutbound) as Rc<dyn Outbound>),
        inspector: None,
    };
    let pool = IsolatePool::new(services, worker.limits.memory_bytes, target);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let host = Host { pool, target, worker, runtime };
    host.rest();

    let mut live = Vec::new();
    let mut out = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("isolates", count) => {
                let count: usize = count.parse()?;
                while live.len() < count {
                    live.push(host.make()?);
                }
                writeln!(out, "ok")?;
            }
            ("cold", _) => {
                host.rest();
                let start = Instant::now();
                let one = host.make()?;
                writeln!(out, "us {}", start.elapsed().as_micros())?;
                drop(one);
            }
            _ => writeln!(out, "unknown line {line}")?,
        }
        out.flush()?;
    }
    let _ = std::fs::remove_dir_all(folder);
    Ok(())
}
