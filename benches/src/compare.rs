//! `selvedge-bench compare`: the same Worker on each peer, in turns.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::hop;
use crate::peer::{Peer, PeerArgs};
use crate::pin::{Core, Pins};
use crate::proc;
use crate::report;
use crate::results::{Results, Sample, WorkloadResult};
use crate::server::{Server, TempDir};
use crate::workload::{self, Workload};

#[derive(clap::Args, Clone)]
pub(crate) struct CompareArgs {
    #[command(flatten)]
    peers: PeerArgs,
    /// Only these workloads: hello,json_get,json_post,ws,stream,headers,
    /// assets,kv_get,kv_put,kv_list,d1_select,d1_insert,queue_send,r2_get,r2_put,do_read,do_increment,do_increment_1000,do_rpc,do_cold,do_chat
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// How often each peer gets its turn
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each measurement is, after the warm-up
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// Wait at most this many seconds before each measurement for other programs to rest,
    /// and for the cores to be as far apart as they were for the round's first peer
    #[arg(long, default_value_t = 10.0)]
    quiet: f64,
    /// Repeat a disturbed measurement at most so often
    #[arg(long, default_value_t = 2)]
    retries: usize,
    /// Connections instead of each workload's own number
    #[arg(long)]
    connections: Option<usize>,
}

/// What every subcommand takes.
#[derive(clap::Args, Clone)]
pub(crate) struct OutputArgs {
    /// Print tables as Markdown
    #[arg(long, global = true)]
    pub(crate) markdown: bool,
    /// Keep the results in this file, beside those that it has already
    #[arg(long, global = true)]
    pub(crate) json: Option<PathBuf>,
    /// Do not pin server and load to a core each
    #[arg(long, global = true)]
    pub(crate) no_pin: bool,
}

pub(crate) fn run(args: &CompareArgs, output: &OutputArgs) -> Result<()> {
    let peers = args.peers.find()?;
    let workloads: Vec<&Workload> = match args.only.as_slice() {
        [] => workload::all().collect(),
        only => only.iter().map(|name| workload::by_name(name)).collect::<Result<_>>()?,
    };
    let pins = Pins::set_up(!output.no_pin);
    let dir = TempDir::new()?;
    let mut results = Results {
        machine: proc::machine(),
        pinned: pins.are_set(),
        peers: peers.iter().map(Peer::info).collect(),
        ..Results::default()
    };
    let bench = Bench { args, pins, dir: dir.path() };
    let mut failures = 0;
    for workload in workloads {
        results.workloads.push(bench.in_turns(workload, &peers, &mut failures)?);
        // A run that is broken off keeps what it has.
        if let Some(path) = &output.json {
            results.merge_into(path)?;
        }
    }
    report::print(&results, output);
    ensure!(failures == 0, "{failures} workloads failed on a peer: see above");
    Ok(())
}

/// `selvedge-bench ceiling`: what the load generator can do against a server that does
/// nothing.
pub(crate) fn ceiling(args: &CompareArgs, output: &OutputArgs) -> Result<()> {
    let pins = Pins::set_up(!output.no_pin);
    let dir = TempDir::new()?;
    let bench = Bench { args, pins, dir: dir.path() };
    let hello = workload::by_name("hello")?;
    let result = bench.in_turns(hello, &[Peer::canned()?], &mut 0)?;
    let rates = result.samples["canned"].iter();
    let ceilings: Vec<f64> = rates.map(|s| s.per_second / s.load_busy).collect();
    println!(
        "the load generator sends and counts {} requests per second that it is busy",
        crate::results::thousands(crate::results::median(&ceilings))
    );
    Ok(())
}

struct Bench<'a> {
    args: &'a CompareArgs,
    pins: Pins,
    dir: &'a Path,
}

impl Bench<'_> {
    /// A peer that fails is reported and left out of the workload, as `failures` says.
    fn in_turns(
        &self,
        workload: &Workload,
        peers: &[Peer],
        failures: &mut usize,
    ) -> Result<WorkloadResult> {
        let mut peers: Vec<&Peer> =
            peers.iter().filter(|peer| peer.can_serve(&workload.worker)).collect();
        let mut samples: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
        for round in 0..self.args.rounds {
            // Nobody is always first: each round begins with another peer.
            let mut turns = peers.clone();
            turns.rotate_left(round % peers.len().max(1));
            let mut first: Option<Sample> = None;
            for peer in turns {
                match self.measure_undisturbed(workload, peer, round, first.as_ref()) {
                    Ok(sample) => {
                        first.get_or_insert(sample);
                        samples.entry(peer.name.to_owned()).or_default().push(sample);
                    }
                    Err(error) => {
                        eprintln!("FAILED: {} on {}: {error:#}", workload.name, peer.name);
                        *failures += 1;
                        samples.remove(peer.name);
                        peers.retain(|other| other.name != peer.name);
                    }
                }
            }
        }
        ensure!(!samples.is_empty(), "{} failed on every peer", workload.name);
        Ok(WorkloadResult {
            name: workload.name.to_owned(),
            title: workload.title.to_owned(),
            unit: workload.unit(),
            samples,
        })
    }

    /// The first sample that nothing disturbed, or the best of them all. `first` is the
    /// round's first sample, with which this one will be compared.
    fn measure_undisturbed(
        &self,
        workload: &Workload,
        peer: &Peer,
        round: usize,
        first: Option<&Sample>,
    ) -> Result<Sample> {
        let mut best: Option<(bool, Sample)> = None;
        for _ in 0..=self.args.retries {
            let sample = self.measure(workload, peer, first)?;
            self.show(workload, peer, round, &sample);
            let comparable = sample.is_comparable_to(first.unwrap_or(&sample));
            let better = best.as_ref().is_none_or(|(was_comparable, best)| {
                (comparable, -sample.other_cpu) > (*was_comparable, -best.other_cpu)
            });
            if better {
                best = Some((comparable, sample));
            }
            if comparable && sample.other_cpu <= report::NOISE {
                break;
            }
        }
        Ok(best.expect("there is at least one try").1)
    }

    /// A fresh server, one right answer, then the load in a process of its own.
    fn measure(&self, workload: &Workload, peer: &Peer, first: Option<&Sample>) -> Result<Sample> {
        let server = Server::start(peer, &workload.worker, self.dir, self.pins)?;
        server.check(workload)?;
        let before = self.settle(first)?;
        let mut command = self.pins.command(Core::Load, &std::env::current_exe()?);
        command
            .arg("load")
            .args(["--workload", workload.name])
            .args(["--addr", &server.addr.to_string()])
            .args(["--pid", &server.pid().to_string()])
            .args(["--warm-up", &self.args.warm_up.to_string()])
            .args(["--seconds", &self.args.seconds.to_string()]);
        if self.pins.are_set() {
            command.arg("--spin");
        }
        if let Some(connections) = self.args.connections {
            command.args(["--connections", &connections.to_string()]);
        }
        let output = command.stderr(Stdio::inherit()).output()?;
        ensure!(
            output.status.success(),
            "the load failed; the server printed: {}",
            server.log_tail()
        );
        let sample: Sample =
            serde_json::from_slice(&output.stdout).context("the load printed no sample")?;
        Ok(Sample { hop_ns: [before, hop::nanoseconds(self.pins)?], ..sample })
    }

    /// Waits until other programs rest and the cores are as far apart as they were at
    /// `first`, but not forever. Gives the way between the cores.
    fn settle(&self, first: Option<&Sample>) -> Result<f64> {
        let deadline = Instant::now() + Duration::from_secs_f64(self.args.quiet);
        loop {
            let patience = deadline.saturating_duration_since(Instant::now());
            if !patience.is_zero() {
                proc::wait_until_quiet(patience)?;
            }
            let now = hop::nanoseconds(self.pins)?;
            let same = first
                .is_none_or(|first| first.is_comparable_to(&Sample { hop_ns: [now; 2], ..*first }));
            if same || patience.is_zero() {
                return Ok(now);
            }
        }
    }

    fn show(&self, workload: &Workload, peer: &Peer, round: usize, sample: &Sample) {
        let unit = workload.unit();
        eprintln!(
            "{:<10} {:<9} {}/{}  {:>15}  p50 {:>8.2} ms  p99 {:>8.2} ms  busy: server {:>3.0} %, load {:>3.0} %, others {:>3.0} %; hop {:>3.0}, {:>3.0} ns",
            workload.name,
            peer.name,
            round + 1,
            self.args.rounds,
            unit.show(unit.value(sample)),
            sample.p50_us / 1e3,
            sample.p99_us / 1e3,
            sample.server_cpu * 100.0,
            sample.load_busy * 100.0,
            sample.other_cpu * 100.0,
            sample.hop_ns[0],
            sample.hop_ns[1],
        );
    }
}
