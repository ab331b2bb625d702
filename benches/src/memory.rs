//! `selvedge-bench pss`: what an idle process with one Worker costs.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::compare::OutputArgs;
use crate::peer::{Peer, PeerArgs};
use crate::pin::{Core, Pins};
use crate::proc::{self, Memory};
use crate::report;
use crate::results::{MemoryResult, Results, median};
use crate::server::{Server, TempDir};
use crate::workload::HELLO;

#[derive(clap::Args, Clone)]
pub(crate) struct PssArgs {
    #[command(flatten)]
    peers: PeerArgs,
    /// How many processes of each peer are looked at, one after the other
    #[arg(long, default_value_t = 3)]
    processes: usize,
}

/// How long a process rests before it is called idle.
const REST: Duration = Duration::from_secs(2);

pub(crate) fn run(args: &PssArgs, output: &OutputArgs) -> Result<()> {
    let peers = args.peers.find_for(&HELLO)?;
    let pins = Pins::set_up(!output.no_pin);
    let dir = TempDir::new()?;
    let mut memory = Vec::new();
    for peer in &peers {
        let mut looks = Vec::new();
        for _ in 0..args.processes {
            let server = Server::start(peer, &HELLO, dir.path(), pins)?;
            thread::sleep(REST);
            let first = proc::memory(server.pid())?;
            load(&server, pins)?;
            thread::sleep(REST);
            looks.push((first, proc::memory(server.pid())?));
        }
        memory.push(summary(peer, &looks));
    }
    let results = Results {
        machine: proc::machine(),
        pinned: pins.are_set(),
        peers: peers.iter().map(Peer::info).collect(),
        memory,
        ..Results::default()
    };
    if let Some(path) = &output.json {
        results.merge_into(path)?;
    }
    report::print(&results, output);
    Ok(())
}

fn summary(peer: &Peer, looks: &[(Memory, Memory)]) -> MemoryResult {
    let middle = |field: fn(&(Memory, Memory)) -> u64| {
        let values: Vec<f64> = looks.iter().map(|look| field(look) as f64).collect();
        median(&values) as u64
    };
    MemoryResult {
        peer: peer.name.to_owned(),
        pss_after_first: middle(|(first, _)| first.pss),
        anonymous_after_first: middle(|(first, _)| first.anonymous),
        file_after_first: middle(|(first, _)| first.file),
        pss_after_load: middle(|(_, loaded)| loaded.pss),
    }
}

/// Two seconds of hello world, so that compiled code and grown heaps show.
fn load(server: &Server, pins: Pins) -> Result<()> {
    let status = pins
        .command(Core::Load, &std::env::current_exe()?)
        .args(["load", "--workload", "hello", "--warm-up", "0"])
        .args(["--seconds", "2"])
        .args(["--addr", &server.addr.to_string()])
        .args(["--pid", &server.pid().to_string()])
        .stdout(Stdio::null())
        .status()?;
    ensure!(status.success(), "the load failed: {}", server.log_tail());
    Ok(())
}
