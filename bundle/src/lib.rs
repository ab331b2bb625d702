//! From a project's TypeScript and npm packages to the modules of a Worker.
//!
//! [`bundle`] does what wrangler does with esbuild, with rolldown and inside of
//! the process. What it makes is in the shape that a Worker is uploaded in: one
//! main module, and beside it what the module rules keep apart (texts, data,
//! WebAssembly). This crate knows neither V8 nor the rest of Selvedge.

mod additional;
mod attributes;
mod bundler;
mod context;
mod define;
mod diagnose;
mod entry;
mod hints;
mod nesting;
mod node;
mod options;
mod output;
mod plugin;
mod problem;
mod rolldown_options;
mod rules;
mod source_map;
mod tsconfig;

pub use bundler::{Bundler, bundle};
pub use options::{CONDITIONS, Format, NodeCompat, Options};
pub use output::{Bundle, External, Failure, Module, Watch};
pub use problem::Problem;
pub use rules::{DefaultRules, Match, ModuleKind, Rules};
pub use source_map::{Original, SourceMap};
