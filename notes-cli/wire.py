import re
def sub(p, pairs):
    s=open(p).read()
    for a,b in pairs:
        assert a in s, (p,a)
        s=s.replace(a,b,1)
    open(p,'w').write(s)
sub('server/src/lib.rs',[('pub mod host;','pub mod host;\npub mod kept_events;'),('pub mod outbound;','pub mod otlp;\npub mod outbound;')])
sub('server/src/host/core.rs',[
 ('    pub(crate) traces: Arc<Traces>,\n    pub(crate) routes','    pub(crate) traces: Arc<Traces>,\n    pub(crate) kept: Arc<KeptEvents>,\n    pub(crate) routes'),
 ('    pub(crate) traces: Arc<Traces>,\n    pub(crate) backends','    pub(crate) traces: Arc<Traces>,\n    pub(crate) kept: Arc<KeptEvents>,\n    pub(crate) backends'),
 ('            traces: parts.traces,','            traces: parts.traces,\n            kept: parts.kept,'),
 ('use crate::http1::','use crate::kept_events::KeptEvents;\nuse crate::http1::'),
])
sub('server/src/host.rs',[
 ('        let core = Core::new(Parts {','        let kept = watch_events(&options, &traces)?;\n        let core = Core::new(Parts {'),
 ('            traces,\n            backends,','            traces,\n            kept,\n            backends,'),
 ('    #[error("cannot start a thread: {0}")]\n    Thread(std::io::Error),','    #[error("cannot start a thread: {0}")]\n    Thread(std::io::Error),\n    #[error("events cannot be kept: {0}")]\n    Logs(#[from] selvedge_logs::Error),\n    #[error("traces: {0}")]\n    Traces(String),'),
 ('/// A few: they do little for each connection.','''/// Starts what keeps events, and what sends traces if the settings say where to.
fn watch_events(options: &HostOptions, traces: &Traces) -> Result<Arc<KeptEvents>, HostError> {
    let LogSettings { retention_days, max_bytes_per_account } = options.settings.logs;
    let now = || selvedge_runtime::log::unix_millis() as i64;
    let mut of_logs = selvedge_logs::Options::new(options.data_dir.join("logs"), now);
    of_logs.retention = Duration::from_secs(u64::from(retention_days) * 24 * 60 * 60);
    of_logs.max_bytes_per_account = max_bytes_per_account;
    let kept = Arc::new(KeptEvents::new(selvedge_logs::LogStore::open(of_logs)?));
    traces.add_sink(kept.clone());
    let TraceSettings { endpoint, token, sample_rate } = options.settings.traces.clone();
    if let Some(endpoint) = endpoint {
        let otlp = Otlp::start(OtlpOptions { endpoint, token, sample_rate });
        traces.add_sink(Arc::new(otlp.map_err(HostError::Traces)?));
    }
    Ok(kept)
}

/// A few: they do little for each connection.'''),
 ('use crate::metrics::Registry;','use crate::kept_events::KeptEvents;\nuse crate::metrics::Registry;\nuse crate::otlp::{Otlp, OtlpOptions};'),
 ('use settings::Settings;','use settings::{LogSettings, Settings, TraceSettings};'),
])
sub('server/src/host/change.rs',[
 ('    core.set_worker(&key, Some(worker));','    core.kept.set(&key, &worker.live.settings.observability);\n    core.set_worker(&key, Some(worker));'),
 ('        core.traces.registry().forget(key.account.as_str(), &key.name);','        core.traces.registry().forget(key.account.as_str(), &key.name);\n        core.kept.forget(key);'),
])
sub('server/src/host/api.rs',[
 ('''            let _ = query;
            Err(HostError::Unavailable("this server keeps no logs".to_owned()))''','''            let kept = self.0.kept.clone();
            let account = query.account.as_str().to_owned();
            let question = query_of(query).map_err(HostError::Unavailable)?;
            let found = tokio::task::spawn_blocking(move || kept.store().query(&account, &question));
            let found = found.await.map_err(|error| HostError::Internal(error.to_string()))?;
            match found {
                Ok(page) => Ok(LogPage { items: page.items, cursor: page.cursor }),
                Err(selvedge_logs::Error::Storage(error)) => {
                    Err(HostError::Internal(error.to_string()))
                }
                Err(error) => Err(HostError::Unavailable(error.to_string())),
            }'''),
 ('        self.0.traces.registry().prometheus(METRIC_WORKERS)','        let registry = self.0.traces.registry();\n        registry.set_dropped_logs(self.0.kept.store().dropped());\n        registry.prometheus(METRIC_WORKERS)'),
 ('use super::{Handle,','use crate::kept_events::query_of;\n\nuse super::{Handle,'),
])
s=open('server/Cargo.toml').read()
for dep in ['selvedge-client','selvedge-logs']:
    if dep+'.workspace' not in s:
        s=s.replace('selvedge-kv.workspace = true\n','selvedge-kv.workspace = true\n'+dep+'.workspace = true\n')
open('server/Cargo.toml','w').write(s)
