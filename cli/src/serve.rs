//! `selvedge serve`: from the command line to a server of many Workers.

mod args;
mod control;
mod keys;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use selvedge_api::ApiOptions;
use selvedge_deployments::audit::Actor;
use selvedge_deployments::{DeploymentStore, Options, SqliteStore, UnixMillis, ZonePolicy};
use selvedge_server::backends::Backends;
use selvedge_server::host::settings::{Certificate, Settings};
use selvedge_server::host::{HostOptions, Server};
use selvedge_server::log::{Field, Level, Log, LogOptions};
use tokio::net::TcpListener;

pub(crate) use args::ServeArgs;
use control::Control;

use crate::{signals, terminal, trace};

/// Serves until it is told to stop.
pub(crate) fn serve(args: ServeArgs) -> ExitCode {
    let log = Log::new(LogOptions {
        format: args.log_format.into(),
        level: args.log_level.into(),
        colors: terminal::colors(),
    });
    trace::install(&log);
    crate::run::end(start(args, &log), &log)
}

fn start(args: ServeArgs, log: &Arc<Log>) -> anyhow::Result<()> {
    let settings = settings(&args)?;
    let listen = args::addresses(&args.listen)?;
    let admin = args::addresses(&args.admin_listen)?;
    let idle = Duration::from_secs(settings.isolates.object_idle_seconds);
    let backends = Backends::new(&args.data_dir, "selvedge serve", idle);
    let backends = backends.with_d1_history(settings.d1.limits());
    // The folder is ours before a key is looked for in it.
    let folder = backends.data_dir().map_err(|error| anyhow!(error.to_string()))?;
    let keys = keys::keyring(&args, log)?;
    let zones = if settings.zones.assigned { ZonePolicy::Assigned } else { ZonePolicy::FirstCome };
    let options = Options { keys, zones, domain: settings.domain.clone(), clock: Arc::new(now) };
    let store = SqliteStore::open(folder, options).map_err(|error| anyhow!(error.to_string()))?;
    // After a rotation of the keys nothing needs the old ones for long.
    let again = store.reencrypt(&Actor::operator()).map_err(|error| anyhow!(error.to_string()))?;
    if again > 0 {
        let text = format!("{again} secrets were encrypted with the newest key");
        log.event(Level::Info, &text, Vec::new());
    }
    let store: Arc<dyn DeploymentStore> = Arc::new(store);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")?;
    runtime.block_on(async {
        let shutdown = signals::shutdown().context("cannot listen for signals")?;
        let api_options = api_options(&settings);
        let host = HostOptions {
            data_dir: args.data_dir.clone(),
            listen,
            ingress_threads: args.ingress_threads,
            settings,
            log: log.clone(),
        };
        // Taken before anything is served: who cannot be managed is not started.
        let admin = bind(&admin).await?;
        let server = Server::start(host, store.clone(), backends).await;
        let server = server.map_err(|error| anyhow!(error.to_string()))?;
        serve_until(shutdown, server, admin, store, api_options, &args, log).await
    })
}

async fn serve_until(
    shutdown: impl Future<Output = ()>,
    server: Server,
    admin: Vec<TcpListener>,
    store: Arc<dyn DeploymentStore>,
    mut options: ApiOptions,
    args: &ServeArgs,
    log: &Arc<Log>,
) -> anyhow::Result<()> {
    let public = server.urls();
    let first = server.addresses.first().map(SocketAddr::port);
    options.public_scheme =
        public.first().and_then(|url| url.split(':').next()).unwrap_or("http").to_owned();
    let usual = if options.public_scheme == "https" { 443 } else { 80 };
    options.public_port = first.filter(|port| *port != usual);
    let at = admin.first().and_then(|listener| listener.local_addr().ok());
    let control = Control::write(&args.data_dir, at)?;
    options.control_token = Some(control.token().to_owned());
    let api = selvedge_api::Api::new(store, Arc::new(server.handle()), options);
    let (stopping, _) = tokio::sync::watch::channel(false);
    for listener in admin {
        if let Ok(address) = listener.local_addr() {
            log.event(Level::Info, &format!("the API listens on http://{address}"), Vec::new());
        }
        let mut stops = stopping.subscribe();
        let until = async move { drop(stops.wait_for(|stops| *stops).await) };
        tokio::spawn(selvedge_api::serve(listener, api.clone(), until));
    }
    for url in &public {
        log.listening("selvedge serve", url);
    }
    let mut shutdown = std::pin::pin!(shutdown);
    let mut reload = signals::reload().context("cannot listen for signals")?;
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            () = reload.next() => match server.reload() {
                Ok(()) => log.event(Level::Info, "certificates were read again, and the access log opened", Vec::new()),
                Err(error) => {
                    let fields = vec![Field::new("reason", error.to_string())];
                    log.event(Level::Error, "the certificates stay as they were", fields);
                }
            },
        }
    }
    log.event(Level::Info, "stopping", Vec::new());
    server.stop().await;
    let _ = stopping.send(true);
    drop(control);
    Ok(())
}

async fn bind(addresses: &[SocketAddr]) -> anyhow::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for address in addresses {
        let listener = TcpListener::bind(address).await;
        listeners.push(listener.with_context(|| format!("cannot listen on {address}"))?);
    }
    Ok(listeners)
}

/// The file's settings, with what the command line says in their place.
fn settings(args: &ServeArgs) -> anyhow::Result<Settings> {
    let mut settings = match &args.config {
        Some(path) => Settings::load(path).map_err(|error| anyhow!(error.to_string()))?,
        None => Settings::default(),
    };
    if let Some(domain) = &args.domain {
        settings.domain = Some(domain.clone());
    }
    if let Some(delay) = args.drain_delay {
        settings.drain.delay_seconds = delay;
    }
    if let Some(file) = &args.access_log {
        settings.access_log.file = Some(file.clone());
    }
    if let Some((certificate, key)) = args.tls_cert.clone().zip(args.tls_key.clone()) {
        settings.tls.retain(|other| !other.hosts.is_empty());
        settings.tls.push(Certificate { hosts: Vec::new(), certificate, key });
    }
    settings.check().map_err(|error| anyhow!(error))
}

fn api_options(settings: &Settings) -> ApiOptions {
    let mut options = ApiOptions::new(Arc::new(now));
    options.domain.clone_from(&settings.domain);
    options.script_bytes = settings.limits.script_bytes;
    options.storage_bytes = Some(settings.account.storage_bytes).filter(|bytes| *bytes > 0);
    options
}

fn now() -> UnixMillis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
