//! `selvedge run`: from the command line to a server.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use selvedge_runtime::Mode;
use selvedge_server::config::{Config, Selection};
use selvedge_server::log::{Format, Log, LogOptions};
use selvedge_server::project::Project;
use selvedge_server::run_options::{RunOptions, Scaling, TlsFiles};

use crate::args::RunArgs;
use crate::guard::Output;
use crate::{custom_build, signals, terminal, trace};

/// The folder of state, beside the configuration or the Worker.
pub(crate) const DATA_DIR: &str = ".selvedge";

/// Serves until it is told to stop.
pub(crate) fn run(args: RunArgs) -> ExitCode {
    let log = Log::new(LogOptions {
        format: args.log_format.into(),
        level: args.log_level.into(),
        colors: terminal::colors(),
    });
    trace::install(&log);
    end(serve(args, &log), &log)
}

/// Says how a command that has a log ended.
pub(crate) fn end(result: anyhow::Result<()>, log: &Log) -> ExitCode {
    let Err(error) = result else {
        log.flush();
        return ExitCode::SUCCESS;
    };
    match log.format() {
        // Where the log goes, and also when it says nothing else.
        Format::Json => {
            log.last_word(&format!("{error:#}"));
            log.flush();
        }
        Format::Pretty => {
            // Why it ended comes last, even when the log says nothing.
            log.flush();
            terminal::print_error(&format!("{error:#}"));
        }
    }
    ExitCode::FAILURE
}

fn serve(args: RunArgs, log: &Arc<Log>) -> anyhow::Result<()> {
    let mode = if args.production { Mode::Production } else { Mode::Local };
    if let Some(flags) = &args.v8_flags {
        selvedge_runtime::set_v8_flags(flags);
    }
    let listen = addresses(&args.host, args.port)?;
    let config = Config::load(Selection {
        file: args.file.as_deref(),
        config: args.config.as_deref(),
        env: args.env.as_deref(),
        vars: Some(&args.vars.options()),
    })
    .map_err(|error| anyhow!(error.text()))?;
    custom_build::run(&config.build, Output::Ours).map_err(|error| anyhow!(error.text()))?;
    let not_here = config.not_in_run();
    let mut project = Project::load(config, mode).map_err(|error| anyhow!(error.text()))?;
    for warning in project.warnings.iter().chain(&not_here) {
        log.warn(warning);
    }
    project.worker.entrypoint = args.entrypoint;
    let options = RunOptions {
        data_dir: args.data_dir.unwrap_or_else(|| project.root.join(DATA_DIR)),
        project,
        listen,
        isolates: args.isolates,
        scaling: Scaling::default(),
        log: log.clone(),
        tls: args
            .tls_cert
            .zip(args.tls_key)
            .map(|(certificate, key)| TlsFiles { certificate, key }),
        production: args.production,
        server_timing: args.server_timing,
        object_idle: args.object_idle,
        smtp: args.smtp,
        inspect: args.inspect.options(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")?;
    runtime.block_on(async {
        let shutdown = signals::shutdown().context("cannot listen for signals")?;
        // Its text is all there is to say: no chain of causes after it.
        selvedge_server::run::run(options, shutdown)
            .await
            .map_err(|error| anyhow!(error.to_string()))
    })
}

pub(crate) fn addresses(host: &str, port: u16) -> anyhow::Result<Vec<SocketAddr>> {
    let name = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
    let found = (name, port).to_socket_addrs().map_err(|error| {
        anyhow!(
            "cannot listen on {host}: {error}\nhint: --host takes an address of this machine, \
             e.g. 127.0.0.1, 0.0.0.0 or ::1"
        )
    })?;
    let addresses: Vec<_> = found.collect();
    if addresses.is_empty() {
        bail!("cannot listen on {host}: the name has no address");
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_addresses_or_names() {
        for (host, first) in
            [("127.0.0.1", "127.0.0.1:80"), ("[::1]", "[::1]:80"), ("::", "[::]:80")]
        {
            let found = addresses(host, 80).expect("an address");
            assert_eq!(found.first().map(ToString::to_string).as_deref(), Some(first));
        }
        assert!(addresses("no such host", 80).is_err());
    }
}
