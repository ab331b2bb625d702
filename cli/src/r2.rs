//! `selvedge r2`: buckets and objects in a data folder; with `--remote`, those of a
//! server.
//!
//! A server that has the folder does what is asked for, in its own process. Where
//! none has it, the files are read and written here. What is asked for goes to
//! stdout: objects as they are, lists as JSON. What was done goes to stderr.

mod args;
mod bucket;
mod object;
mod place;
mod server;

use std::process::ExitCode;

use anyhow::Context as _;

pub(crate) use self::args::R2Args;
use self::args::{BucketCommand, ObjectCommand, R2Command};
pub(crate) use self::place::{Sink, Source};
use crate::kv::is_closed_pipe;
use crate::terminal;

/// Does what the command says.
pub(crate) fn run(args: R2Args) -> ExitCode {
    let result = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")
        .and_then(|runtime| runtime.block_on(Box::pin(dispatch(args.command))));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::print_error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(command: R2Command) -> anyhow::Result<()> {
    match command {
        R2Command::Bucket(command) => match command {
            BucketCommand::Create { name, storage_class, location, place } => {
                bucket::create(&name, &storage_class, location.as_deref(), &place).await
            }
            BucketCommand::List { place } => bucket::list(&place).await,
            BucketCommand::Info { name, json, place } => bucket::info(&name, json, &place).await,
            BucketCommand::Delete { name, place } => bucket::delete(&name, &place).await,
        },
        R2Command::Object(command) => match command {
            ObjectCommand::Put(args) => object::put(*args).await,
            ObjectCommand::Get { path, file, pipe, place } => {
                object::get(&path, file.as_deref(), pipe, &place).await
            }
            ObjectCommand::Delete { path, place } => object::delete(&path, &place).await,
            ObjectCommand::List { bucket, prefix, delimiter, place } => {
                object::list(&bucket, &prefix, delimiter.as_deref(), &place).await
            }
        },
    }
}
