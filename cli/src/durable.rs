//! `selvedge do`: Durable Objects in a data folder.
//!
//! It works on the files themselves, so no server may have them open. Nothing is
//! changed unless `--write` asks for it. What is asked for goes to stdout, what
//! was done and errors go to stderr.

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
        .build()
        .context("cannot start the event loop")
        .and_then(|runtime| dispatch(args.command, &runtime));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::print_error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: DoCommand, runtime: &tokio::runtime::Runtime) -> anyhow::Result<()> {
    match command {
        DoCommand::List { namespace: None, json, place, .. } => list::namespaces(json, &place),
        DoCommand::List { namespace: Some(namespace), prefix, json, place } => {
            list::objects(&namespace, prefix, json, &place)
        }
        DoCommand::Info { target } => list::info(&target),
        DoCommand::Sql { target, query, json, write } => {
            sql::run(&target, &query, json, write, runtime)
        }
        DoCommand::Get { target, key, prefix } => values::get(&target, key.as_deref(), prefix),
        DoCommand::Put { target, key, value, write } => {
            values::put(&target, &key, &value, write, runtime)
        }
        DoCommand::Delete { target, key, write } => {
            values::delete(&target, key.as_deref(), write, runtime)
        }
        DoCommand::Alarm { target, set, delete, write } => {
            alarm::run(&target, set.as_deref(), delete, write, runtime)
        }
        DoCommand::Evict { namespace, place, .. } => evict::run(&namespace, &place),
    }
}

/// What changes data must be asked for twice.
fn must_write(write: bool) -> anyhow::Result<()> {
    if write {
        return Ok(());
    }
    bail!("nothing was changed: this writes\nhint: --write says that you mean it")
}
