//! `selvedge-bench start`: from the start of a process to the end of its first response.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::compare::OutputArgs;
use crate::peer::{Peer, PeerArgs};
use crate::pin::{Core, Pins};
use crate::proc;
use crate::report;
use crate::results::{Results, StartResult};
use crate::server::{Server, TempDir, free_port};
use crate::workload::{self, HELLO};

#[derive(clap::Args, Clone)]
pub(crate) struct StartArgs {
    #[command(flatten)]
    peers: PeerArgs,
    /// How often each peer is started
    #[arg(long, default_value_t = 30)]
    starts: usize,
    /// Wait at most this many seconds for other programs to rest, now and then
    #[arg(long, default_value_t = 10.0)]
    quiet: f64,
}

pub(crate) fn run(args: &StartArgs, output: &OutputArgs) -> Result<()> {
    let peers = args.peers.find_for(&HELLO)?;
    let pins = Pins::set_up(!output.no_pin);
    let dir = TempDir::new()?;
    let mut all: Vec<StartResult> = peers
        .iter()
        .map(|peer| StartResult { peer: peer.name.to_owned(), milliseconds: Vec::new() })
        .collect();
    for turn in 0..=args.starts {
        if args.quiet > 0.0 && turn % 5 == 0 {
            proc::wait_until_quiet(Duration::from_secs_f64(args.quiet))?;
        }
        for (peer, result) in peers.iter().zip(&mut all) {
            let time = start_once(peer, dir.path(), pins)
                .with_context(|| format!("starting {}", peer.name))?;
            // The first one fills the page cache and the peer's own caches.
            if turn > 0 {
                result.milliseconds.push(time.as_secs_f64() * 1e3);
            }
        }
    }
    let results = Results {
        machine: proc::machine(),
        pinned: pins.are_set(),
        peers: peers.iter().map(Peer::info).collect(),
        start: all,
        ..Results::default()
    };
    if let Some(path) = &output.json {
        results.merge_into(path)?;
    }
    report::print(&results, output);
    Ok(())
}

fn start_once(peer: &Peer, dir: &Path, pins: Pins) -> Result<Duration> {
    let port = free_port()?;
    let command = peer.command(&HELLO, port, dir, None)?;
    // A child inherits the core of the thread that starts it: so no `taskset` has to run
    // first and be measured too.
    let launcher = thread::scope(|scope| {
        let launcher = scope.spawn(|| -> Result<(Server, Instant)> {
            pins.pin_thread(Core::Server)?;
            let before = Instant::now();
            Ok((Server::spawn(command, port, dir)?, before))
        });
        launcher.join().expect("the launcher does not panic")
    });
    let (mut server, before) = launcher?;
    let request = workload::get("/", server.addr);
    let status = server.wait_for(&request)?;
    let time = before.elapsed();
    ensure!(status == 200, "status {status}: {}", server.log_tail());
    Ok(time)
}
