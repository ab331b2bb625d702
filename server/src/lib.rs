//! HTTP in, HTTP out, and the composition root: what serves Workers.

pub mod backends;
pub mod bindings;
pub mod check;
pub mod config;
pub mod control;
pub mod dev;
pub mod error_page;
pub mod host;
pub mod inspector;
pub mod kept_events;
pub mod log;
pub mod metrics;
pub mod otlp;
pub mod outbound;
pub mod project;
pub mod run;
pub mod run_options;

mod alarms;
mod assets;
mod callee_failure;
mod edge;
mod gate;
mod http1;
mod http2;
mod io;
mod listener;
mod local_handlers;
mod memory_free;
mod moving;
mod proxies;
mod scaling;
mod serve;
mod site;
mod switchboard;
mod tls;
mod websocket;
