//! The integration tests: one binary, as each further one would link V8 again.
//!
//! A module per behaviour. `harness` starts servers in this process on ports of
//! their own and holds the clients; tests that measure a neighbour's latency
//! take the machine for themselves (`harness::alone`).

#![expect(clippy::disallowed_methods, reason = "tests read the environment that .ci/run sets")]

mod harness;

mod assets;
mod browser;
mod cases;
mod cli;
mod closed;
mod connections;
mod d1;
mod deploying;
mod dev;
mod docs;
mod durable;
mod dynamic;
mod event_source;
mod examples;
mod fetch;
mod formats;
mod front;
mod handlers;
mod html_rewriter;
mod http;
mod inspect;
mod isolates;
mod kv;
mod life;
mod limits;
mod misuse;
mod node;
mod projects;
mod queues;
mod r2;
mod rpc;
mod serve;
mod soak;
mod sockets;
mod surface;
mod tail_workers;
mod websocket;
mod workflows;
