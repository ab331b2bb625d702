//! `selvedge do`: Durable Objects in a data folder.
//!
//! A server that has the folder does what is asked for, in its own process. Where
//! none has it, the files are read and written here. Nothing is changed unless
//! `--write` asks for it. What is asked for goes to stdout, what was done and
//! errors go to stderr.

mod alarm;
mod args;
mod evict;
mod list;
mod sql;
mod target;
mod time;
mod value;
mod values;

use std::process::ExitCode;

use anyhow::{Context as _, bail};

pub(crate) use self::args::DoArgs;
use self::args::DoCommand;
use crate::kv::{is_closed_pipe, say};
use crate::terminal;

/// Does what the command says.
pub(crate) fn run(args: DoArgs) -> ExitCode {
    let result = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")
        .and_then(|runtime| runtime.block_on(dispatch(args.command)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::print_error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(command: DoCommand) -> anyhow::Result<()> {
    match command {
        DoCommand::List { namespace: None, json, place, .. } => {
            list::namespaces(json, &place).await
        }
        DoCommand::List { namespace: Some(namespace), prefix, json, place } => {
            list::objects(&namespace, prefix, json, &place).await
        }
        DoCommand::Info { target } => list::info(&target).await,
        DoCommand::Sql { target, query, json, write } => {
            sql::run(&target, query, json, write).await
        }
        DoCommand::Get { target, key, prefix } => values::get(&target, key, prefix).await,
        DoCommand::Put { target, key, value, write } => {
            values::put(&target, &key, &value, write).await
        }
        DoCommand::Delete { target, key, write } => values::delete(&target, key, write).await,
        DoCommand::Alarm { target, set, delete, write } => {
            alarm::run(&target, set.as_deref(), delete, write).await
        }
        DoCommand::Evict { namespace, object, force, place } => {
            evict::run(&namespace, object.as_deref(), force, &place).await
        }
    }
}

/// What changes data must be asked for twice.
fn must_write(write: bool) -> anyhow::Result<()> {
    if write {
        return Ok(());
    }
    bail!("nothing was changed: this writes\nhint: --write says that you mean it")
}
