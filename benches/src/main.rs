//! Compares Selvedge with workerd and Deno: the same Workers, on one core, in turns, in
//! one run. The README beside this crate says what each number means.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench prints its tables, and its progress beside them"
)]

mod canned;
mod compare;
mod hop;
mod isolates;
mod load;
mod many;
mod memory;
mod objects;
mod peer;
mod pin;
mod plot;
mod proc;
mod report;
mod results;
mod server;
mod start;
mod table;
mod workerd_config;
mod workload;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

use compare::{CompareArgs, OutputArgs};
use results::Results;

#[derive(Parser)]
#[command(version, about = "Compares Selvedge with workerd and Deno")]
struct Args {
    #[command(subcommand)]
    command: Cmd,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Subcommand)]
enum Cmd {
    /// Throughput of each workload on each peer, in turns, with ratios
    Compare(CompareArgs),
    /// Process start to first response
    Start(start::StartArgs),
    /// Memory of an idle process with one Worker
    Pss(memory::PssArgs),
    /// Memory per isolate, and cold start of an isolate
    Isolates(isolates::IsolatesArgs),
    /// Memory of many live Durable Objects in one process
    Objects(objects::ObjectsArgs),
    /// `selvedge serve` with many deployed Workers
    Serve(many::ServeArgs),
    /// How fast the load generator is by itself
    Ceiling(CompareArgs),
    /// The tables of results that were kept with --json
    Table { results: PathBuf },
    /// A bar chart (SVG) of results that were kept with --json
    Plot { results: PathBuf, svg: PathBuf },
    /// The time of one round trip between the two cores
    Hop,
    #[command(hide = true)]
    Load(load::LoadArgs),
    #[command(hide = true)]
    Canned(canned::CannedArgs),
}

fn main() -> Result<()> {
    let Args { command, output } = Args::parse();
    match command {
        Cmd::Compare(args) => compare::run(&args, &output),
        Cmd::Start(args) => start::run(&args, &output),
        Cmd::Pss(args) => memory::run(&args, &output),
        Cmd::Isolates(args) => isolates::run(&args, &output),
        Cmd::Objects(args) => objects::run(&args, &output),
        Cmd::Serve(args) => many::run(&args, &output),
        Cmd::Ceiling(args) => compare::ceiling(&args, &output),
        Cmd::Table { results } => {
            report::print(&Results::load(&results)?, &output);
            Ok(())
        }
        Cmd::Hop => {
            let pins = pin::Pins::set_up(true);
            println!("{:.0} ns", hop::nanoseconds(pins)?);
            Ok(())
        }
        Cmd::Plot { results, svg } => plot::run(&Results::load(&results)?, &svg),
        Cmd::Load(args) => load::run(&args),
        Cmd::Canned(args) => canned::run(&args),
    }
}
