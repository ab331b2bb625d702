//! The `selvedge` command: reads the command line and the environment, and
//! says what went wrong in a way that helps.

mod analytics;
mod api;
mod args;
mod backup;
mod check;
mod custom_build;
mod d1;
mod dev;
mod durable;
mod files;
mod guard;
mod init;
mod inspect;
mod keys;
mod kv;
mod queues;
mod r2;
mod remote;
mod run;
mod secrets_store;
mod serve;
mod signals;
mod terminal;
mod trace;
mod types;
mod vars;
mod workflows;

use std::io::Write as _;
use std::process::ExitCode;

use args::{Cli, Command};
use clap::{CommandFactory as _, Parser as _};

fn main() -> ExitCode {
    files::raise_limit();
    match Cli::try_parse() {
        Ok(Cli { command: Command::Run(args) }) => run::run(*args),
        Ok(Cli { command: Command::Dev(args) }) => dev::dev(*args),
        Ok(Cli { command: Command::Serve(args) }) => serve::serve(*args),
        Ok(Cli { command: Command::Guard { line } }) => guard::guard(&line),
        Ok(Cli { command: Command::Init(args) }) => init::init(&args),
        Ok(Cli { command: Command::Types(args) }) => types::types(&args),
        Ok(Cli { command: Command::Check(args) }) => check::check(&args),
        Ok(Cli { command: Command::Kv(args) }) => kv::run(*args),
        Ok(Cli { command: Command::D1(args) }) => d1::run(*args),
        Ok(Cli { command: Command::Queues(args) }) => queues::run(*args),
        Ok(Cli { command: Command::R2(args) }) => r2::run(*args),
        Ok(Cli { command: Command::Analytics(args) }) => analytics::run(*args),
        Ok(Cli { command: Command::SecretsStore(args) }) => secrets_store::run(*args),
        Ok(Cli { command: Command::Workflows(args) }) => workflows::run(*args),
        Ok(Cli { command: Command::Do(args) }) => durable::run(*args),
        Ok(Cli { command: Command::Backup(args) }) => backup::backup(&args),
        Ok(Cli { command: Command::Restore(args) }) => backup::restore(&args),
        Ok(Cli { command: Command::Remote(command) }) => remote::run(*command),
        Ok(Cli { command: Command::Completions { shell } }) => completions(shell),
        Err(error) => {
            // Also help and version, which are no errors.
            let _ = error.print();
            if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
    }
}

fn completions(shell: clap_complete::Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "selvedge", &mut script);
    match std::io::stdout().write_all(&script) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::print_error(&format!("cannot write the completions: {error}"));
            ExitCode::FAILURE
        }
    }
}
