//! The load generator: one thread, epoll, and no more parsing than counting needs. It runs
//! as a child process of its own, so that it can stand on another core than the server.

pub(crate) mod broadcast;
pub(crate) mod histogram;
pub(crate) mod http;
pub(crate) mod meter;
pub(crate) mod response;
pub(crate) mod websocket;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;

use self::broadcast::BroadcastLoad;
use self::http::HttpLoad;
use self::meter::{Meter, Waiting};
use self::websocket::WebSocketLoad;
use crate::results::Sample;
use crate::workload::{self, Load};

/// `selvedge-bench load`: what `compare` starts under `taskset`; prints a sample as JSON.
#[derive(clap::Args)]
pub(crate) struct LoadArgs {
    /// Which workload
    #[arg(long)]
    workload: String,
    /// Where the server listens
    #[arg(long)]
    addr: SocketAddr,
    /// The server's process, for its CPU time
    #[arg(long)]
    pid: u32,
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Never sleep: for a load that has a core of its own
    #[arg(long)]
    spin: bool,
    /// Connections instead of the workload's own number
    #[arg(long)]
    connections: Option<usize>,
    /// The `Host` to ask for, in place of the address
    #[arg(long)]
    host: Option<String>,
}

pub(crate) fn run(args: &LoadArgs) -> Result<()> {
    let sample = measure(args)?;
    println!("{}", serde_json::to_string(&sample)?);
    Ok(())
}

fn measure(args: &LoadArgs) -> Result<Sample> {
    let workload = workload::by_name(&args.workload)?;
    let meter = Meter::new(
        Duration::from_secs_f64(args.warm_up),
        Duration::from_secs_f64(args.seconds),
        args.pid,
        if args.spin { Waiting::Spin } else { Waiting::Sleep },
    );
    let connections = args.connections.unwrap_or(workload.connections);
    let mut request = workload.request(args.addr);
    if let Some(host) = &args.host {
        let text = String::from_utf8(request)?;
        let (own, asked) = (format!("Host: {}\r\n", args.addr), format!("Host: {host}\r\n"));
        request = text.replacen(&own, &asked, 1).into_bytes();
    }
    match workload.load {
        Load::Requests => {
            HttpLoad { request: &request, connections, ..HttpLoad::default() }.run(args.addr, meter)
        }
        Load::Download { body_bytes } => HttpLoad {
            request: &request,
            connections,
            read_bytes: 256 * 1024,
            body_bytes: Some(body_bytes),
            ..HttpLoad::default()
        }
        .run(args.addr, meter),
        Load::Upload { body_bytes } => HttpLoad {
            request: &request,
            connections,
            sent_bytes: Some(body_bytes),
            ..HttpLoad::default()
        }
        .run(args.addr, meter),
        Load::Messages { message_bytes } => {
            WebSocketLoad { connections, message_bytes }.run(args.addr, meter)
        }
        Load::Broadcast { message_bytes } => {
            BroadcastLoad { connections, message_bytes }.run(args.addr, meter)
        }
    }
}
