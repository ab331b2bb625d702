//! Many sockets that say nothing.

use std::net::SocketAddr;

use super::ECHO;
use super::client::Client;
use crate::harness::{Client as Http, Program, Setup, rss};

fn idle(address: SocketAddr, count: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("an event loop can be made");
    runtime.block_on(async {
        let mut clients = Vec::new();
        for _ in 0..count {
            clients.push(Client::connect(address, "/").await);
        }
        // All of them are alive, not only the last one.
        for client in clients.iter_mut().step_by(count / 100) {
            client.echo("alive").await;
        }
        assert_eq!(Http::connect(address).get("/").status, 426, "others are served beside them");
    });
}

#[test]
fn a_thousand_idle_sockets() {
    raise_limit(4_000);
    let server = Setup::new(ECHO).start();
    idle(server.address, 1_000);
}

/// In a process of its own, as each end of a socket is a file.
#[test]
fn ten_thousand_idle_sockets() {
    if !raise_limit(11_000) {
        println!("skipped: this process may not open 11,000 files");
        return;
    }
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("worker.js"), ECHO).expect("it can be written");
    let mut program = Program::selvedge(folder.path(), &["run", "worker.js", "--port", "0"]);
    let address = program.address();
    let before = rss(program.id());
    idle(address, 10_000);
    println!("memory grew by {} KiB", rss(program.id()).saturating_sub(before) >> 10);
}

/// Asks for as many file descriptors; whether there are enough.
pub(crate) fn raise_limit(wanted: u64) -> bool {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid rlimit for the call to fill.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } != 0 {
        return false;
    }
    if limit.rlim_cur < wanted {
        limit.rlim_cur = wanted;
        limit.rlim_max = limit.rlim_max.max(wanted);
        // SAFETY: `limit` is a valid rlimit; it only changes this process.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) } != 0 {
            return false;
        }
    }
    true
}
