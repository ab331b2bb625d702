//! `selvedge-bench serve`: `selvedge serve` with many deployed Workers. Four
//! questions, each against a fresh process on data that was deployed once:
//! how fast `hello` is among all of them beside `selvedge run` and workerd with one
//! Worker, how long the first request to an idle Worker takes, what idle Workers
//! cost in memory and at the start, and what a quiet Worker notices of burning ones.

mod deployed;
mod latency;

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::compare::OutputArgs;
use crate::peer::{Kind, Peer, PeerArgs};
use crate::pin::{Core, Pins};
use crate::proc;
use crate::results::{Sample, median};
use crate::server::{Server, TempDir};
use crate::workload::HELLO;
use deployed::Data;

#[derive(clap::Args, Clone)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    peers: PeerArgs,
    /// Only these parts: hello,cold,idle,neighbour
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// How many Workers are deployed for `hello`, `cold` and `neighbour`
    #[arg(long, default_value_t = 1000)]
    workers: usize,
    /// How many for `idle`
    #[arg(long, default_value_t = 10_000)]
    idle_workers: usize,
    /// How many of those are active
    #[arg(long, default_value_t = 100)]
    active: usize,
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
}

/// How long a process rests before it is called idle.
const REST: Duration = Duration::from_secs(2);

pub(crate) fn run(args: &ServeArgs, output: &OutputArgs) -> Result<()> {
    let peers = args.peers.find()?;
    let selvedge = peers.iter().find(|peer| peer.kind == Kind::Selvedge);
    let selvedge = selvedge.context("there is no selvedge")?;
    let pins = Pins::set_up(!output.no_pin);
    let wants = |part: &str| args.only.is_empty() || args.only.iter().any(|it| it == part);
    let dir = TempDir::new()?;
    let mut results = serde_json::Map::new();
    if wants("hello") || wants("cold") || wants("neighbour") {
        let data = Data::deploy(selvedge, &dir.path().join("some"), args.workers)?;
        if wants("hello") {
            results.insert("hello".into(), hello(args, &peers, &data, &dir, pins)?);
        }
        if wants("cold") {
            results.insert("cold".into(), cold(args, &data, pins)?);
        }
        if wants("neighbour") {
            results.insert("neighbour".into(), neighbour(args, &data)?);
        }
    }
    if wants("idle") {
        let data = Data::deploy(selvedge, &dir.path().join("many"), args.idle_workers)?;
        results.insert("idle".into(), idle(args, &data, pins)?);
    }
    let all = json!({ "machine": proc::machine(), "pinned": pins.are_set(), "serve": results });
    if let Some(path) = &output.json {
        std::fs::write(path, serde_json::to_vec_pretty(&all)?)?;
    }
    println!("{}", serde_json::to_string_pretty(&all)?);
    Ok(())
}

/// Requests per second of `hello`, in turns.
fn hello(
    args: &ServeArgs,
    peers: &[Peer],
    data: &Data,
    dir: &TempDir,
    pins: Pins,
) -> Result<serde_json::Value> {
    let mut rates: Vec<(String, Vec<f64>)> = Vec::new();
    let mut note = |name: &str, rate: f64| {
        eprintln!("{name:>16}  {rate:>9.0}/s");
        match rates.iter_mut().find(|(other, _)| other == name) {
            Some((_, all)) => all.push(rate),
            None => rates.push((name.to_owned(), vec![rate])),
        }
    };
    for _ in 0..args.rounds {
        let running = data.start(Some(pins))?;
        let host = running.host(args.workers / 2);
        note("selvedge serve", load(&running.server, Some(&host), args, pins)?.per_second);
        drop(running);
        for peer in peers.iter().filter(|peer| matches!(peer.kind, Kind::Selvedge | Kind::Workerd))
        {
            let server = Server::start(peer, &HELLO, dir.path(), pins)?;
            note(peer.name, load(&server, None, args, pins)?.per_second);
        }
    }
    let serve = rates.first().map(|(_, all)| all.clone()).unwrap_or_default();
    let mut json = serde_json::Map::new();
    for (name, all) in &rates {
        let ratios: Vec<f64> = serve.iter().zip(all).map(|(serve, it)| serve / it).collect();
        let figures = json!({ "per_second": median(all), "serve_to_it": median(&ratios) });
        json.insert(name.clone(), figures);
    }
    Ok(json.into())
}

fn load(server: &Server, host: Option<&str>, args: &ServeArgs, pins: Pins) -> Result<Sample> {
    let mut command = pins.command(Core::Load, &std::env::current_exe()?);
    command
        .args(["load", "--workload", "hello"])
        .args(["--addr", &server.addr.to_string()])
        .args(["--pid", &server.pid().to_string()])
        .args(["--seconds", &args.seconds.to_string()]);
    if let Some(host) = host {
        command.args(["--host", host]);
    }
    if pins.are_set() {
        command.arg("--spin");
    }
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "the load failed: {}", server.log_tail());
    serde_json::from_slice(&output.stdout).context("the load printed no sample")
}

/// The first request to Workers that nobody asked before, in milliseconds.
fn cold(args: &ServeArgs, data: &Data, pins: Pins) -> Result<serde_json::Value> {
    let running = data.start(Some(pins))?;
    let mut times = Vec::new();
    for index in 0..args.workers.min(500) {
        // The blank isolates are there again.
        thread::sleep(Duration::from_millis(60));
        times.push(running.ask(index)?.as_secs_f64() * 1000.0);
    }
    Ok(latency::summary(&mut times))
}

/// Memory of idle Workers, and the time to the first 200 of `/readyz`.
fn idle(args: &ServeArgs, data: &Data, pins: Pins) -> Result<serde_json::Value> {
    let empty = Data::deploy(data.peer(), &data.folder().with_extension("empty"), 1)?;
    let of_none = memory_of(&empty, pins)?;
    let mut starts = Vec::new();
    for _ in 0..args.rounds {
        let begin = Instant::now();
        let running = data.start(Some(pins))?;
        starts.push(begin.elapsed().as_secs_f64());
        drop(running);
    }
    let of_all = memory_of(data, pins)?;
    let running = data.start(Some(pins))?;
    for index in 0..args.active {
        running.ask(index)?;
    }
    thread::sleep(REST);
    let active = proc::memory(running.server.pid())?.pss;
    Ok(json!({
        "workers": args.idle_workers,
        "start_seconds": median(&starts),
        "pss_kib_with_none": of_none,
        "pss_kib_with_all_idle": of_all,
        "kib_per_idle_worker": of_all.saturating_sub(of_none) as f64 / args.idle_workers as f64,
        "active": args.active,
        "pss_kib_with_active": active,
        "kib_per_active_worker": active.saturating_sub(of_all) as f64 / args.active as f64,
    }))
}

fn memory_of(data: &Data, pins: Pins) -> Result<u64> {
    let running = data.start(Some(pins))?;
    thread::sleep(REST);
    Ok(proc::memory(running.server.pid())?.pss)
}

/// Latency of a quiet Worker alone, and beside four that burn CPU in each request.
/// All cores belong to the server here.
fn neighbour(args: &ServeArgs, data: &Data) -> Result<serde_json::Value> {
    let time = Duration::from_secs_f64(args.seconds);
    let running = data.start(None)?;
    running.deploy("quiet", HELLO.source)?;
    let burner = "export default { fetch() { let x = 0;
        for (let i = 0; i < 2e7; i++) x += i; return new Response(String(x)); } };";
    for index in 0..4 {
        running.deploy(&format!("burner-{index}"), burner)?;
    }
    let mut alone = latency::measure(&running, "quiet", time)?;
    let burning = latency::Burning::start(&running, 4)?;
    let mut beside = latency::measure(&running, "quiet", time)?;
    drop(burning);
    Ok(json!({
        "alone_ms": latency::summary(&mut alone),
        "beside_4_burners_ms": latency::summary(&mut beside),
    }))
}
