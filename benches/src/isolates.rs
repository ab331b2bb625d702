//! `selvedge-bench isolates`: memory per isolate, and cold start of an isolate.
//!
//! workerd is measured from outside, as one process with a socket per Worker. Everything
//! else is a *host*: a program that makes isolates when its standard input says so. The
//! protocol is one line each way:
//!
//! ```text
//! isolates 100   the host makes isolates until 100 live, lets each new one answer one
//!                request for hello.js, waits until all are idle, and prints `ok`
//! cold           the host makes one more, sends it a request, drops it once the
//!                response has ended, and prints `us 4211`, the microseconds from
//!                "make" to "response ended"
//! (end of input) the host ends
//! ```
//!
//! Deno's host is in `workers/isolate_host.deno.js` (Web Workers: one isolate and one
//! thread each, as in Selvedge). Selvedge's is given with `--host selvedge=PROGRAM`.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::compare::OutputArgs;
use crate::peer::{Kind, Peer, PeerArgs};
use crate::pin::{Core, Pins};
use crate::proc;
use crate::report;
use crate::results::{IsolatesResult, IsolatesStep, Results};
use crate::server::{Server, TempDir, ask, free_ports};
use crate::workerd_config;
use crate::workload::{self, HELLO};

#[derive(clap::Args, Clone)]
pub(crate) struct IsolatesArgs {
    #[command(flatten)]
    peers: PeerArgs,
    /// A host of isolates (see the README), as `name=program`; may be repeated
    #[arg(long, value_name = "NAME=PROGRAM")]
    host: Vec<String>,
    /// How many isolates live in the process
    #[arg(long, value_delimiter = ',', default_values_t = [1, 100, 1000])]
    counts: Vec<usize>,
    /// How many cold starts are measured
    #[arg(long, default_value_t = 200)]
    colds: usize,
}

/// How long idle isolates rest before memory is read.
const REST: Duration = Duration::from_secs(2);
/// How long a host may take to answer one line.
const HOST_TIMEOUT: Duration = Duration::from_secs(300);

pub(crate) fn run(args: &IsolatesArgs, output: &OutputArgs) -> Result<()> {
    let peers = args.peers.find_for(&HELLO)?;
    let pins = Pins::set_up(!output.no_pin);
    let dir = TempDir::new()?;
    fs::write(dir.path().join("hello.js"), HELLO.source)?;
    let mut isolates = Vec::new();
    for given in &args.host {
        let (name, program) = given.split_once('=').context("--host is NAME=PROGRAM")?;
        // The host runs in a folder of its own, where it finds hello.js.
        let program = fs::canonicalize(program).unwrap_or_else(|_| program.into());
        let command = || pins.command(Core::Server, &program);
        isolates.push(host(name, command, args, dir.path())?);
    }
    for peer in &peers {
        match peer.kind {
            Kind::Deno => {
                write_deno_host(dir.path())?;
                let command = || {
                    let mut command = pins.command(Core::Server, &peer.program);
                    command.args(["run", "--allow-read", "isolate_host.js"]);
                    command
                };
                isolates.push(host("deno (Web Worker)", command, args, dir.path())?);
            }
            Kind::Workerd => isolates.push(workerd(peer, args, dir.path(), pins)?),
            Kind::Selvedge | Kind::Wrangler | Kind::Nginx | Kind::Canned => {}
        }
    }
    let results = Results {
        machine: proc::machine(),
        pinned: pins.are_set(),
        peers: peers.iter().map(Peer::info).collect(),
        isolates,
        ..Results::default()
    };
    if let Some(path) = &output.json {
        results.merge_into(path)?;
    }
    report::print(&results, output);
    Ok(())
}

// ----- workerd: one process per step, a socket per Worker. -----

fn workerd(peer: &Peer, args: &IsolatesArgs, dir: &Path, pins: Pins) -> Result<IsolatesResult> {
    let mut steps = Vec::new();
    let mut colds = Vec::new();
    for &count in &args.counts {
        let ports = free_ports(count)?;
        fs::write(dir.join("worker.js"), HELLO.source)?;
        let config = workerd_config::many_workers(&ports, &peer.version);
        fs::write(dir.join("config.capnp"), config)?;
        let mut command = pins.command(Core::Server, &peer.program);
        command.args(["serve", "config.capnp"]).current_dir(dir);
        let before = Instant::now();
        let mut server = Server::spawn(command, ports[0], dir)?;
        // workerd makes its isolates one after the other and listens when all are there.
        server.wait_for(&workload::get("/", server.addr))?;
        let ready = before.elapsed();
        colds.clear();
        for port in &ports[1..] {
            let addr = ([127, 0, 0, 1], *port).into();
            let request = workload::get("/", addr);
            let sent = Instant::now();
            let answer = ask(addr, &request)?.context("a Worker does not listen")?;
            colds.push(sent.elapsed().as_secs_f64() * 1e3);
            ensure!(answer.status() == 200, "status {}", answer.status());
        }
        thread::sleep(REST);
        let step = IsolatesStep {
            isolates: count,
            pss: proc::memory(server.pid())?.pss,
            ready_milliseconds: Some(ready.as_secs_f64() * 1e3),
        };
        show(peer.name, &step);
        steps.push(step);
    }
    colds.truncate(args.colds);
    Ok(IsolatesResult {
        host: peer.name.to_owned(),
        steps,
        cold_milliseconds: colds,
        cold_includes_creation: false,
    })
}

fn show(host: &str, step: &IsolatesStep) {
    eprintln!(
        "isolates   {host}: {} isolates, PSS {:.1} MiB",
        step.isolates,
        step.pss as f64 / 1024.0
    );
}

// ----- Hosts: one process that grows. -----

/// Starts the host that `command` makes twice: to grow, and to start isolates cold.
fn host(
    name: &str,
    command: impl Fn() -> Command,
    args: &IsolatesArgs,
    dir: &Path,
) -> Result<IsolatesResult> {
    let measure = || -> Result<IsolatesResult> {
        Ok(IsolatesResult {
            host: name.to_owned(),
            steps: grow(name, Host::start(command(), dir)?, &args.counts)?,
            cold_milliseconds: cold_starts(Host::start(command(), dir)?, args.colds)?,
            cold_includes_creation: true,
        })
    };
    measure().with_context(|| format!("the host {name}"))
}

fn grow(name: &str, mut host: Host, counts: &[usize]) -> Result<Vec<IsolatesStep>> {
    let mut steps: Vec<IsolatesStep> = Vec::new();
    for &count in counts {
        if let Some(last) = steps.last()
            && !has_room(last, count)
        {
            eprintln!("notice: {name}: no memory for {count} isolates");
            break;
        }
        host.make(count)?;
        thread::sleep(REST);
        let pss = proc::memory(host.child.id())?.pss;
        let step = IsolatesStep { isolates: count, pss, ready_milliseconds: None };
        show(name, &step);
        steps.push(step);
    }
    Ok(steps)
}

/// Cold starts beside one live isolate: a new Worker's case on a small server.
fn cold_starts(mut host: Host, count: usize) -> Result<Vec<f64>> {
    host.make(1)?;
    (0..count)
        .map(|_| {
            let answer = host.ask("cold")?;
            let microseconds = answer.strip_prefix("us ").context("no `us`")?;
            Ok(microseconds.trim().parse::<f64>()? / 1e3)
        })
        .collect()
}

/// Whether `count` isolates fit, if each costs what the average one cost so far.
fn has_room(last: &IsolatesStep, count: usize) -> bool {
    let each = last.pss / last.isolates.max(1) as u64;
    let more = each * count.saturating_sub(last.isolates) as u64;
    // One isolate's share of the first process says too much: allow for it.
    let more = if last.isolates < 10 { more / 10 } else { more };
    proc::available_memory().is_none_or(|available| more < available / 10 * 8)
}

struct Host {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Host {
    fn start(mut command: Command, dir: &Path) -> Result<Self> {
        command.current_dir(dir);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take().expect("it is piped");
        let output = child.stdout.take().expect("it is piped");
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, input, lines })
    }

    fn make(&mut self, count: usize) -> Result<()> {
        let answer = self.ask(&format!("isolates {count}"))?;
        ensure!(answer == "ok", "unexpected answer `{answer}`");
        Ok(())
    }

    fn ask(&mut self, line: &str) -> Result<String> {
        writeln!(self.input, "{line}").context("the host ended")?;
        match self.lines.recv_timeout(HOST_TIMEOUT) {
            Ok(answer) => Ok(answer),
            Err(error) => bail!("no answer to `{line}`: {error}"),
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_deno_host(dir: &Path) -> Result<()> {
    fs::write(dir.join("isolate_host.js"), include_str!("../workers/isolate_host.deno.js"))?;
    fs::write(dir.join("isolate.js"), include_str!("../workers/isolate.deno.js"))?;
    Ok(())
}
