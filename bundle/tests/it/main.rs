//! Bundling whole projects, one module per behaviour.

mod additional;
mod errors;
mod harness;
mod node;
mod npm;
mod options;
mod packages;
mod rules;
mod service_worker;
mod source_map;
mod typescript;
mod watch;
