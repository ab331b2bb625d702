//! From a project's TypeScript and npm packages to the modules of a Worker.
//!
//! [`bundle`] does what wrangler does with esbuild, with rolldown and inside of
//! the process. What it makes is in the shape that a Worker is uploaded in: one
//! main module, and beside it what the module rules keep apart (texts, data,
//! WebAssembly). This crate knows neither V8 nor the rest of Selvedge.
