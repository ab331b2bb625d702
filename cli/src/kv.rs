//! `selvedge kv`: namespaces and keys in a data folder; with `--remote`, those of
//! a server.
//!
//! A server that has the folder does what is asked for, in its own process. Where
//! none has it, the files are read and written here. What is asked for goes to
//! stdout: values as they are, lists as JSON. What was done, progress and errors go
//! to stderr.

mod args;
mod bulk;
mod key;
mod namespace;
mod server;
mod target;

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use self::args::Confirm;
pub(crate) use self::args::{
    BulkCommand, KeyCommand, KvArgs, KvCommand, NamespaceCommand, Place, PutArgs, Target,
};
pub(crate) use self::target::{config_file, data_dir, now};
use crate::{remote, terminal};

/// Does what the command says.
pub(crate) fn run(args: KvArgs) -> ExitCode {
    if args.command.place().remote {
        return remote::run_kv(args.command);
    }
    let result = tokio::runtime::Builder::new_current_thread()
        .enable_all()
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

fn dispatch(command: KvCommand, runtime: &tokio::runtime::Runtime) -> anyhow::Result<()> {
    match command {
        KvCommand::Namespace(command) => match command {
            NamespaceCommand::Create { namespace, place } => {
                runtime.block_on(namespace::create(&namespace, &place))
            }
            NamespaceCommand::List { place } => runtime.block_on(namespace::list(&place)),
            NamespaceCommand::Delete { namespace, target, confirm } => {
                runtime.block_on(namespace::delete(namespace.as_deref(), &target, &confirm))
            }
            NamespaceCommand::Rename { old_name, namespace_id, new_name, place } => runtime
                .block_on(namespace::rename(
                    old_name.as_deref(),
                    namespace_id.as_deref(),
                    &new_name,
                    &place,
                )),
        },
        KvCommand::Key(command) => match command {
            KeyCommand::Put(args) => runtime.block_on(key::put(*args)),
            KeyCommand::Get { key, text, target } => {
                runtime.block_on(key::get(&key, text, &target))
            }
            KeyCommand::List { prefix, target } => runtime.block_on(key::list(prefix, &target)),
            KeyCommand::Delete { key, target } => runtime.block_on(key::delete(key, &target)),
        },
        KvCommand::Bulk(command) => match command {
            BulkCommand::Put { filename, target } => bulk::put(&filename, &target, runtime),
            BulkCommand::Get { filename, target } => bulk::get(&filename, &target, runtime),
            BulkCommand::Delete { filename, confirm, target } => {
                bulk::delete(&filename, &target, &confirm, runtime)
            }
        },
    }
}

/// Whether who reads our output had enough, as `head` does.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

/// Says on stderr what was done.
pub(crate) fn say(text: &str) {
    // There is nowhere to say that saying it failed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Asks on the terminal whether to go on.
///
/// # Errors
/// When the answer is no, or nobody can be asked.
fn must_confirm(what: &str, confirm: &Confirm) -> anyhow::Result<()> {
    if confirm.force {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        bail!("nothing was deleted: this cannot be undone\nhint: --force says that you mean it");
    }
    let mut stderr = std::io::stderr();
    write!(stderr, "{what} This cannot be undone. Go on? [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    bail!("nothing was deleted")
}
