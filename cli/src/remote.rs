//! Commands that talk to a server: they deploy Workers to it and look after
//! them. All of it goes over the API that wrangler speaks.
//!
//! What was asked for goes to stdout, as text for people or with `--json` as
//! JSON; progress, notes and errors go to stderr.

mod account;
mod accounts;
pub(crate) mod args;
mod cache;
mod connect;
mod credentials;
mod d1;
mod delete;
mod deploy;
mod deployments;
mod dispatch_namespace;
mod hyperdrive;
mod kv;
mod local;
mod login;
mod output;
mod project;
mod queues;
mod r2;
mod rollback;
mod secret;
mod tail;
mod tokens;
mod top;
mod versions;
mod workflows;

use std::process::ExitCode;

use anyhow::Context as _;

pub(crate) use account::RemoteAccount;
use args::RemoteCommand;
pub(crate) use args::ServerArgs;
pub(crate) use d1::RemoteD1;
pub(crate) use kv::run as run_kv;
pub(crate) use output::{must_confirm, print, print_json, read_secret, table};
pub(crate) use queues::RemoteQueues;
pub(crate) use r2::RemoteBuckets;
pub(crate) use workflows::RemoteWorkflows;

use crate::kv::is_closed_pipe;
use crate::terminal;

/// Does what the command says.
pub(crate) fn run(command: RemoteCommand) -> ExitCode {
    let result = runtime().and_then(|runtime| runtime.block_on(dispatch(command)));
    end(result)
}

/// The event loop of a command.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")
}

/// Runs a command to its end.
pub(crate) fn run_async(work: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    end(runtime().and_then(|runtime| runtime.block_on(work)))
}

/// A segment of a path, percent-encoded.
pub(crate) fn segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_~".contains(&byte);
    let encode = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// Says how a command ended.
fn end(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::print_error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(command: RemoteCommand) -> anyhow::Result<()> {
    match command {
        RemoteCommand::Login(args) => login::login(args).await,
        RemoteCommand::Logout(args) => login::logout(&args),
        RemoteCommand::Whoami(args) => login::whoami(&args).await,
        RemoteCommand::Deploy(args) => Box::pin(deploy::deploy(*args)).await,
        RemoteCommand::Versions(command) => Box::pin(versions::run(command)).await,
        RemoteCommand::Deployments(command) => deployments::run(command).await,
        RemoteCommand::Rollback(args) => rollback::rollback(args).await,
        RemoteCommand::Secret(command) => secret::run(command).await,
        RemoteCommand::Tail(args) => tail::tail(args).await,
        RemoteCommand::Delete(args) => delete::delete(args).await,
        RemoteCommand::Tokens(command) => tokens::run(command).await,
        RemoteCommand::Accounts(command) => accounts::run(command).await,
        RemoteCommand::Cache(command) => cache::run(command).await,
        RemoteCommand::DispatchNamespace(command) => dispatch_namespace::run(command).await,
        RemoteCommand::Hyperdrive(command) => hyperdrive::run(command).await,
        RemoteCommand::Top(args) => top::top(args).await,
    }
}
