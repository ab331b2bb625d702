//! `selvedge-bench objects`: what live Durable Objects cost, each with a value in its
//! storage. Both peers put an object away that nobody asks for ten seconds. So once all are
//! made, all are asked again in less than that, and looked at at once.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::compare::OutputArgs;
use crate::peer::{Peer, PeerArgs};
use crate::pin::Pins;
use crate::proc;
use crate::report;
use crate::results::{ObjectsResult, Results, median};
use crate::server::{Server, TempDir};
use crate::workload::COUNTERS;

#[derive(clap::Args, Clone)]
pub(crate) struct ObjectsArgs {
    #[command(flatten)]
    peers: PeerArgs,
    /// How many objects
    #[arg(long, default_value_t = 10_000)]
    objects: usize,
    /// How many processes of each peer are looked at, one after the other
    #[arg(long, default_value_t = 3)]
    processes: usize,
}

/// How long a process rests before it is called idle.
const REST: Duration = Duration::from_secs(2);
/// How many objects one request makes: fewer than the subrequests that it may have.
const AT_ONCE: usize = 100;
/// After which time objects that nobody asks are put away.
const IDLE: Duration = Duration::from_secs(10);

/// One process: PSS in KiB before and after, and how long the objects took.
struct Look {
    idle: u64,
    filled: u64,
    seconds: f64,
}

pub(crate) fn run(args: &ObjectsArgs, output: &OutputArgs) -> Result<()> {
    let peers = args.peers.find_for(&COUNTERS)?;
    let pins = Pins::set_up(!output.no_pin);
    let dir = TempDir::new()?;
    let mut objects = Vec::new();
    for peer in &peers {
        let mut looks = Vec::new();
        for _ in 0..args.processes {
            looks.push(look(args.objects, peer, &dir, pins)?);
        }
        let middle = |field: fn(&Look) -> f64| median(&looks.iter().map(field).collect::<Vec<_>>());
        objects.push(ObjectsResult {
            peer: peer.name.to_owned(),
            objects: args.objects,
            idle: middle(|look| look.idle as f64) as u64,
            filled: middle(|look| look.filled as f64) as u64,
            seconds: middle(|look| look.seconds),
        });
    }
    let results = Results {
        machine: proc::machine(),
        pinned: pins.are_set(),
        peers: peers.iter().map(Peer::info).collect(),
        objects,
        ..Results::default()
    };
    if let Some(path) = &output.json {
        results.merge_into(path)?;
    }
    report::print(&results, output);
    Ok(())
}

fn look(objects: usize, peer: &Peer, dir: &TempDir, pins: Pins) -> Result<Look> {
    let server = Server::start(peer, &COUNTERS, dir.path(), pins)?;
    thread::sleep(REST);
    let idle = proc::memory(server.pid())?.pss;
    let ask_all = |verb: &str| -> Result<Duration> {
        let begin = Instant::now();
        for from in (0..objects).step_by(AT_ONCE) {
            let to = objects.min(from + AT_ONCE);
            server.fill(&format!("/{from}/{to}{verb}"))?;
        }
        Ok(begin.elapsed())
    };
    let made = ask_all("/increment")?;
    let asked = ask_all("")?;
    let filled = proc::memory(server.pid())?.pss;
    if asked > IDLE {
        eprintln!(
            "notice: {} took {:.0} s to ask all objects: the first ones were put away meanwhile",
            peer.name,
            asked.as_secs_f64()
        );
    }
    Ok(Look { idle, filled, seconds: made.as_secs_f64() })
}
